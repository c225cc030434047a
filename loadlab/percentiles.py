"""Latency histograms: recording, exact merging, reading.

HdrHistogram (G. Tene, http://hdrhistogram.org) keeps each value within 0.1 % at three digits, and
merging two is adding their counts, so a minute's percentile is computed from all its requests
and never from the percentiles of its seconds.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from hdrh.histogram import HdrHistogram

LOWEST_US = 1
HIGHEST_US = 60_000_000  # one minute
DIGITS = 3


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
    if histogram.get_total_count() == 0:
        return None
    at = histogram.get_value_at_percentile
    return Latency(
        p50_ms=at(50) / 1000,
        p90_ms=at(90) / 1000,
        p95_ms=at(95) / 1000,
        p99_ms=at(99) / 1000,
        p999_ms=at(99.9) / 1000,
        max_ms=histogram.get_max_value() / 1000,
    )
