"""Every scenario of the registry, run for a few seconds against a site that sells for real."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest

from loadlab.scenarios import SCENARIOS, Scenario
from tests.lab.fitness import starved
from tests.site import Site, wait_for

# By field, so that a scenario that is added is run as small; one that has a field of its own
# brings its default. A storm must sell out and the others must not, so that both are seen.
SMALL = {
    "user_count": 10,
    "think_time_s": 0.1,
    "duration_s": 3,
    "capacity": 500,
    "target_rate_per_s": 15.0,
    "ramp_s": 1.0,
    "spike_rate_per_s": 40.0,
    "spike_begins_s": 1.0,
    "spike_s": 1.0,
}
OPEN = {"user_count": 50}  # at once, at most: more than ever come
OWN = {"sold_out_storm": {"capacity": 20}}
MARKS = {"rush": {"ramp_end": 1.0}, "spike": {"spike_begin": 1.0, "spike_end": 2.0}}

Finished = dict[str, Any]


def settings_of(scenario: Scenario) -> dict[str, float]:
    """Return the settings of a small run."""
    small = {**SMALL, **(OPEN if scenario.loop == "open" else {}), **OWN.get(scenario.name, {})}
    return {name: small.get(name, default) for name, default in scenario.defaults().items()}


def run(site: Site, scenario: Scenario) -> Finished:
    """Start it as an operator does, wait for its end, and read the file that the page offers."""
    fields = {name: str(value) for name, value in settings_of(scenario).items()}
    with site.operator() as client:
        page = site.post(client, "/admin/loadlab/run/add/", scenario=scenario.name, **fields)
        number = re.search(r"/run/(\d+)/change/", str(page.url))
        assert number, page.text
        return _at_its_end(client, f"/admin/loadlab/run/{number[1]}/export.json")


def _at_its_end(client: httpx.Client, path: str) -> Finished:
    def ended() -> Finished | None:
        found: Finished = client.get(path).raise_for_status().json()
        return None if found["run"]["active"] else found

    document: Finished = wait_for(ended, what="the run to end")
    return document


@pytest.fixture(scope="module")
def run_once(site: Site) -> Callable[[str], Finished]:
    """Run each scenario when a test first asks for it."""
    documents: dict[str, Finished] = {}

    def once(name: str) -> Finished:
        if name not in documents:
            documents[name] = run(site, SCENARIOS[name])
        return documents[name]

    return once


@pytest.fixture(params=sorted(SCENARIOS))
def scenario(request: pytest.FixtureRequest) -> Scenario:
    """Each of the registry."""
    return SCENARIOS[request.param]


@pytest.fixture
def finished(scenario: Scenario, run_once: Callable[[str], Finished]) -> Finished:
    """What is left of its run."""
    return run_once(scenario.name)


class TestIntegrity:
    """What a run says it did is what the database has, under any workload."""

    def test_ends_by_itself_and_passes(self, finished: Finished) -> None:
        """A run on a starved machine proves nothing, but violations it would tell even so."""
        found = {one["kind"]: one for one in finished["run"]["verdicts"]}["integrity"]

        assert (finished["run"]["state"], finished["run"]["reason"]) == ("finished", "")
        assert found["outcome"] == ("inconclusive" if starved(finished) else "pass"), found

    def test_has_no_fault_and_leaves_nothing_unknown(self, finished: Finished) -> None:
        """Nor a refusal: these buyers do nothing that is not allowed."""
        summary = finished["run"]["summary"]
        outcomes = {row["outcome"] for row in summary["rows"]}

        assert (summary["fault_count"], summary["unknown_count"]) == (0, 0), summary["rows"]
        assert outcomes <= {"bought", "read", "sold_out"}

    def test_sells_as_many_places_as_buyers_were_told(self, finished: Finished) -> None:
        """One place each, less those who cancelled, and never more than there are."""
        stock = finished["run"]["summary"]["stock"]
        told = stock["bought_seen"] - stock["cancelled_seen"]
        counted = [stock[name] for name in ("sold", "purchased_qty", "ticket_count")]

        assert counted == [told] * 3
        assert stock["purchase_count"] == told
        assert 0 < stock["sold"] <= stock["capacity"]
        assert stock["available"] + stock["held"] + stock["sold"] == stock["capacity"]

    def test_leaves_nothing_behind(self, site: Site, finished: Finished) -> None:
        """No rehearsal stock and no key; what hung on the stock cannot outlive it."""
        number = finished["run"]["id"]
        stock = f"SELECT count(*) FROM vacancy_vacancy WHERE name = 'Rehearsal of run {number}'"  # noqa: S608
        keys = f"SELECT count(*) FROM tickets_apikey WHERE name = 'Run {number}'"  # noqa: S608

        for rows in (stock, keys):
            wait_for(lambda: site.rows(rows) == [(0,)], what=rows)  # noqa: B023


class TestShape:
    """What the scenario promises of its load."""

    def test_loop_brings_whom_it_was_asked_for(
        self, scenario: Scenario, finished: Finished
    ) -> None:
        """Closed: so many users. Open: each planned buyer began or was counted as dropped."""
        seconds = finished["seconds"]
        asked, begun, dropped = (
            sum(second[name] for second in seconds)
            for name in ("asked_count", "begun_count", "dropped_count")
        )

        if scenario.loop == "closed":
            assert max(second["user_count"] for second in seconds) == SMALL["user_count"]
            assert asked == 0
        elif not starved(finished):  # who is starved may not reach the last arrivals
            assert begun + dropped == asked > 0
        else:
            assert 0 < begun + dropped <= asked

    def test_marks_are_where_they_were_planned(
        self, scenario: Scenario, finished: Finished
    ) -> None:
        """The end of a ramp and the edges of a spike; a starved process reads its clocks apart."""
        begun = datetime.fromisoformat(finished["run"]["started_at"])
        found = {
            one["kind"]: (datetime.fromisoformat(one["at"]) - begun).total_seconds()
            for one in finished["events"]
            if one["kind"] != "first_dropped"
        }

        planned = MARKS.get(scenario.name, {})
        assert found.keys() == planned.keys()
        assert starved(finished) or found == pytest.approx(planned, abs=0.25)


def test_spike_brings_more_while_it_lasts(run_once: Callable[[str], Finished]) -> None:
    """By the plan, which is the same in each run."""
    calm, spike, calm_again = (one["asked_count"] for one in run_once("spike")["seconds"][:3])

    assert spike > calm + calm_again


def test_storm_sells_out_and_nothing_is_oversold(run_once: Callable[[str], Finished]) -> None:
    """To the last place, and from then on the answer is no."""
    summary = run_once("sold_out_storm")["run"]["summary"]

    assert summary["stock"]["sold"] == summary["stock"]["capacity"] == 20
    assert summary["stock"]["sold_out_seen"] > 0
