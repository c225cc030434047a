"""What the generator reports, held against a shop that knows how long it truly took.

Nothing here is about speed: the stub and the generator look at the same clock, and what one
counted and timed is compared with the other. The delays are long, so that the time between the
two on a busy machine stays within the percent that is promised.
"""

from collections import Counter
from pathlib import Path
from typing import ClassVar

import pytest

from loadlab import percentiles
from loadlab.percentiles import SHARES
from loadlab.scenarios import SCENARIOS
from tests.lab.generating import Heard, generate, load_of, stop_once
from tests.lab.stub import Served, stub

QUIET_LAG_MS = 3.0


def true_ms(served: list[Served]) -> dict[float, float]:
    """The exact percentiles of what the stub wrote down: nearest rank in the sorted times."""
    times = sorted(one.took_ms for one in served)
    return {share: times[percentiles.rank(share, len(times)) - 1] for share in SHARES}


def reported_ms(heard: Heard) -> dict[float, float]:
    """The same percentiles as the generator has them."""
    found = heard.latency()
    values = (found.p50_ms, found.p90_ms, found.p95_ms, found.p99_ms, found.p999_ms)
    return dict(zip(SHARES, values, strict=True))


def within(heard: Heard) -> float:
    """One percent; more on a machine that lets the generator wait between stub and clock."""
    return 0.01 if max(second.lag_ms for second in heard.seconds) < QUIET_LAG_MS else 0.2


class TestLatency:
    """Recorded percentiles are the true ones."""

    @pytest.mark.parametrize(
        "plan",
        [
            pytest.param({"delay_s": 1.0}, id="constant"),
            pytest.param({"delay_s": 1.0, "slow_each": 8, "slow_s": 2.5}, id="bimodal"),
        ],
    )
    def test_is_within_one_percent_in_a_closed_loop(
        self, tmp_path: Path, plan: dict[str, float]
    ) -> None:
        """A dozen users, everything between the median and the last thousandth."""
        with stub(tmp_path, **plan) as shop:
            heard = generate(load_of("baseline", shop.target, user_count=12, duration_s=5))

        assert reported_ms(heard) == pytest.approx(true_ms(shop.served), rel=within(heard))

    def test_is_within_one_percent_in_an_open_loop(self, tmp_path: Path) -> None:
        """From the planned start on; the scheduler is hardly late at this rate."""
        load = {"target_rate_per_s": 12.0, "ramp_s": 0, "duration_s": 5, "think_time_s": 0.0}
        with stub(tmp_path, delay_s=1.0, slow_each=8, slow_s=2.5) as shop:
            heard = generate(load_of("rush", shop.target, **load))

        assert reported_ms(heard) == pytest.approx(true_ms(shop.served), rel=within(heard))


class TestStall:
    """The server answers nothing for two seconds."""

    STALL: ClassVar = {"delay_s": 0.02, "stall_at_s": 2.0, "stall_s": 2.0}

    def test_is_seen_by_an_open_loop(self, tmp_path: Path) -> None:
        """Buyers keep coming and wait: one in a hundred waited nearly all of the stall."""
        load = {"target_rate_per_s": 40.0, "ramp_s": 0, "duration_s": 6, "user_count": 500}
        with stub(tmp_path, **self.STALL) as shop:
            heard = generate(load_of("rush", shop.target, **load))

        assert heard.latency().p99_ms > 1700
        assert heard.last.dropped_count == 0

    def test_is_not_seen_by_a_closed_loop_and_that_is_said(self, tmp_path: Path) -> None:
        """Two users meet the stall once each; all the others that should have come, do not."""
        load = {"user_count": 2, "think_time_s": 0.01, "duration_s": 6}
        with stub(tmp_path, **self.STALL) as shop:
            heard = generate(load_of("baseline", shop.target, **load))

        assert heard.latency().p95_ms < 500
        assert heard.latency().max_ms > 1700
        assert "a stall hardly shows" in SCENARIOS["baseline"].loop_note

    def test_beyond_the_cap_drops_arrivals_and_counts_them(self, tmp_path: Path) -> None:
        """Ten at once; who comes meanwhile is not sent later, and the first one is marked."""
        load = {"target_rate_per_s": 40.0, "ramp_s": 0, "duration_s": 6, "user_count": 10}
        with stub(tmp_path, **self.STALL) as shop:
            heard = generate(load_of("rush", shop.target, **load))

        last = heard.last
        assert last.dropped_count > 40
        assert last.begun_count + last.dropped_count == last.asked_count
        assert sum(second.dropped_count for second in heard.seconds) == last.dropped_count
        assert [event.kind for event in heard.events] == ["first_dropped"]


