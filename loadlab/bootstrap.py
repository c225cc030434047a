"""How sure the difference between two runs is: a circular block bootstrap over their seconds.

Note [Blocks of seconds, not requests]
    Thousands of latencies of one run are not thousands of independent facts: a stall touches
    hundreds of neighbors, and a test that takes each request for itself calls every trifle
    significant. So whole blocks of consecutive seconds are drawn again and again, which keeps
    what neighbors have in common (Künsch, "The jackknife and the bootstrap for general
    stationary observations", Annals of Statistics 17, 1989). Blocks may run over the end into
    the beginning, so that no second counts less than another (Politis and Romano, "A circular
    block-resampling procedure for stationary data", 1992). The block length grows with the cube
    root of the run's length, the rate that is best for a variance (Hall, Horowitz and Jing,
    Biometrika 82, 1995).
"""

import math
import random
from collections.abc import Sequence
from statistics import fmean

from loadlab.profiles import Columns

RESAMPLES = 1000
SEED = 1992

# What is compared: name, and the share of requests whose latency it is; None is the throughput.
METRICS: dict[str, float | None] = {
    "p50_ms": 0.5,
    "p95_ms": 0.95,
    "p99_ms": 0.99,
    "rate_per_s": None,
}


def block_length(unit_count: int) -> int:
    """Return how many consecutive units a block has."""
    return max(1, math.ceil(math.cbrt(unit_count) - 1e-9))


def metrics(columns: Columns, weights: Sequence[int] | None = None) -> dict[str, float]:
    """Return each metric of one run, or of one resample of it."""
    weights = weights or [1] * columns.unit_count
    return {
        name: columns.rate_per_s(weights) if share is None else columns.quantile_ms(share, weights)
        for name, share in METRICS.items()
    }


def means(side: Sequence[Columns]) -> dict[str, float]:
    """Return each metric's mean over the runs of one side."""
    return _mean([metrics(columns) for columns in side])


def differences(
    baseline: Sequence[Columns],
    these: Sequence[Columns],
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, list[float]]:
    """Return for each metric the sorted differences (these minus baseline) of all resamples."""
    chance = random.Random(seed)  # noqa: S311  # a seeded draw that anybody can repeat
    found: dict[str, list[float]] = {name: [] for name in METRICS}
    for _ in range(resamples):
        before, after = _resampled(baseline, chance), _resampled(these, chance)
        for name, values in found.items():
            values.append(after[name] - before[name])
    return {name: sorted(values) for name, values in found.items()}


def interval(ordered: Sequence[float], *, confidence: float) -> tuple[float, float]:
    """Return the bounds between which this share of the sorted values lies."""
    tail = (1 - confidence) / 2
    last = len(ordered) - 1
    return ordered[math.floor(tail * last)], ordered[math.ceil((1 - tail) * last)]


def _resampled(side: Sequence[Columns], chance: random.Random) -> dict[str, float]:
    return _mean([metrics(columns, _weights(columns.unit_count, chance)) for columns in side])


def _weights(unit_count: int, chance: random.Random) -> list[int]:
    """Draw blocks until there are as many units as the run has; say how often each was drawn."""
    length = block_length(unit_count)
    weights = [0] * unit_count
    left = unit_count
    while left > 0:
        start = int(chance.random() * unit_count)
        for at in range(start, start + min(length, left)):
            weights[at % unit_count] += 1
        left -= length
    return weights


def _mean(found: Sequence[dict[str, float]]) -> dict[str, float]:
    if len(found) == 1:
        return found[0]
    return {name: fmean(one[name] for one in found) for name in METRICS}
