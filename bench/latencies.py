"""Percentiles of what wrk measured, without what it makes up.

Note [wrk's correction]
    In a closed loop a connection that waits sends nothing, so a stall is seen once instead of as
    often as buyers would have met it. wrk therefore adds samples: for each latency of at least
    twice the mean cycle of a connection, others shorter by one cycle, two cycles, and so on. That
    punishes the faster server more (its cycle is shorter, so the same stall gets more companions),
    and the factor is no property of either. Ratios here are of latencies that really were
    measured: the additions are exactly known, so they are taken out again, from the top down. That
    nothing goes below zero and that as many samples remain as there were answers is the proof.
"""

Counts = dict[int, int]  # latency in µs: how many answers took that long


class NotAsExpected(Exception):
    """The histogram is not one of wrk 4: its correction cannot be taken out."""


def cycle_us(*, duration_us: int, request_count: int, connection_count: int) -> int:
    """Return the mean time from one request of a connection to its next as wrk reckons it."""
    each = request_count // connection_count
    return duration_us // each if each else 0


def measured(corrected: Counts, *, cycle: int, sample_count: int) -> Counts:
    """Take wrk's additions out of its histogram; `cycle` (µs) 0: it has added nothing.

    Raises:
        NotAsExpected: what remains is not `sample_count` samples.
    """
    counts = dict(corrected)
    for latency in sorted(counts, reverse=True) if cycle else ():
        if latency < 2 * cycle:
            break
        for shorter in range(latency - cycle, cycle, -cycle):
            counts[shorter] = counts.get(shorter, 0) - counts[latency]
    if min(counts.values(), default=0) < 0 or sum(counts.values()) != sample_count:
        raise NotAsExpected("wrk's latencies do not add up: another version than 4.1?")
    return {latency: count for latency, count in counts.items() if count}


def percentile_ms(counts: Counts, pct: float) -> float:
    """Return the smallest latency (ms) that `pct` percent of the answers did not exceed."""
    wanted = pct / 100 * sum(counts.values())
    seen = 0
    for latency in sorted(counts):
        seen += counts[latency]
        if seen >= wanted:
            return latency / 1000
    return 0.0


def mean_ms(counts: Counts) -> float:
    """Return the mean latency in ms."""
    total = sum(latency * count for latency, count in counts.items())
    return total / max(1, sum(counts.values())) / 1000