class TestTotals:
    """What was sent is what was counted, to the last request."""

    @pytest.mark.parametrize("scenario", sorted(SCENARIOS))
    def test_are_those_of_the_server(self, tmp_path: Path, scenario: str) -> None:
        """Every scenario, every answer, and no purchase that nobody counted."""
        with stub(tmp_path, delay_s=0.005) as shop:
            heard = generate(load_of(scenario, shop.target, user_count=20, duration_s=3))

        last = heard.last
        assert heard.count() == last.started_count == last.ended_count == len(shop.served)
        assert last.unknown == {}
        assert heard.count("fault") == heard.count("unknown") == 0
        assert heard.count("bought") == purchases(shop.served)

    @pytest.mark.parametrize("scenario", ["baseline", "rush"])
    def test_are_those_of_the_server_when_stopped_midway(
        self, tmp_path: Path, scenario: str
    ) -> None:
        """Users finish their request: nothing is cut off, nothing goes uncounted."""

        with stub(tmp_path, delay_s=0.3) as shop:
            heard = generate(load_of(scenario, shop.target, duration_s=60), each=stop_once())

        assert heard.last.elapsed_s < 30
        assert heard.count() == heard.last.ended_count == len(shop.served) > 0
        assert heard.last.unknown == {}

    def test_say_what_was_cut_off(self, tmp_path: Path) -> None:
        """A server that answers after the stop timeout: unknown, each with its name and key."""
        load = {"user_count": 8, "duration_s": 2, "think_time_s": 0.1}
        with stub(tmp_path, delay_s=0.02, stall_at_s=1.0, stall_s=12.0) as shop:
            heard = generate(load_of("sold_out_storm", shop.target, **load))

        last = heard.last
        assert sum(last.unknown.values()) == last.started_count - last.ended_count == 8
        assert len(last.unknown_keys) <= 8
        assert len(shop.served) == last.started_count

    def test_answer_that_ends_half_way_is_none(self, tmp_path: Path) -> None:
        """Its head said 200, but of what nobody knows: a purchase may have been made."""
        load = {"user_count": 4, "duration_s": 2, "think_time_s": 0}
        with stub(tmp_path, cut_each=7) as shop:
            heard = generate(load_of("baseline", shop.target, **load))

        cut = Counter(one.method for one in shop.served[6::7])
        assert heard.count("unknown") == cut["POST"] > 0
        assert heard.count("fault") == cut["GET"] > 0
        assert heard.count() == heard.last.ended_count == len(shop.served)

    @pytest.mark.parametrize("is_proxied", [False, True])
    def test_parts_of_the_servers_time_are_added(self, tmp_path: Path, is_proxied: bool) -> None:
        """The stub says half of its time was the database's, a quarter the queue's.

        A proxy in front that says something in a line of its own takes nothing from that.
        """
        with stub(tmp_path, delay_s=0.05, is_proxied=is_proxied) as shop:
            heard = generate(load_of("baseline", shop.target, user_count=5, duration_s=2))

        series = heard.series()
        server_ms = sum(item.server_ms for item in series)
        assert sum(item.timed_count for item in series) == heard.count()
        assert sum(item.db_ms for item in series) == pytest.approx(server_ms / 2, rel=1e-3)
        assert sum(item.queue_ms for item in series) == pytest.approx(server_ms / 4, rel=1e-3)
        assert server_ms < sum(item.timed_ms for item in series)


def purchases(served: list[Served]) -> int:
    """Count what the stub sold: short forms, confirmed holds, and purchases once for each key."""
    by_kind = Counter(
        "confirm" if one.path.endswith("/confirm") else one.path.rsplit("/", 1)[-1]
        for one in served
        if one.method == "POST"
    )
    keys = {one.key for one in served if one.path.endswith("/purchases")}
    return by_kind["purchase"] + by_kind["confirm"] + len(keys)
