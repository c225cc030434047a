"""Percentiles of what was measured, and nothing of what wrk adds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from bench import latencies

counts = some.dictionaries(some.integers(1, 5000), some.integers(1, 9), max_size=30)


def corrected_as_wrk_does(measured: dict[int, int], cycle: int) -> dict[int, int]:
    """Add what wrk 4.1 adds (stats_correct in its stats.c), lowest latency first."""
    found = dict(measured)
    for latency in sorted(measured):
        if latency >= 2 * cycle:
            for shorter in range(latency - cycle, cycle, -cycle):
                found[shorter] = found.get(shorter, 0) + measured[latency]
    return found


@settings(deadline=None)  # a shared machine may pause
@given(measured=counts, cycle=some.integers(50, 6000))
def test_what_wrk_added_is_taken_out_again(measured, cycle):
    corrected = corrected_as_wrk_does(measured, cycle)

    found = latencies.measured(corrected, cycle=cycle, sample_count=sum(measured.values()))

    assert found == measured


def test_a_histogram_that_does_not_add_up_is_refused():
    with pytest.raises(latencies.NotAsExpected):
        latencies.measured({100: 3}, cycle=1000, sample_count=4)


def test_a_sample_that_cannot_have_been_added_is_refused():
    # 300 must have left a companion at 200, which is not there.
    with pytest.raises(latencies.NotAsExpected):
        latencies.measured({300: 1, 150: 1}, cycle=100, sample_count=1)


def test_cycle_is_the_time_a_connection_takes_for_one_request():
    found = latencies.cycle_us(duration_us=1_000_000, request_count=103, connection_count=50)

    assert found == 500_000


def test_without_a_full_round_of_answers_wrk_corrects_nothing():
    found = latencies.cycle_us(duration_us=1_000_000, request_count=49, connection_count=50)

    assert found == 0


@pytest.mark.parametrize(("pct", "ms"), [(50, 1.0), (90, 1.0), (91, 2.0), (99, 2.0), (100, 9.0)])
def test_percentile_is_the_smallest_latency_that_enough_answers_did_not_exceed(pct, ms):
    assert latencies.percentile_ms({1000: 90, 2000: 9, 9000: 1}, pct) == ms


def test_mean_counts_each_answer():
    assert latencies.mean_ms({1000: 3, 5000: 1}) == 2.0


def test_nothing_measured_has_no_latency():
    assert latencies.percentile_ms({}, 99) == latencies.mean_ms({}) == 0.0
