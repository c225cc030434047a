"""`loadrun` as a gate in CI: it serves for itself, and its exit code can be trusted."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from loadlab.scenarios import LOAD_REVISION
from tests.site import PATIENCE_S, ROOT, alive, descendants, end, rows, site_environment, wait_for

SHORT = ("baseline", "--users", "10", "--capacity", "20", "--serve")
HUNGRY = 8  # busy loops beside the starved generator: it gets a ninth of a core at most


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A database of its own, and nothing that runs: what a CI job begins with."""
    folder = tmp_path_factory.mktemp("gate")
    (folder / "var").mkdir()
    found = site_environment(folder)
    migrate = [sys.executable, "manage.py", "migrate", "-v0"]
    subprocess.run(migrate, env=found, cwd=ROOT, check=True, timeout=240)
    return found


def loadrun(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "manage.py", "loadrun", *arguments],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=290,
    )


def outcomes(document: dict[str, Any]) -> dict[str, str]:
    """Return each verdict's word."""
    return {one["kind"]: one["outcome"] for one in document["run"]["verdicts"] or ()}


@pytest.fixture(scope="module")
def repeated(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Run it twice and keep what was written and said."""
    path = tmp_path_factory.mktemp("repeat") / "result.json"
    arguments = ("--duration", "6", "--repeat", "2", "--set-baseline", "--json", str(path))
    done = loadrun(environment, *SHORT, *arguments)
    output = done.stdout + done.stderr
    assert path.exists(), output
    return {"code": done.returncode, "output": output, "json": json.loads(path.read_text())}


class TestRepeat:
    """Two identical runs, with the api role that the command starts itself."""

    def test_writes_both_runs_in_one_document(self, repeated: dict[str, Any]) -> None:
        """With the schema's name."""
        found = repeated["json"]

        assert found["schema"] == "ticketsite.runs", repeated["output"]
        assert [one["run"]["state"] for one in found["runs"]] == ["finished"] * 2

    def test_runs_have_one_fingerprint(self, repeated: dict[str, Any]) -> None:
        """Or they could not be compared; they tell which load it was, and on what."""
        runs = [one["run"] for one in repeated["json"]["runs"]]

        assert len({run["fingerprint"] for run in runs}) == 1
        where = {(run["environment"]["load"], run["environment"]["server"]) for run in runs}
        assert where == {(LOAD_REVISION, "uvicorn")}

    def test_noise_is_measured_exactly_when_both_were_valid(self, repeated: dict[str, Any]) -> None:
        """An invalid run says nothing about the machine; then the baseline is refused too."""
        both = all(outcomes(one)["validity"] == "pass" for one in repeated["json"]["runs"])

        assert ("noise" in repeated["json"]) == both
        assert ("Noise of this machine" in repeated["output"]) == both

    def test_sells_its_stock_to_the_last_place(self, repeated: dict[str, Any]) -> None:
        """Each run its own."""
        for one in repeated["json"]["runs"]:
            stock = one["run"]["summary"]["stock"]
            assert (stock["sold"], stock["purchase_count"]) == (20, 20)

    def test_leaves_no_server_behind(
        self, repeated: dict[str, Any], environment: dict[str, str]
    ) -> None:
        """The port is free again: the next command can serve."""
        ours = {environment["API_PORT"]}
        left = [
            process
            for process in psutil.process_iter(["cmdline"])
            if ours & set(process.info["cmdline"] or ())
        ]

        assert not alive(left)


@pytest.mark.parametrize("how", ["moved_counter", "lost_purchase"])
def test_sabotage_is_found_and_told_by_the_exit_code(
    environment: dict[str, str], tmp_path: Path, how: str
) -> None:
    """The negative control: a check that cannot fail would be worth nothing."""
    path = tmp_path / "result.json"

    done = loadrun(environment, *SHORT, "--duration", "3", "--sabotage", how, "--json", str(path))

    assert done.returncode == 98, done.stdout + done.stderr
    assert outcomes(json.loads(path.read_text()))["integrity"] == "fail"


def test_port_that_is_taken_is_said_before_anything_runs(environment: dict[str, str]) -> None:
    """With what to do."""
    import socket

    with socket.create_server(("127.0.0.1", int(environment["API_PORT"]))):
        done = loadrun(environment, *SHORT, "--duration", "3")

    assert done.returncode == 1
    assert "leave --serve out" in done.stderr


def test_flags_are_the_settings_of_the_scenarios(environment: dict[str, str]) -> None:
    """Each with its unit; one that a scenario does not have is refused, not ignored."""
    done = loadrun(environment, "--help")

    for flag in ("--users", "--think-time", "--duration", "--capacity", "--repeat", "--sabotage"):
        assert flag in done.stdout


@contextmanager
def crowd(core: int) -> Iterator[None]:
    """Keep one core busy with more than it can do."""
    loop = f"import os; os.sched_setaffinity(0, [{core}])\nwhile True: pass"
    # A session each: Linux may share a core out by sessions, and then one would get one share.
    busy = [
        subprocess.Popen([sys.executable, "-c", loop], start_new_session=True)
        for _ in range(HUNGRY)
    ]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def test_starved_generator_makes_the_run_invalid_and_not_slow(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """Pinned beside busy loops, it sees a slow server that is not slow: that must be said."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        pytest.skip("a starved generator needs a core that the server does not use")
    path, url = tmp_path / "result.json", environment["DATABASE_URL"]
    # Users who never pause: one that rarely needs its core gets it in time, whoever else wants it.
    greedy = ("--users", "50", "--think-time", "0", "--duration", "6")
    words = [sys.executable, "manage.py", "loadrun", *SHORT, *greedy]
    running = subprocess.Popen(
        [*words, "--json", str(path)], env=environment, cwd=ROOT,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        generator = wait_for(lambda: _locust(running.pid), what="the generator")
        # Not while it starts: what does not start in time was not starved but failed.
        wait_for(lambda: rows(url, "SELECT id FROM loadlab_run WHERE state = 'running'"), what="it")
        generator.cpu_affinity([cores[-1]])
        with crowd(cores[-1]):
            code = running.wait(timeout=PATIENCE_S)
    finally:
        end(running)

    document = json.loads(path.read_text())
    found = {one["kind"]: one for one in document["run"]["verdicts"]}
    assert found["validity"]["outcome"] == "fail", found["validity"]
    assert "starved" in found["validity"]["finding"]
    assert (found["budget"]["outcome"], code) == ("inconclusive", 3)


def _locust(pid: int) -> psutil.Process | None:
    for process in descendants(pid):
        try:
            if "locust" in process.cmdline():
                return process
        except psutil.NoSuchProcess:
            continue
    return None
