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


def skewed(chance: random.Random) -> list[float]:
    """Most quick, a few very slow."""
    return [chance.paretovariate(1.1) for _ in range(20_000)]


def log_normal(chance: random.Random) -> list[float]:
    """What latencies often look like."""
    return [min(60_000.0, chance.lognormvariate(1.0, 2.0)) for _ in range(20_000)]


ADVERSARIAL = {
    "one value": [7.3],
    "two values": [1.0, 1000.0],
    "all the same": [12.34] * 1000,
    "tail begins exactly at p95": [1.0] * 95 + [900.0] * 5,
    "tail begins one before p95": [1.0] * 94 + [900.0] * 6,
    "tail of one in twenty of nineteen": [1.0] * 18 + [900.0],
    "tail begins exactly at p99.9": [1.0] * 999 + [30_000.0],
    "just over a power of two": [2.048, 2.049, 4.096, 4.097, 1048.576, 1048.577] * 50,
    "from 50 µs to a minute": [0.05 * 1.15**step for step in range(100)],
    "a minute": [60_000.0] * 3,
}
LONG = {
    "pareto": skewed(random.Random(1)),
    "log-normal": log_normal(random.Random(3)),
    "far apart": [0.3] * 9_000 + [59_000.0] * 1_000,
}


@pytest.mark.parametrize(
    "values", [*ADVERSARIAL.values(), *LONG.values()], ids=[*ADVERSARIAL, *LONG]
)
def test_percentiles_are_the_sorted_values_within_a_percent(values: list[float]) -> None:
    """Nearest rank in the sorted values, whatever their distribution; the maximum too."""
    histogram = percentiles.new_histogram()
    for value in values:
        assert percentiles.record(histogram, value)

    found = percentiles.read(histogram)

    assert found is not None
    exact = sorted(values)
    at = [exact[math.ceil(round(share * len(exact), 6)) - 1] for share in percentiles.SHARES]
    shown = [found.p50_ms, found.p90_ms, found.p95_ms, found.p99_ms, found.p999_ms]
    assert shown == pytest.approx(at, rel=0.01)
    assert found.max_ms == pytest.approx(exact[-1], rel=0.01)


@pytest.mark.parametrize("values", LONG.values(), ids=list(LONG))
def test_merged_seconds_have_the_percentiles_of_the_whole(values: list[float]) -> None:
    """However the values were dealt out: not a percentile of percentiles, exactly the same."""
    dealt = [percentiles.new_histogram() for _ in range(7)]
    whole = percentiles.new_histogram()
    for number, value in enumerate(values):
        percentiles.record(dealt[number * number % 7], value)
        percentiles.record(whole, value)

    merged = percentiles.merge(map(percentiles.encode, dealt))

    assert percentiles.read(merged) == percentiles.read(whole)
