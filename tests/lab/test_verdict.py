"""What a run may claim, at the edge of each claim."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from loadlab import validity, verdict
from loadlab.budget import Limits, budget
from loadlab.judges import judge as judge_all
from loadlab.sentence import tell
from loadlab.summary import Row, Stock, Summary
from loadlab.validity import Arrivals, Circumstances, Health
from loadlab.verdict import Verdict

LIMITS = Limits(p95_ms=500.0, fault_pct=1.0)
STOCK = Stock(
    capacity=100,
    available=40,
    held=0,
    sold=60,
    purchase_count=60,
    purchased_qty=60,
    ticket_count=60,
    bought_seen=60,
    sold_out_seen=0,
    refused_seen=0,
)
TOTAL = Row("All requests", "", 1000, 100.0, 10.0, 8.0, 20.0, 30.0, 40.0, 50.0, 60.0)
SUMMARY = Summary(
    elapsed_s=10.0,
    request_count=1000,
    rate_per_s=100.0,
    mean_in_flight=1.0,
    fault_count=0,
    unknown_count=0,
    sold_out_at_s=None,
    total=TOTAL,
    rows=[TOTAL],
    stock=STOCK,
)


def health(*, seconds: int = 10, busy: int = 0, late: int = 0) -> list[Health]:
    """Seconds at the edge of what is fine, some of them just beyond."""
    return [
        Health(
            seq,
            cpu_pct=validity.CPU_LIMIT_PCT + (0.1 if seq < busy else 0),
            lag_ms=validity.LAG_LIMIT_MS + (0.1 if seq < late else 0),
        )
        for seq in range(seconds)
    ]


def judge(summary: Summary = SUMMARY, **changes: Any) -> dict[str, Verdict]:
    """Judge a good run, with some things changed."""
    made = Circumstances(**{"health": health(), "planned_s": 10.0, **changes})
    found = judge_all(summary=summary, made=made, limits=LIMITS)
    return {one.kind: one for one in found}


def with_stock(**changes: Any) -> Summary:
    """A run whose stock is not as it should be."""
    return replace(SUMMARY, stock=replace(STOCK, **changes))


def outcomes(found: dict[str, Verdict]) -> dict[str, str]:
    """Only what each verdict says in one word."""
    return {kind: one.outcome for kind, one in found.items()}


def test_good_run_passes_everything_in_order() -> None:
    """Validity first: the others stand on it."""
    found = judge()

    assert list(found) == ["validity", "budget", "integrity"]
    assert set(outcomes(found).values()) == {"pass"}


class TestValidity:
    """Whether the generator was fit to measure."""

    def test_passes_with_a_tenth_of_bad_seconds(self) -> None:
        """One of ten above a limit is chance."""
        assert judge(health=health(busy=1, late=1))["validity"].outcome == "pass"

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            pytest.param({"health": []}, "Nothing was measured", id="no seconds"),
            pytest.param({"health": health(busy=2)}, "could not keep up", id="busy"),
            pytest.param({"health": health(late=2)}, "timer overslept", id="late"),
            pytest.param({"lost_count": 1}, "lost: 1", id="a report was dropped"),
            pytest.param({"health": health()[:4] + health()[6:]}, "lost: 2", id="a gap"),
            pytest.param({"health": health()[1:]}, "lost: 1", id="the first second is missing"),
            pytest.param({"out_of_range_count": 1}, "longer than a minute", id="out of range"),
        ],
    )
    def test_fails_when_the_generator_was_not_fit(
        self, changes: dict[str, Any], words: str
    ) -> None:
        """Each reason alone is enough, and is said."""
        valid = judge(**changes)["validity"]

        assert valid.outcome == "fail"
        assert words in tell(valid.finding)

    def test_fails_without_a_request(self) -> None:
        """A healthy generator that asked nothing measured nothing."""
        assert judge(replace(SUMMARY, request_count=0))["validity"].outcome == "fail"

    @pytest.mark.parametrize(("unknown", "outcome"), [(10, "pass"), (11, "fail")])
    def test_bears_one_percent_of_unknown_ends(self, unknown: int, outcome: str) -> None:
        """More, and nobody knows what the server did."""
        assert judge(replace(SUMMARY, unknown_count=unknown))["validity"].outcome == outcome

    def test_is_inconclusive_when_stopped_early(self) -> None:
        """Says how far it came."""
        valid = judge(stopped_early=True, planned_s=60.0)["validity"]

        assert valid.outcome == "inconclusive"
        assert tell(valid.finding) == "The run ended after 10 of 60 s."

    @pytest.mark.parametrize("shared", [True, False])
    def test_says_when_generator_and_server_share_a_machine(self, shared: bool) -> None:
        """They take processor time from each other."""
        assert (
            "share this machine" in tell(judge(shared_host=shared)["validity"].detail)
        ) is shared


class TestServer:
    """What the server took is told and never judged: to be busy is what load is for."""

    def test_is_told_with_peak_and_mean(self) -> None:
        """Over the seconds in which it was measured."""
        seconds = [replace(second, server_cpu_pct=None) for second in health()]
        seconds[:2] = [
            replace(seconds[0], server_cpu_pct=180.4),
            replace(seconds[1], server_cpu_pct=20),
        ]

        detail = tell(judge(health=seconds)["validity"].detail)

        assert "The server took at most 180 % of a core, on average 100 %." in detail

    def test_busy_one_makes_no_run_invalid(self) -> None:
        """However many cores it takes."""
        seconds = [replace(second, server_cpu_pct=800.0) for second in health()]

        assert judge(health=seconds)["validity"].outcome == "pass"

    @pytest.mark.parametrize("shared", [True, False])
    def test_on_another_machine_is_said_to_be_not_measured(self, shared: bool) -> None:
        """And not that it took nothing."""
        detail = tell(judge(shared_host=shared)["validity"].detail)

        assert ("was not measured: the target is on another machine" in detail) is not shared
        assert "The server took" not in detail


class TestStarvation:
    """A generator that gets no processor measures its own waiting."""

    @pytest.mark.parametrize(("bad_s", "outcome"), [(1, "pass"), (2, "fail")])
    def test_waiting_for_a_processor_is_no_slow_server(self, bad_s: int, outcome: str) -> None:
        """Its own processor time is low: nothing else would show it."""
        seconds = [
            replace(second, cpu_pct=20.0, cpu_wait_pct=90.0 if second.seq < bad_s else 5.0)
            for second in health()
        ]

        assert judge(health=seconds)["validity"].outcome == outcome

    def test_late_starts_are_named(self) -> None:
        """A buyer who starts late makes the latency from the plan the generator's fault."""
        seconds = [replace(second, late_ms=25.0) for second in health()]

        assert "Arrivals were late" in tell(judge(health=seconds)["validity"].finding)

    def test_every_doubt_is_named(self) -> None:
        """Not only the first."""
        finding = tell(judge(health=health(busy=5, late=5), lost_count=3)["validity"].finding)

        assert all(word in finding for word in ("lost: 3", "could not keep up", "overslept"))


