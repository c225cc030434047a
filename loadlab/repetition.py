"""Identical runs one after the other: what they differ by, and what they say together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from loadlab import comparison, history, services, states
from loadlab.judges import judge_comparison
from loadlab.models import Noise, Run
from loadlab.verdict import Verdict


class NotAlike(Exception):
    """The runs say nothing about noise; the message says why."""


@dataclass(frozen=True)
class Together:
    """What several identical runs amount to."""

    noise: comparison.Noise
    is_stored: bool
    verdict: Verdict | None  # against the baseline, if there is one that is not among them
    comparison: comparison.Comparison | None


def sum_up(*, runs: Sequence[Run], new_baseline: bool, now: datetime) -> Together:
    """Measure the noise between identical runs, and compare all of them with their baseline.

    The noise is stored unless another baseline stands there with a noise of its own: what that
    one was measured beside is the better reference.

    Raises:
        NotAlike: fewer than two, or one did not finish, was not valid, or is of another kind.
    """
    _check_alike(runs)
    ids = [run.pk for run in runs]
    fingerprint = runs[0].fingerprint
    profiles = history.profiles_of(run_ids=ids)
    noise = comparison.Noise(len(runs), comparison.spread(profiles))
    baseline = history.baseline_of(fingerprint=fingerprint)
    known = Noise.objects.filter(fingerprint=fingerprint).exists()
    is_stored = new_baseline or baseline is None or not known
    if is_stored:
        services.noise_record(fingerprint=fingerprint, run_ids=ids, spread=noise.spread, now=now)
    if baseline is None or new_baseline or baseline.run_id in ids:
        return Together(noise, is_stored, None, None)
    found = history.compared_with(baseline=baseline, run_ids=ids)
    valid = Verdict("validity", "pass", ())
    return Together(noise, is_stored, judge_comparison(valid=valid, comparison=found), found)


def typical(runs: Sequence[Run]) -> Run:
    """Return the run in the middle, by p95: the one to measure others by."""
    ordered = sorted(runs, key=lambda run: run.summary["total"]["p95_ms"] if run.summary else 0.0)
    return ordered[len(ordered) // 2]


def _check_alike(runs: Sequence[Run]) -> None:
    if len(runs) < 2:
        raise NotAlike("Noise takes at least two runs.")
    for run in runs:
        if run.state != states.FINISHED or not history.is_valid(run):
            raise NotAlike(f"{run} is not valid: no noise can be measured with it.")
        if run.fingerprint != runs[0].fingerprint:
            raise NotAlike(f"{run} is not of the same kind as {runs[0]}.")
