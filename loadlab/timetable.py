"""When buyers arrive in an open loop: planned before the run, whatever the server does then.

Plain Python. A plan is a row of legs, each with a rate that changes evenly from its begin to its
end. The expected number of arrivals up to a moment is the area under the rate; the moment of an
arrival is the inverse of that area. So constant rate, ramp and spike need one formula, and Poisson
arrivals are the same plan with exponential steps in the area instead of whole ones (the time
change of an inhomogeneous Poisson process, Çinlar 1975).
"""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count


@dataclass(frozen=True)
class Leg:
    """A stretch of the plan: seconds, and arrivals a second at its begin and its end."""

    length_s: float
    from_per_s: float
    to_per_s: float

    @property
    def area(self) -> float:
        """Return how many arrivals it holds on average."""
        return self.length_s * (self.from_per_s + self.to_per_s) / 2

    def reached_after_s(self, area: float) -> float:
        """Return the seconds after which this many arrivals are expected; `area` fits into it."""
        slope = (self.to_per_s - self.from_per_s) / self.length_s
        root = math.sqrt(max(0.0, self.from_per_s**2 + 2 * slope * area))
        # The usual formula with the root in the denominator: it also holds for a slope of 0.
        return 2 * area / (self.from_per_s + root)


def ramp(*, rate_per_s: float, ramp_s: float, duration_s: float) -> list[Leg]:
    """Plan a rate that is reached after a ramp from 0 and then kept."""
    rising = min(ramp_s, duration_s)
    reached = rate_per_s * (rising / ramp_s) if ramp_s else rate_per_s
    legs = [Leg(rising, 0.0, reached), Leg(duration_s - rising, rate_per_s, rate_per_s)]
    return [leg for leg in legs if leg.length_s > 0]


def spike(
    *, rate_per_s: float, peak_per_s: float, begins_s: float, length_s: float, duration_s: float
) -> list[Leg]:
    """Plan a constant rate with one stretch of another."""
    begin = min(begins_s, duration_s)
    end = min(begins_s + length_s, duration_s)
    stretches = (
        (begin, rate_per_s),
        (end - begin, peak_per_s),
        (duration_s - end, rate_per_s),
    )
    return [Leg(length, rate, rate) for length, rate in stretches if length > 0]


def arrivals(
    legs: Sequence[Leg], *, seed: int | None = None, part: int = 0, parts: int = 1
) -> Iterator[float]:
    """Yield the planned moments in seconds from the start, in order.

    With a `seed` they are random (Poisson) and the same for the same seed; without, evenly spaced.
    With `parts`, only every so-many-th from number `part` on: all parts together are the plan.
    """
    for number, moment in enumerate(_moments(legs, _areas(seed))):
        if number % parts == part:
            yield moment


def _areas(seed: int | None) -> Iterator[float]:
    if seed is None:
        yield from (number + 0.5 for number in count())
    chance = random.Random(seed)  # noqa: S311  # a timetable, no secret
    area = 0.0
    while True:
        area += chance.expovariate(1.0)
        yield area


def _moments(legs: Sequence[Leg], areas: Iterator[float]) -> Iterator[float]:
    begin_s = before = 0.0
    area = next(areas)
    for leg in legs:
        while area - before < leg.area:
            yield begin_s + leg.reached_after_s(area - before)
            area = next(areas)
        begin_s += leg.length_s
        before += leg.area


def asked_by_second(moments: Iterator[float]) -> Iterator[int]:
    """Yield how many arrivals are planned in each second, for ever (0 after the last)."""
    second = asked = 0
    for moment in moments:
        while moment >= second + 1:
            yield asked
            second, asked = second + 1, 0
        asked += 1
    yield asked
    while True:
        yield 0
