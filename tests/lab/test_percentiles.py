"""Histograms against the exact answer from sorted values."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadlab import percentiles

WITHIN = 0.002
LATENCIES_MS = st.floats(min_value=0.01, max_value=60_000)


def histogram_of(latencies_ms: list[float]) -> str:
    """Record all and encode."""
    histogram = percentiles.new_histogram()
    assert all(percentiles.record(histogram, ms) for ms in latencies_ms)
    return percentiles.encode(histogram)


def read(*encoded: str) -> percentiles.Latency:
    """Merge and read what is known not to be empty."""
    latency = percentiles.read(percentiles.merge(encoded))
    assert latency is not None
    return latency


def exact(latencies_ms: list[float], percent: float) -> float:
    """Return the smallest value that so many percent are not above."""
    ordered = sorted(latencies_ms)
    return ordered[max(0, math.ceil(percent * len(ordered) / 100) - 1)]


@pytest.mark.parametrize("seed", range(5))
def test_percentiles_are_within_a_fifth_of_a_percent(seed: int) -> None:
    """Each is compared with the sorted list, on a long-tailed load."""
    chance = random.Random(seed)
    latencies = [min(59_999.0, chance.lognormvariate(2, 1.5)) for _ in range(10_000)]

    found = read(histogram_of(latencies))

    wanted = {50.0: found.p50_ms, 90.0: found.p90_ms, 95.0: found.p95_ms, 99.0: found.p99_ms}
    for percent, value in {**wanted, 99.9: found.p999_ms, 100.0: found.max_ms}.items():
        assert value == pytest.approx(exact(latencies, percent), rel=WITHIN)


@settings(deadline=None, max_examples=50)  # a shared machine may pause
@given(latency_ms=LATENCIES_MS)
def test_one_latency_is_every_percentile(latency_ms: float) -> None:
    """With a single request there is nothing to rank; a microsecond is the finest step."""
    found = read(histogram_of([latency_ms]))

    assert found.p50_ms == found.p999_ms
    assert found.max_ms == pytest.approx(latency_ms, rel=WITHIN, abs=0.0006)


@settings(deadline=None, max_examples=50)  # a shared machine may pause
@given(parts=st.lists(st.lists(LATENCIES_MS, max_size=20), max_size=5))
def test_merging_equals_recording_into_one(parts: list[list[float]]) -> None:
    """A run's percentiles do not depend on how it was cut into seconds."""
    together = percentiles.merge(histogram_of(part) for part in parts)
    at_once = percentiles.merge([histogram_of([ms for part in parts for ms in part])])

    assert percentiles.read(together) == percentiles.read(at_once)
    assert together.get_total_count() == sum(len(part) for part in parts)


@pytest.mark.parametrize("ms", [60_000.1, 61_000, 3_600_000, 1e12])
def test_latency_above_a_minute_is_not_recorded(ms: float) -> None:
    """It is refused aloud, and the histogram stays as it was."""
    histogram = percentiles.new_histogram()

    assert not percentiles.record(histogram, ms)
    assert histogram.get_total_count() == 0


@pytest.mark.parametrize("ms", [60_000, 0.001, 0.0, -0.5])
def test_latency_at_the_edge_is_recorded(ms: float) -> None:
    """A minute counts; a clock that went back a little counts as a microsecond."""
    histogram = percentiles.new_histogram()

    assert percentiles.record(histogram, ms)
    assert histogram.get_total_count() == 1


def test_no_samples_have_no_percentiles() -> None:
    """Nothing measured is not 0 ms."""
    assert percentiles.read(percentiles.new_histogram()) is None
    assert percentiles.read(percentiles.merge([])) is None
