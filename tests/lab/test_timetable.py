"""When buyers of an open loop are planned to arrive."""

from itertools import islice, pairwise

import pytest

from loadlab.timetable import Leg, arrivals, asked_by_second, ramp, spike

STEADY = [Leg(10.0, 20.0, 20.0)]
PLANS = {
    "steady": STEADY,
    "ramp": ramp(rate_per_s=50.0, ramp_s=5.0, duration_s=12.0),
    "spike": spike(rate_per_s=5.0, peak_per_s=90.0, begins_s=4.0, length_s=3.0, duration_s=12.0),
}
SEEDS = [pytest.param(None, id="even"), pytest.param(1, id="by chance")]
all_plans = pytest.mark.parametrize("legs", PLANS.values(), ids=list(PLANS))
all_seeds = pytest.mark.parametrize("seed", SEEDS)


def by_second(legs: list[Leg], *, seed: int | None = None, seconds: int = 12) -> list[int]:
    """Count the arrivals of each second."""
    return list(islice(asked_by_second(arrivals(legs, seed=seed)), seconds))


class TestEvenArrivals:
    """Without chance the plan can be written down."""

    def test_are_equally_far_apart(self) -> None:
        """Twenty in a second: 50 ms."""
        gaps = [later - earlier for earlier, later in pairwise(arrivals(STEADY))]

        assert gaps == pytest.approx([0.05] * 199)

    def test_are_as_many_as_the_rate_says_in_each_second(self) -> None:
        """Not only on average."""
        assert by_second(STEADY, seconds=11) == [20] * 10 + [0]

    def test_grow_evenly_over_a_ramp(self) -> None:
        """From nothing to the rate, then steady: the area under the line in each second."""
        counts = by_second(PLANS["ramp"])

        assert counts == [5, 15, 25, 35, 45, 50, 50, 50, 50, 50, 50, 50]

    def test_jump_at_a_spike_and_back(self) -> None:
        """Both edges are sharp."""
        assert by_second(PLANS["spike"]) == [5, 5, 5, 5, 90, 90, 90, 5, 5, 5, 5, 5]


class TestArrivalsByChance:
    """A Poisson process of the same rate."""

    def test_are_the_same_for_the_same_seed(self) -> None:
        """A run can be repeated arrival by arrival."""
        again = list(arrivals(PLANS["ramp"], seed=7))

        assert list(arrivals(PLANS["ramp"], seed=7)) == again
        assert list(arrivals(PLANS["ramp"], seed=8)) != again

    def test_scatter_as_much_as_poisson_does(self) -> None:
        """The variance of the counts is their mean: within five of its standard errors."""
        counts = by_second([Leg(2000.0, 30.0, 30.0)], seed=3, seconds=2000)

        mean = sum(counts) / len(counts)
        variance = sum((count - mean) ** 2 for count in counts) / (len(counts) - 1)
        assert mean == pytest.approx(30, abs=5 * (30 / 2000) ** 0.5)
        assert variance / mean == pytest.approx(1, abs=5 * (2 / 2000) ** 0.5)


@all_plans
@all_seeds
def test_arrivals_are_in_order_and_within_the_plan(legs: list[Leg], seed: int | None) -> None:
    """Nobody comes before the doors open or after they close."""
    moments = list(arrivals(legs, seed=seed))

    assert moments == sorted(moments)
    assert moments[0] >= 0
    assert moments[-1] <= sum(leg.length_s for leg in legs)


@all_plans
@all_seeds
@pytest.mark.parametrize("parts", [2, 4])
def test_parts_together_are_the_whole_plan(legs: list[Leg], seed: int | None, parts: int) -> None:
    """Several processes make the same load as one."""
    shares = [list(arrivals(legs, seed=seed, part=part, parts=parts)) for part in range(parts)]

    assert sorted(moment for share in shares for moment in share) == list(arrivals(legs, seed=seed))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_ramp_longer_than_the_run_never_reaches_the_rate() -> None:
    """The slope is kept: after half of the ramp, half of the rate."""
    assert ramp(rate_per_s=100.0, ramp_s=20.0, duration_s=10.0) == [Leg(10.0, 0.0, 50.0)]


def test_spike_that_begins_after_the_end_does_not_come() -> None:
    """The run stays calm."""
    legs = spike(rate_per_s=5.0, peak_per_s=90.0, begins_s=60.0, length_s=3.0, duration_s=10.0)

    assert legs == [Leg(10.0, 5.0, 5.0)]
