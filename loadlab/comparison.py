"""Whether a run is slower, faster, or no different than its baseline. Pure functions.

Note [What counts as a difference]
    A difference must be larger than a minimum effect: 5 % of the baseline, half a millisecond,
    or what identical runs differ by on this machine, whichever is most. And it must not be
    chance within the run: the bootstrap's interval must exclude zero. Equivalent is a claim too:
    the whole interval lies within the minimum effect. Everything else is inconclusive.

    The noise is the standard deviation s between identical runs, measured with n of them. Means
    of k and m further runs differ by less than t * s * sqrt(1/k + 1/m) in all but 5 % of cases
    (all metrics together: each gets a quarter of the 5 %); t is Student's, for n - 1, so that
    a noise measured with few runs counts for more. Without a measured noise nothing is judged:
    the bootstrap sees what happens within a run and nothing of what happens between runs.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal

from loadlab import bootstrap
from loadlab.profiles import Columns, Profile

Outcome = Literal["regressed", "improved", "equivalent", "inconclusive"]

ERROR_SHARE = 0.05  # of identical pairs that may be called different, over all metrics
CONFIDENCE = 1 - ERROR_SHARE / len(bootstrap.METRICS)
RELATIVE_LIMIT = 0.05
ABSOLUTE_LIMIT_MS = 0.5
MOST_RUNS = 100  # beyond that nobody would repeat it
FEWEST_UNITS = 5  # fewer seconds than these have no blocks worth drawing


@dataclass(frozen=True)
class Noise:
    """How much identical runs differ: standard deviation by metric, over `run_count` runs."""

    run_count: int
    spread: Mapping[str, float]

    def floor(self, name: str, *, baselines: int = 1, runs: int = 1) -> float:
        """Return what means of so many identical runs differ by, in all but a few cases."""
        return (
            student_t(CONFIDENCE, self.run_count - 1)
            * self.spread.get(name, 0.0)
            * math.sqrt(1 / baselines + 1 / runs)
        )


@dataclass(frozen=True)
class Difference:
    """One metric on both sides; `low` and `high` bound `delta` (this minus baseline)."""

    name: str
    baseline: float
    this: float
    delta: float
    low: float
    high: float
    minimum_effect: float
    outcome: Outcome
    runs_needed: int | None  # on each side, if inconclusive and that would settle it


@dataclass(frozen=True)
class Comparison:
    """All metrics, and how they were compared."""

    outcome: Outcome
    differences: list[Difference]
    noise: Noise | None
    baseline_count: int
    run_count: int
    block_s: int
    resamples: int
    seed: int
    confidence_pct: float

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def compare(
    *,
    baseline: Sequence[Profile],
    these: Sequence[Profile],
    noise: Noise | None,
    resamples: int = bootstrap.RESAMPLES,
    seed: int = bootstrap.SEED,
) -> Comparison | None:
    """Compare runs of the same fingerprint; each side may be one run or several.

    None if one of them is too short to be cut into blocks, or measured nothing.
    """
    if any(len(one.units) < FEWEST_UNITS for one in (*baseline, *these)):
        return None
    before, after = [Columns(one) for one in baseline], [Columns(one) for one in these]
    old, new = bootstrap.means(before), bootstrap.means(after)
    if any(map(math.isnan, (*old.values(), *new.values()))):
        return None
    drawn = bootstrap.differences(before, after, resamples=resamples, seed=seed)
    sizes = _Sizes(len(before), len(after), noise)
    found = [_difference(name, old[name], new[name], drawn[name], sizes) for name in drawn]
    return Comparison(
        outcome=_overall([one.outcome for one in found]),
        differences=found,
        noise=noise,
        baseline_count=len(before),
        run_count=len(after),
        block_s=bootstrap.block_length(before[0].unit_count) * baseline[0].unit_s,
        resamples=resamples,
        seed=seed,
        confidence_pct=100 * CONFIDENCE,
    )


def spread(runs: Sequence[Profile]) -> dict[str, float]:
    """Return the standard deviation of each metric between identical runs (at least two)."""
    found = [bootstrap.metrics(Columns(one)) for one in runs]
    return {name: _deviation([one[name] for one in found]) for name in bootstrap.METRICS}


@dataclass(frozen=True)
class _Sizes:
    """How many runs stand on each side, and what identical ones differ by."""

    baselines: int
    runs: int
    noise: Noise | None

    def minimum_effect(self, name: str, baseline: float, *, times: int = 1) -> float:
        limit = RELATIVE_LIMIT * baseline
        if name.endswith("_ms"):
            limit = max(limit, ABSOLUTE_LIMIT_MS)
        if self.noise is None:
            return limit
        baselines, runs = self.baselines * times, self.runs * times
        return max(limit, self.noise.floor(name, baselines=baselines, runs=runs))


def _difference(
    name: str, old: float, new: float, drawn: Sequence[float], sizes: _Sizes
) -> Difference:
    low, high = bootstrap.interval(drawn, confidence=CONFIDENCE)
    minimum = sizes.minimum_effect(name, old)
    delta = new - old
    outcome: Outcome = "inconclusive"
    if sizes.noise is not None:
        outcome = _outcome(name, delta, low, high, minimum)
    needed = None
    if outcome == "inconclusive" and sizes.noise is not None:
        needed = _runs_needed(name, old, delta, (high - low) / 2, sizes)
    return Difference(name, old, new, delta, low, high, minimum, outcome, needed)


def _outcome(name: str, delta: float, low: float, high: float, minimum: float) -> Outcome:
    if abs(delta) >= minimum and (low > 0 or high < 0):
        worse = delta > 0 if name.endswith("_ms") else delta < 0
        return "regressed" if worse else "improved"
    return "equivalent" if -minimum < low and high < minimum else "inconclusive"


def _runs_needed(
    name: str, old: float, delta: float, half_width: float, sizes: _Sizes
) -> int | None:
    """Return with how many runs on each side this difference would be decided, if it stays."""
    most = max(sizes.baselines, sizes.runs)
    for times in range(2, MOST_RUNS // most + 1):
        minimum = sizes.minimum_effect(name, old, times=times)
        width = half_width / math.sqrt(times)
        if _outcome(name, delta, delta - width, delta + width, minimum) != "inconclusive":
            return times * most
    return None


def _overall(outcomes: Sequence[Outcome]) -> Outcome:
    """One metric that is worse is a regression; only all together are no difference."""
    for word in ("regressed", "inconclusive", "improved"):
        if word in outcomes and not (word == "inconclusive" and "improved" in outcomes):
            return word
    return "equivalent"


def _deviation(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


@lru_cache(maxsize=64)
def student_t(confidence: float, freedom: int) -> float:
    """Return how many standard deviations around the mean hold this share of Student's t."""
    low, high = 0.0, 1000.0
    for _ in range(60):
        middle = (low + high) / 2
        if _within(middle, freedom) < confidence:
            low = middle
        else:
            high = middle
    return high


def _within(bound: float, freedom: int, steps: int = 2000) -> float:
    """Integrate Student's density from -bound to bound, with x = sqrt(freedom) tan(angle).

    In the angle the density is a power of its cosine, which is smooth and bounded also for one
    degree of freedom, whose tails are long.
    """
    scale = math.gamma((freedom + 1) / 2) / (math.gamma(freedom / 2) * math.sqrt(math.pi))
    end = math.atan(bound / math.sqrt(freedom))
    width = end / steps
    inner = sum(math.cos((at + 0.5) * width) ** (freedom - 1) for at in range(steps))
    return 2 * scale * width * inner
