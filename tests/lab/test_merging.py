"""Several generators seen as one."""

import random
from dataclasses import replace
from typing import Any

import pytest

from loadlab import percentiles, wire
from loadlab.merging import LOST, LOST_AFTER_S, Merger, merge_seconds


def series(latencies_ms: list[float], *, name: str = "POST /purchase") -> wire.Series:
    """What one generator saw under one name."""
    histogram = percentiles.new_histogram()
    for ms in latencies_ms:
        percentiles.record(histogram, ms)
    return wire.Series(
        name,
        "bought",
        len(latencies_ms),
        sum(latencies_ms),
        percentiles.encode(histogram),
        timed_count=len(latencies_ms),
        timed_ms=sum(latencies_ms),
        server_ms=sum(latencies_ms) / 2,
    )


def second(seq: int, *items: wire.Series, **changes: Any) -> wire.Second:
    """One second of one generator."""
    usual = wire.Second(seq, 100.0 + seq, seq + 1.0, 3, 1, 10.0, 0.5, 0, list(items))
    return replace(usual, **changes)


def final(count: int) -> wire.Final:
    """The last report of one generator."""
    return wire.Final(60.0, count, count - 1, {"POST /purchase": 1}, 0, 0, unknown_keys=["k"])


def merger(*workers: str) -> Merger:
    """Expect these generators."""
    found = Merger()
    found.begin(workers, now=0.0)
    return found


def ready(found: Merger) -> list[wire.Second]:
    """Take what is whole."""
    return list(found.ready(lost_count=0))


class TestSecond:
    """One second of several generators."""

    def test_has_the_percentiles_of_all_requests_together(self) -> None:
        """To the last count: merging loses nothing, however the requests were spread."""
        chance = random.Random(5)
        values = [chance.lognormvariate(2, 1.5) for _ in range(3000)]
        shares = [values[:10], values[10:1200], values[1200:]]

        whole = merge_seconds([second(0, series(share)) for share in shares], seq=0, worker_count=3)

        (merged,) = whole.series
        alone = series(values)
        assert merged.count == 3000
        assert percentiles.read(percentiles.merge([merged.histogram])) == percentiles.read(
            percentiles.merge([alone.histogram])
        )
        assert merged.server_ms == pytest.approx(alone.server_ms)

    def test_keeps_the_worst_of_the_generators_health(self) -> None:
        """One that cannot keep up spoils the measurement."""
        whole = merge_seconds(
            [second(0, cpu_pct=95.0, lag_ms=1.0), second(0, cpu_pct=5.0, lag_ms=80.0)],
            seq=0,
            worker_count=2,
        )

        assert (whole.cpu_pct, whole.lag_ms) == (95.0, 80.0)
        assert (whole.user_count, whole.in_flight) == (6, 2)

    def test_keeps_names_apart(self) -> None:
        """Only what is the same is added."""
        whole = merge_seconds(
            [second(0, series([1.0])), second(0, series([1.0], name="GET /available"))],
            seq=0,
            worker_count=2,
        )

        assert [item.count for item in whole.series] == [1, 1]


class TestOrder:
    """Seconds go out whole and in order."""

    def test_second_waits_for_every_generator(self) -> None:
        """Half a second would look like half the load."""
        found = merger("a", "b")

        found.hear("a", second(0, series([1.0])), now=1.0)
        before = ready(found)
        found.hear("b", second(0, series([1.0])), now=1.0)

        assert before == []
        assert [(one.seq, one.worker_count) for one in ready(found)] == [(0, 2)]

    def test_late_report_is_added_to_the_next_second(self) -> None:
        """Counted once, and not lost."""
        found = merger("a", "b")
        found.hear("a", second(0, series([1.0])), now=1.0)
        found.hear("a", second(1, series([1.0])), now=2.0)
        found.lose_silent(now=1.0 + LOST_AFTER_S, elapsed_s=1.0)
        early = ready(found)

        found.hear("b", second(0, series([1.0, 1.0])), now=9.0)
        found.hear("a", second(2, series([1.0])), now=9.0)
        late = ready(found)

        assert [sum(item.count for item in one.series) for one in early + late] == [1, 1, 3]

    def test_generator_of_another_run_is_not_heard(self) -> None:
        """A process that came back from a run before belongs to nobody."""
        found = merger("a")

        found.hear("stranger", second(0, series([1.0])), now=1.0)

        assert ready(found) == []

    def test_event_of_all_is_told_once(self) -> None:
        """Each generator marks the end of the ramp."""
        found = merger("a", "b")
        mark = wire.Event(1.0, "ramp_end")
        for worker in ("a", "b"):
            found.hear(worker, replace(second(0), events=[mark]), now=1.0)

        (whole,) = ready(found)

        assert whole.events == [mark]


class TestLostGenerator:
    """The run goes on without it, and says so."""

    def test_is_named_when_it_is_silent(self) -> None:
        """The others' seconds go out, with a mark."""
        found = merger("a", "b")
        found.hear("b", second(0, series([1.0])), now=1.0)
        for seq in range(5):
            found.hear("a", second(seq, series([1.0])), now=seq + 1.0)
        found.lose_silent(now=1.1 + LOST_AFTER_S, elapsed_s=5.0)

        seconds = ready(found)

        assert [one.worker_count for one in seconds] == [2, 1, 1, 1, 1]
        assert [event.kind for one in seconds for event in one.events] == ["worker_lost"]

    def test_leaves_what_it_had_reported_and_what_was_under_way(self) -> None:
        """Its last second said one request in flight: nobody knows how that ended."""
        found = merger("a", "b")
        found.hear("b", second(0, series([1.0, 1.0])), now=1.0)
        found.hear("a", final(10), now=60.0)
        found.lose_silent(now=60.0, elapsed_s=60.0)

        whole = found.final(elapsed_s=60.0, lost_count=0)

        assert found.is_over
        assert whole.workers_lost == 1
        assert (whole.started_count, whole.ended_count) == (13, 11)
        assert whole.unknown == {"POST /purchase": 1, LOST: 1}


def test_finals_are_added() -> None:
    """Counts, unknown requests by name, and their keys."""
    found = merger("a", "b")
    found.hear("a", final(10), now=60.0)
    found.hear("b", final(5), now=60.0)

    whole = found.final(elapsed_s=60.5, lost_count=2)

    assert (whole.started_count, whole.ended_count, whole.lost_count) == (15, 13, 2)
    assert whole.unknown == {"POST /purchase": 2}
    assert whole.unknown_keys == ["k", "k"]


def test_rest_is_given_out_when_the_run_ends() -> None:
    """Nothing that was reported stays behind."""
    found = merger("a", "b")
    found.hear("a", second(0, series([1.0])), now=1.0)
    found.hear("a", second(1, series([1.0])), now=2.0)

    assert [one.seq for one in found.rest(lost_count=0)] == [0, 1]
