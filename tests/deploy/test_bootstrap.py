"""Setting up: what cannot work is said in one sentence; what is done is not done again."""

import sys

import pytest

from deploy import bootstrap


class Installer:
    """Stands for `bootstrap.run`: remembers commands, and fails those that contain a word."""

    def __init__(self, *failing):
        self.commands = []
        self.failing = set(failing)

    def __call__(self, *command):
        self.commands.append(command)
        return not any(word in part for word in self.failing for part in command)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout of its own: lock files, and a .venv that has only the interpreter's name."""
    (tmp_path / "requirements").mkdir()
    for name in ("bootstrap", "run"):
        (tmp_path / "requirements" / f"{name}.txt").write_text(f"{name}==1\n")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    monkeypatch.setattr(bootstrap, "ROOT", str(tmp_path))
    monkeypatch.setattr(bootstrap, "VENV", str(tmp_path / ".venv"))
    monkeypatch.setattr(bootstrap, "VENV_PYTHON", str(python))
    return tmp_path


@pytest.fixture
def installer(monkeypatch):
    fake = Installer()
    monkeypatch.setattr(bootstrap, "run", fake)
    return fake


def stopped(capsys, call, *arguments):
    """Run `call`, which must stop with code 1, and return the lines it wrote to stderr."""
    with pytest.raises(SystemExit) as stop:
        call(*arguments)
    assert stop.value.code == 1
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("version", [(3, 10, 14), (3, 9, 2), (2, 7, 18)])
def test_old_python_gets_one_sentence_that_names_both_versions(capsys, version):
    (sentence,) = stopped(capsys, bootstrap.check_python, version)

    assert "needs Python 3.11 or newer" in sentence
    assert f"this is {version[0]}.{version[1]}:" in sentence


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_missing_venv_gets_one_sentence_that_names_the_package(capsys, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)  # None makes an import of it fail

    (sentence,) = stopped(capsys, bootstrap.check_python)

    assert "apt-get install python3-venv" in sentence


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 1), (4, 0, 0)])
def test_new_enough_python_passes_without_a_word(capsys, version):
    bootstrap.check_python(version)

    assert capsys.readouterr() == ("", "")


def test_first_call_installs_the_wanted_lock_by_its_hashes(checkout, installer):
    bootstrap.main("run")

    last = installer.commands[-1]
    assert last[-2:] == ("-r", str(checkout / "requirements" / "run.txt"))
    assert "--require-hashes" in last


def test_second_call_does_nothing_and_says_nothing(checkout, installer, capsys):
    bootstrap.main("run")
    installer.commands.clear()
    capsys.readouterr()

    bootstrap.main("run")

    assert installer.commands == []
    assert capsys.readouterr() == ("", "")


def test_changed_lock_installs_again(checkout, installer):
    bootstrap.main("run")
    installer.commands.clear()
    (checkout / "requirements" / "run.txt").write_text("run==2\n")

    bootstrap.main("run")

    assert installer.commands


def test_pip_installs_when_uv_cannot_reach_the_packages(checkout, installer):
    installer.failing = {"bin/uv"}

    bootstrap.main("run")

    assert "pip" in installer.commands[-1]
    assert installer.commands[-1][-1] == str(checkout / "requirements" / "run.txt")


def test_failed_install_gets_a_sentence_and_is_tried_again_next_time(checkout, installer, capsys):
    installer.failing = {"run.txt"}

    (sentence,) = stopped(capsys, bootstrap.main, "run")

    assert "requirements/run.txt could not be installed" in sentence
    assert not (checkout / ".venv" / "installed-run").exists()
