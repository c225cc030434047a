"""What the README tells people to type exists, and so does every file it points to."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/api.md",
    "docs/faults.md",
    "docs/glossary.md",
    "docs/ci.md",
    "docs/lab.md",
    "docs/speed.md",
]


def code_in(text: str) -> str:
    """Return what stands in code fences and code spans: prose may say "make sure"."""
    fences = re.findall(r"^```.*?\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return "\n".join([*fences, *re.findall(r"`([^`]+)`", prose)])


def make_targets_in(text: str) -> set[str]:
    return set(re.findall(r"\bmake ([a-z][a-z-]*)", code_in(text)))


def manage_commands_in(text: str) -> set[str]:
    return set(re.findall(r"\bmanage\.py ([a-z_]+)", code_in(text)))


def files_linked_in(text: str) -> set[str]:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    return {target for target in targets if not re.match(r"[a-z]+:", target)}


def named(collect) -> list[tuple[str, str]]:
    """Return each (page, thing) that `collect` finds, so that each is a case of its own."""
    return [(page, thing) for page in PAGES for thing in sorted(collect((ROOT / page).read_text()))]


@pytest.mark.parametrize(("page", "target"), named(make_targets_in))
def test_make_target_exists(page, target):
    rules = re.findall(r"^([a-z][a-z -]*):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)

    assert target in " ".join(rules).split()


@pytest.mark.parametrize(("page", "command"), named(manage_commands_in))
def test_manage_command_exists(page, command):
    assert command in get_commands()


@pytest.mark.parametrize(("page", "file"), named(files_linked_in))
def test_linked_file_exists(page, file):
    assert (ROOT / page).parent.joinpath(file).exists()


def test_the_readme_is_understood_at_all():
    text = (ROOT / "README.md").read_text()

    assert {"run", "test", "check"} <= make_targets_in(text)
    assert {"loadrun", "migrate"} <= manage_commands_in(text)
    assert "docs/glossary.md" in files_linked_in(text)


def test_commands_are_read_from_code_and_not_from_prose():
    text = "To make sure, type `make it` or:\n\n```\nmake tea\npython manage.py brew\n```\n"

    assert make_targets_in(text) == {"it", "tea"}
    assert manage_commands_in(text) == {"brew"}
