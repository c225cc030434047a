"""A run as a row of latency histograms, one for each second: what the comparison works on.

Plain Python. A bucket is one percent wide: index i holds latencies around 1.01 ** i µs, so a
percentile read from here is within half a percent of the recorded one.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, repeat
from operator import mul
from typing import Any

from hdrh.histogram import HdrHistogram

from loadlab import percentiles

BUCKET_WIDTH = 1.01
MOST_UNITS = 240  # longer runs are cut into units of several seconds: see `Profile.of`

Buckets = dict[int, int]  # bucket: how many requests


@dataclass(frozen=True)
class Profile:
    """The units of one run in order; a unit is `unit_s` seconds long, one for short runs."""

    units: tuple[Buckets, ...]
    unit_s: int = 1

    @classmethod
    def of(cls, seconds: Sequence[Buckets]) -> "Profile":
        """Take whole seconds; those of a long run are put together, at most 240 units."""
        unit_s = max(1, math.ceil(len(seconds) / MOST_UNITS))
        whole = len(seconds) - len(seconds) % unit_s
        units = tuple(_added(seconds[at : at + unit_s]) for at in range(0, whole, unit_s))
        return cls(units, unit_s)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data: for each unit pairs of bucket and count."""
        return {"unit_s": self.unit_s, "units": [sorted(unit.items()) for unit in self.units]}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "Profile":
        """Read what `as_json` returned."""
        return cls(tuple(dict(unit) for unit in said["units"]), said["unit_s"])


def bucket_of(us: float) -> int:
    """Return the bucket of a latency in µs."""
    return round(math.log(max(1.0, us)) / math.log(BUCKET_WIDTH))


def bucket_ms(bucket: int) -> float:
    """Return the latency that a bucket stands for, in ms."""
    return float(BUCKET_WIDTH**bucket) / 1000


def buckets(encoded: Iterable[str]) -> Buckets:
    """Add encoded HDR histograms of one second and sort them into buckets."""
    whole = percentiles.merge(encoded)
    found: Buckets = {}
    places = _places()
    # A slice of the counts is made in C; the histogram's own iterator takes 20 times as long.
    for at, count in enumerate(whole.counts[0 : whole.counts_len]):
        if count:
            found[places[at]] = found.get(places[at], 0) + count
    return found


@lru_cache(maxsize=1)
def _places() -> list[int]:
    """Return the bucket of each counter of an HDR histogram."""
    empty: HdrHistogram = percentiles.new_histogram()
    return [bucket_of(empty.get_value_from_index(at)) for at in range(empty.counts_len)]


def _added(seconds: Iterable[Buckets]) -> Buckets:
    whole: Buckets = {}
    for second in seconds:
        for bucket, count in second.items():
            whole[bucket] = whole.get(bucket, 0) + count
    return whole


class Columns:
    """A series turned on its side, so that weighing its units is quick.

    `weights` says how often each unit counts; all ones are the run as it was.
    """

    def __init__(self, profile: Profile) -> None:
        """Add up each unit's counts from the fastest bucket to the slowest."""
        self.unit_count = len(profile.units)
        self._unit_s = profile.unit_s
        self._buckets = sorted({bucket for unit in profile.units for bucket in unit})
        rows = [list(accumulate(map(unit.get, self._buckets, repeat(0)))) for unit in profile.units]
        self._up_to = list(zip(*rows, strict=True))  # one column for each bucket
        self._totals = self._up_to[-1] if self._up_to else (0,) * self.unit_count

    def quantile_ms(self, share: float, weights: Sequence[int]) -> float:
        """Return the latency that this share of the requests keeps, in ms; NaN without any."""
        wanted = share * sum(map(mul, weights, self._totals))
        if not wanted:
            return math.nan
        at = bisect_left(self._up_to, wanted, key=lambda column: sum(map(mul, weights, column)))
        return bucket_ms(self._buckets[at])

    def rate_per_s(self, weights: Sequence[int]) -> float:
        """Return the requests in one second."""
        return float(sum(map(mul, weights, self._totals)) / (sum(weights) * self._unit_s))