class TestArrivals:
    """An open loop must bring the buyers that it was asked for."""

    @pytest.mark.parametrize(
        ("arrivals", "outcome"),
        [
            pytest.param(Arrivals(100.0, 95.0, 1000, 10), "pass", id="at the limits"),
            pytest.param(Arrivals(100.0, 94.9, 1000, 0), "fail", id="too few came"),
            pytest.param(Arrivals(100.0, 99.0, 1000, 11), "fail", id="too many were dropped"),
        ],
    )
    def test_missing_buyers_make_the_figures_too_good(
        self, arrivals: Arrivals, outcome: str
    ) -> None:
        """Asked and achieved side by side; what could not be started is counted."""
        valid = judge(arrivals=arrivals)["validity"]

        assert valid.outcome == outcome
        assert "Asked for 100.0 buyers a second" in tell(valid.detail)


class TestBudget:
    """Latency and faults against their limits."""

    @pytest.mark.parametrize(("p95_ms", "outcome"), [(500.0, "pass"), (500.01, "fail")])
    def test_p95_may_reach_its_limit(self, p95_ms: float, outcome: str) -> None:
        """Above it is above it."""
        slow = replace(SUMMARY, total=replace(TOTAL, p95_ms=p95_ms))

        assert judge(slow)["budget"].outcome == outcome

    @pytest.mark.parametrize(("faults", "outcome"), [(10, "pass"), (11, "fail")])
    def test_faults_may_reach_their_limit(self, faults: int, outcome: str) -> None:
        """One percent of a thousand requests is ten."""
        assert judge(replace(SUMMARY, fault_count=faults))["budget"].outcome == outcome

    def test_names_every_limit_that_was_broken(self) -> None:
        """Both, not the first."""
        bad = replace(SUMMARY, fault_count=100, total=replace(TOTAL, p95_ms=600.0))

        finding = tell(judge(bad)["budget"].finding)

        assert "600.0 ms" in finding
        assert "10.0" in finding

    def test_no_samples_are_inconclusive(self) -> None:
        """Nothing was slow because nothing was asked: that is not a pass."""
        empty = replace(SUMMARY, request_count=0, total=Row("All requests", "", 0, 0.0, None))

        found = budget(summary=empty, limits=LIMITS)

        assert found.outcome == "inconclusive"

    @pytest.mark.parametrize(("p99_ms", "outcome"), [(40.0, "pass"), (39.9, "fail")])
    def test_p99_may_reach_its_limit(self, p99_ms: float, outcome: str) -> None:
        """When there is one."""
        assert budget(summary=SUMMARY, limits=Limits(p99_ms=p99_ms)).outcome == outcome

    @pytest.mark.parametrize(("wanted", "outcome"), [(100.0, "pass"), (100.1, "fail")])
    def test_throughput_may_reach_its_limit(self, wanted: float, outcome: str) -> None:
        """Below it is below it."""
        assert budget(summary=SUMMARY, limits=Limits(min_rate_per_s=wanted)).outcome == outcome

    def test_limit_without_samples_is_inconclusive(self) -> None:
        """Requests were counted, but none has a latency: kept is not what that is."""
        blind = replace(SUMMARY, total=replace(TOTAL, p95_ms=None))

        assert budget(summary=blind, limits=LIMITS).outcome == "inconclusive"

    def test_no_limits_are_no_pass(self) -> None:
        """Nothing was promised, so nothing was kept."""
        assert budget(summary=SUMMARY, limits=Limits()).outcome == "inconclusive"


