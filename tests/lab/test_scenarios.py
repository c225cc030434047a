"""The workloads that can be run."""

import subprocess
import sys

import pytest

from loadlab.generator import LOCUSTFILES, ROOT
from loadlab.scenarios import SCENARIOS, Scenario, ceiling_per_s

ALL = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=list(SCENARIOS))


def test_think_time_sets_a_ceiling() -> None:
    """100 users who pause half a second never pass 200 requests a second."""
    assert ceiling_per_s(user_count=100, think_time_s=0.5) == 200


def test_no_think_time_sets_no_ceiling() -> None:
    """Then the server is the limit."""
    assert ceiling_per_s(user_count=100, think_time_s=0) is None


@ALL
def test_scenario_is_found_by_its_own_name(scenario: Scenario) -> None:
    """The command line, the form and the stored run use the same word."""
    assert SCENARIOS[scenario.name] is scenario


@ALL
def test_scenario_has_a_locustfile_that_locust_accepts(scenario: Scenario) -> None:
    """It exists, imports, and defines virtual users that do something."""
    listed = subprocess.run(
        [sys.executable, "-m", "locust", "-f", str(LOCUSTFILES / scenario.locustfile), "--list"],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert listed.returncode == 0, listed.stderr
    assert len(listed.stdout.split("Available Users:")[1].split()) >= 1
