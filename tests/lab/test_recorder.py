"""What one generator process counts within a second."""

import pytest

from loadlab import percentiles
from loadlab.locustfiles.recorder import Recorder
from loadlab.locustfiles.servertiming import Timing


def answered(recorder: Recorder, *, name: str = "POST /purchases", outcome: str = "bought",
             key: str = "", latency_ms: float = 5.0, said: str = "") -> None:  # fmt: skip
    """Count one request from its start to its end."""
    recorder.request_started(name, key)
    recorder.request_ended(
        name, outcome, key=key, latency_ms=latency_ms, service_ms=latency_ms, said=said
    )


class TestSecond:
    """Taking a second begins the next one."""

    def test_counts_by_name_and_outcome(self) -> None:
        """A quick refusal must not make a purchase look quick."""
        recorder = Recorder()
        answered(recorder, latency_ms=9.0)
        answered(recorder, outcome="sold_out", latency_ms=1.0)
        answered(recorder, outcome="sold_out", latency_ms=1.0)

        series = recorder.take()["series"]

        assert [(one.outcome, one.count, one.sum_ms) for one in series] == [
            ("bought", 1, 9.0),
            ("sold_out", 2, 2.0),
        ]

    def test_is_counted_once(self) -> None:
        """What was taken is gone; what is under way stays."""
        recorder = Recorder()
        answered(recorder)
        recorder.request_started("GET /available", "")
        first = recorder.take()

        second = recorder.take()

        assert (len(first["series"]), first["in_flight"]) == (1, 1)
        assert (second["series"], second["in_flight"]) == ([], 1)

    def test_has_the_arrivals_and_how_late_they_were(self) -> None:
        """Begun, dropped, and a histogram of lateness that is empty without arrivals."""
        recorder = Recorder()
        for late_ms in (0.1, 0.2, 30.0):
            recorder.arrival_begun(late_ms=late_ms)
        recorder.arrival_dropped()

        counted, nothing = recorder.take(), recorder.take()

        late = percentiles.read(percentiles.merge([counted["late"]]))
        assert (counted["begun_count"], counted["dropped_count"]) == (3, 1)
        assert late is not None
        assert late.max_ms == pytest.approx(30.0, rel=0.01)
        assert (nothing["begun_count"], nothing["dropped_count"], nothing["late"]) == (0, 0, "")

    def test_longer_than_a_minute_is_counted_and_said(self) -> None:
        """It has no place in the histogram."""
        recorder = Recorder()
        answered(recorder, latency_ms=60_001.0)

        assert recorder.take()["series"][0].count == 1
        assert recorder.out_of_range == 1


class TestFinal:
    """The last report."""

    def test_names_what_never_ended(self) -> None:
        """By name, with the keys under which the audit can look them up."""
        recorder = Recorder()
        answered(recorder, key="done")
        answered(recorder, key="cut off", outcome="unknown")
        recorder.request_started("POST /purchases", "under way")
        recorder.request_started("GET /available", "")

        final = recorder.final(elapsed_s=1.0, asked_count=0, lost_count=0)

        assert (final.started_count, final.ended_count) == (4, 2)
        assert final.unknown == {"POST /purchases": 1, "GET /available": 1}
        assert final.unknown_keys == ["cut off", "under way"]


class TestServerTiming:
    """What the server says of itself."""

    def test_is_read(self) -> None:
        """As this site writes it."""
        said = "total;dur=12.345, db;dur=4.500, queue;dur=0.600"

        assert Timing.read(said) == (12.345, 0.6, 4.5)

    def test_part_that_is_not_named_took_nothing(self) -> None:
        """A refusal from memory asks no database."""
        assert Timing.read("total;dur=0.2") == (0.2, 0.0, 0.0)

    @pytest.mark.parametrize(
        "said",
        ["", "db;dur=1", "total", "total;dur=fast", "subtotal;dur=1", "total;dur=9999999999"],
    )
    def test_that_says_no_total_is_no_timing(self, said: str) -> None:
        """Other servers, other words; nonsense is not added up."""
        assert Timing.read(said) is None

    def test_of_some_answers_is_summed_for_those_alone(self) -> None:
        """An answer without it must not make the server look quicker."""
        recorder = Recorder()
        answered(recorder, latency_ms=10.0, said="total;dur=6, db;dur=4, queue;dur=1")
        answered(recorder, latency_ms=500.0)

        (series,) = recorder.take()["series"]

        assert (series.count, series.timed_count, series.timed_ms) == (2, 1, 10.0)
        assert (series.server_ms, series.queue_ms, series.db_ms) == (6.0, 1.0, 4.0)