VIOLATIONS = [
    pytest.param({"sold": 101, "available": 0, "capacity": 100}, "Oversold: 101", id="oversold"),
    pytest.param(
        {"purchased_qty": 101, "purchase_count": 101, "bought_seen": 101},
        "Oversold: 101",
        id="oversold in rows",
    ),
    pytest.param({"available": 39}, "do not add up", id="a place vanished"),
    pytest.param({"held": 1}, "do not add up", id="a place appeared"),
    pytest.param({"ticket_count": 59}, "60, 60, 59", id="a ticket is missing"),
    pytest.param({"purchased_qty": 59}, "60, 59, 60", id="counter without purchase"),
    pytest.param({"bought_seen": 61}, "61 purchases were acknowledged", id="purchase lost"),
    pytest.param({"bought_seen": 59}, "59 purchases were acknowledged", id="nobody asked"),
    pytest.param({"sold_out_seen": 1}, "told sold out", id="refused with places left"),
]


class TestIntegrity:
    """The database against itself and against what buyers were told."""

    @pytest.mark.parametrize(("changes", "words"), VIOLATIONS)
    def test_violation_fails_and_is_named(self, changes: dict[str, int], words: str) -> None:
        """Each alone is enough."""
        found = judge(with_stock(**changes))["integrity"]

        assert found.outcome == "fail"
        assert words in tell(found.finding)

    def test_sold_out_is_true_when_nothing_is_left(self) -> None:
        """Only a place that is left makes it a lie."""
        gone = with_stock(
            sold=100, available=0, purchase_count=100, purchased_qty=100, ticket_count=100,
            bought_seen=100, sold_out_seen=500,
        )  # fmt: skip

        assert judge(gone)["integrity"].outcome == "pass"

    @pytest.mark.parametrize(("unknown", "outcome"), [(2, "pass"), (1, "fail")])
    def test_unknown_end_may_have_bought(self, unknown: int, outcome: str) -> None:
        """Two purchases that nobody saw end need two requests whose end nobody saw."""
        summary = replace(with_stock(bought_seen=58, unknown_seen=unknown), unknown_count=unknown)

        assert judge(summary)["integrity"].outcome == outcome

    @pytest.mark.parametrize(
        "lost",
        [
            pytest.param({"final_seen": False, "stopped_early": True}, id="generator was killed"),
            pytest.param({"lost_count": 1}, id="a report was dropped"),
            pytest.param({"health": health()[1:]}, id="a second is missing"),
        ],
    )
    def test_untold_purchases_accuse_nobody(self, lost: dict[str, Any]) -> None:
        """A generator that could not tell all it bought is no witness of a false sale."""
        found = judge(with_stock(bought_seen=50), **lost)

        assert found["integrity"].outcome == "inconclusive"

    def test_acknowledged_purchase_that_is_gone_fails_even_then(self) -> None:
        """What a buyer was told must be there, however little else is known."""
        found = judge(with_stock(bought_seen=61), final_seen=False, stopped_early=True)

        assert found["integrity"].outcome == "fail"

    @pytest.mark.parametrize(
        ("bought", "outcome"), [(2, "pass"), (1, "fail")], ids=["as the keys say", "one too many"]
    )
    def test_keys_tell_what_became_of_unknown_ends(self, bought: int, outcome: str) -> None:
        """With every key looked up nothing is left to guess: exactly those, no more."""
        known = with_stock(bought_seen=58, unknown_seen=4, unknown_keys=4, unknown_bought=bought)

        assert judge(replace(known, unknown_count=4))["integrity"].outcome == outcome

    def test_drift_that_the_audit_found_is_a_violation(self) -> None:
        """In the audit's own words."""
        found = judge(with_stock(drift=("held is 3, its rows say 0.",)))["integrity"]

        assert found.outcome == "fail"
        assert "held is 3" in tell(found.finding)

    def test_unreadable_stock_is_inconclusive(self) -> None:
        """Not read is not correct."""
        assert judge(replace(SUMMARY, stock=None))["integrity"].outcome == "inconclusive"


