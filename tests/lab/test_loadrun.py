"""Runs as they really are: a site, a command, a load generator, all in processes of their own."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.lab.fitness import expected_outcomes
from tests.site import PATIENCE_S, Site, alive, locust_processes, wait_for

SHORT = ("loadrun", "baseline", "--users", "20", "--duration", "3", "--capacity", "20")
LONG = ("loadrun", "baseline", "--users", "20", "--duration", "120", "--capacity", "1000")


def result(path: Path) -> dict[str, Any]:
    """Read what `--json` wrote."""
    read: dict[str, Any] = json.loads(path.read_text())
    return read


@pytest.fixture(scope="module")
def finished(site: Site, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One short run that ended by itself, with its exit code and output."""
    path = tmp_path_factory.mktemp("run") / "result.json"
    done = site.manage(*SHORT, "--json", str(path))
    return {**result(path), "exit_code": done.returncode, "output": done.stdout + done.stderr}


def outcomes_due(finished: dict[str, Any]) -> tuple[str, str, str]:
    """Return what this machine lets the verdicts of a good run say."""
    validity, budget, _ = (verdict["finding"] for verdict in finished["run"]["verdicts"])
    return expected_outcomes(validity, budget)


class TestFinishedRun:
    """A short run that nobody disturbed."""

    def test_tells_the_shell_what_the_verdicts_say(self, finished: dict[str, Any]) -> None:
        """0 if everything passed; 3 or 99 if the machine gave generator or site no processor."""
        code = {"pass": 0, "inconclusive": 3, "fail": 99}[outcomes_due(finished)[1]]
        assert finished["exit_code"] == code, finished["output"]

    def test_sells_exactly_its_stock(self, finished: dict[str, Any]) -> None:
        """Twenty places, twenty purchases, twenty tickets, twenty buyers who were told so."""
        stock = finished["run"]["summary"]["stock"]

        sold = {name: stock[name] for name in ("sold", "purchase_count", "ticket_count")}
        assert sold == {"sold": 20, "purchase_count": 20, "ticket_count": 20}
        assert stock["bought_seen"] == 20

    def test_counts_each_request_once(self, finished: dict[str, Any]) -> None:
        """The seconds, the table and the total agree to the last request."""
        summary = finished["run"]["summary"]
        by_second = sum(second["request_count"] for second in finished["seconds"])

        assert by_second == summary["request_count"] == sum(r["count"] for r in summary["rows"])

    def test_leaves_nothing_unknown(self, finished: dict[str, Any]) -> None:
        """Users finish their request; none is cut off."""
        summary = finished["run"]["summary"]

        assert (summary["unknown_count"], summary["fault_count"]) == (0, 0)

    def test_passes_every_verdict(self, finished: dict[str, Any]) -> None:
        """Validity, budget and integrity, each with a sentence; a starved run proves nothing."""
        verdicts = finished["run"]["verdicts"]

        assert [v["kind"] for v in verdicts] == ["validity", "budget", "integrity"]
        assert tuple(v["outcome"] for v in verdicts) == outcomes_due(finished)
        assert all(v["finding"] for v in verdicts)

    def test_knows_what_the_server_took(self, finished: dict[str, Any]) -> None:
        """The worker of the real api role: who listens only hands it the connections."""
        assert any(second["server_cpu_pct"] for second in finished["seconds"])
        assert "The server took at most" in finished["output"]

    def test_prints_table_and_verdicts(self, finished: dict[str, Any]) -> None:
        """What the browser shows is on the terminal too."""
        for words in ("POST /purchase", "sold_out", "All requests", "Integrity", "p99.9"):
            assert words in finished["output"]

    def test_sees_every_second(self, finished: dict[str, Any]) -> None:
        """No second of the run is missing."""
        seqs = [second["seq"] for second in finished["seconds"]]

        assert seqs == list(range(len(seqs)))
        assert len(seqs) >= 3

    def test_real_stock_is_untouched(self, site: Site, finished: dict[str, Any]) -> None:
        """Rehearsal stock is another vacancy, and it is gone."""
        with site.operator() as client:
            listed = client.get(f"{site.api}/api/v1/vacancies").json()["vacancies"]

        assert all("Rehearsal" not in vacancy["name"] for vacancy in listed)


