"""Latency histograms: recording, exact merging, reading.

HdrHistogram (G. Tene, http://hdrhistogram.org) keeps each value within 0.1 % at three digits, and
merging two is adding their counts, so a minute's percentile is computed from all its requests
and never from the percentiles of its seconds.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

from hdrh.histogram import HdrHistogram

LOWEST_US = 1
HIGHEST_US = 60_000_000  # one minute
DIGITS = 3
SHARES = (0.5, 0.9, 0.95, 0.99, 0.999)


@dataclass(frozen=True)
class Latency:
    """Percentiles of one histogram, in milliseconds."""

    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float


def new_histogram() -> HdrHistogram:
    """Return an empty histogram from 1 µs to 1 minute."""
    return HdrHistogram(LOWEST_US, HIGHEST_US, DIGITS)


def record(histogram: HdrHistogram, ms: float) -> bool:
    """Add one latency in milliseconds; False if it is longer than a minute (not recorded)."""
    us = max(LOWEST_US, round(ms * 1000))
    # The histogram itself would take some more, up to its last bucket's end.
    return us <= HIGHEST_US and bool(histogram.record_value(us))


def encode(histogram: HdrHistogram) -> str:
    """Return the histogram as text (V2 compressed, base64)."""
    encoded: bytes = histogram.encode()
    return encoded.decode("ascii")


def merge(encoded: Iterable[str]) -> HdrHistogram:
    """Add encoded histograms into one."""
    whole = new_histogram()
    for text in encoded:
        whole.decode_and_add(text.encode("ascii"))
    return whole


def read(histogram: HdrHistogram) -> Latency | None:
    """Return the percentiles, or None if nothing was recorded: no samples is not 0 ms."""
    total = histogram.get_total_count()
    if total == 0:
        return None
    # A slice of the counts is made in C; the histogram's own search takes ten times as long.
    up_to = list(accumulate(histogram.counts[0 : histogram.counts_len]))
    places = (bisect_left(up_to, rank(share, total)) for share in SHARES)
    at_most = histogram.get_highest_equivalent_value
    p50, p90, p95, p99, p999 = (
        at_most(histogram.get_value_from_index(place)) / 1000 for place in places
    )
    return Latency(p50, p90, p95, p99, p999, max_ms=histogram.get_max_value() / 1000)


def rank(share: float, total: int) -> int:
    """Return which of `total` sorted values is the percentile: the nearest rank, from 1 on.

    HdrHistogram itself rounds the rank to the nearest whole number. With few values that is
    sometimes one too low, and then a tail that begins exactly there is not seen.
    """
    return max(1, math.ceil(round(share * total, 6)))