class TestWithoutValidity:
    """An invalid run proves nothing, but a place sold twice is a fact."""

    @pytest.mark.parametrize("cause", [{"health": health(busy=5)}, {"stopped_early": True}])
    def test_others_become_inconclusive(self, cause: dict[str, Any]) -> None:
        """Neither a pass nor a broken budget counts; the reason is repeated."""
        slow = replace(SUMMARY, total=replace(TOTAL, p95_ms=9000.0))

        found = judge(slow, **cause)

        assert [found[kind].outcome for kind in ("budget", "integrity")] == ["inconclusive"] * 2
        assert tell(found["budget"].finding).startswith("Not judged")

    @pytest.mark.parametrize("cause", [{"health": health(busy=5)}, {"stopped_early": True}])
    def test_violation_stays_a_fail(self, cause: dict[str, Any]) -> None:
        """However the load was made."""
        found = judge(with_stock(ticket_count=61), **cause)

        assert found["integrity"].outcome == "fail"


def expected_exit(found: dict[str, str], *, completed: bool) -> int:
    """Say it as the command's help does: the worst first."""
    if found["integrity"] == "fail":
        return 98
    if not completed:
        return 105
    if found["budget"] == "fail":
        return 99
    if found["comparison"] == "regressed":
        return 97
    return 0 if set(found.values()) <= {"pass", "improved", "equivalent"} else 3


WORDS = ("pass", "fail", "inconclusive")
COMPARED = ("regressed", "improved", "equivalent", "inconclusive")


@pytest.mark.parametrize("completed", [True, False])
@pytest.mark.parametrize("words", list(product(WORDS, WORDS, WORDS, COMPARED)), ids="-".join)
def test_exit_code_tells_the_worst(words: tuple[str, ...], completed: bool) -> None:
    """All combinations."""
    said = dict(zip(("validity", "budget", "integrity", "comparison"), words, strict=True))
    stored = [{"kind": kind, "outcome": word} for kind, word in said.items()]

    code = verdict.exit_code(stored, completed=completed)

    assert code == expected_exit(said, completed=completed)


@pytest.mark.parametrize(("completed", "code"), [(True, 3), (False, 105)])
def test_exit_code_without_verdicts_is_never_a_pass(completed: bool, code: int) -> None:
    """A run that could not be judged."""
    assert verdict.exit_code([], completed=completed) == code