def test_killed_generator_fails_the_run_with_a_reason(site: Site, tmp_path: Path) -> None:
    """kill -9 of the load generator: failed, said why, nothing left."""
    path = tmp_path / "result.json"
    with site.manage_in_background(*LONG, "--json", str(path)) as running:
        generators = _generators_of(running)

        generators[0].kill()

        assert running.wait(timeout=PATIENCE_S) == 105
    run = result(path)["run"]
    assert run["state"] == "failed"
    assert "killed by signal 9" in run["reason"]


def test_interrupted_run_is_stopped_in_order(site: Site, tmp_path: Path) -> None:
    """Ctrl-C: users finish, the run is kept as stopped, no process is left, none unknown."""
    path = tmp_path / "result.json"
    with site.manage_in_background(*LONG, "--json", str(path)) as running:
        generators = _generators_of(running)
        _wait_for_requests(site)

        running.send_signal(signal.SIGINT)

        assert running.wait(timeout=PATIENCE_S) == 105
    run = result(path)["run"]
    assert (run["state"], run["summary"]["unknown_count"]) == ("stopped", 0)
    assert not alive(generators)


def test_generator_ends_itself_when_its_supervisor_is_killed(site: Site) -> None:
    """kill -9 of the supervisor: the pipe breaks and the load ends."""
    with site.manage_in_background(*LONG) as running:
        generators = _generators_of(running)
        _wait_for_requests(site)

        running.kill()
        running.wait()

        wait_for(lambda: not alive(generators), what="the generator to end")
    _wait_until_idle(site)


def test_second_run_is_refused_while_one_is_active(site: Site) -> None:
    """One run at a time, across processes."""
    with site.manage_in_background(*LONG) as running:
        _generators_of(running)

        refused = site.manage(*SHORT)

        running.send_signal(signal.SIGINT)
        running.wait(timeout=PATIENCE_S)
    assert refused.returncode == 1
    assert "one run at a time" in refused.stderr


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("LOADLAB_TARGET", "http://127.0.0.1:1", "No ticketsite answers"),
        ("LOADLAB_ALLOWED_TARGETS", "http://127.0.0.1:1", "Load may not go to"),
    ],
)
def test_run_without_a_good_target_says_why(
    site: Site, setting: str, value: str, words: str
) -> None:
    """Nothing there, or not allowed there: a sentence, and no load."""
    environment = {**site.environment, setting: value}
    elsewhere = Site(**{**vars(site), "environment": environment})

    done = elsewhere.manage(*SHORT)

    assert done.returncode in {1, 105}
    assert words in done.stdout + done.stderr


def test_setting_out_of_bounds_is_refused(site: Site) -> None:
    """The caps of the site hold on the command line too."""
    done = site.manage("loadrun", "baseline", "--users", "1000000")

    assert done.returncode == 1
    assert "Virtual users" in done.stderr


def test_result_that_cannot_be_written_is_found_before_the_run(site: Site, tmp_path: Path) -> None:
    """And not after it, when the verdict would be lost with the exit code."""
    done = site.manage(*LONG, "--json", str(tmp_path))

    assert done.returncode == 1
    assert f"cannot be written to {tmp_path}" in done.stderr


def _generators_of(running: "subprocess.Popen[str]") -> list[psutil.Process]:
    """Wait for the load generator of a run."""
    found: list[psutil.Process] = wait_for(
        lambda: locust_processes(running.pid), what="the generator"
    )
    return found


def _wait_for_requests(site: Site) -> None:
    """Wait until the newest run has stored its first second."""
    newest = (
        "SELECT count(*) FROM loadlab_runsecond WHERE run_id = (SELECT max(id) FROM loadlab_run)"
    )
    wait_for(lambda: site.rows(newest)[0][0] > 0, what="the first second")


def _wait_until_idle(site: Site) -> None:
    """Wait until the site's worker has ended the run whose supervisor was killed."""
    active = "SELECT count(*) FROM loadlab_run WHERE slot = 1"
    wait_for(lambda: site.rows(active)[0][0] == 0, what="the lost run to be ended")
