"""What later runs are compared with, and how much identical runs differ."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from loadlab import states
from loadlab.models import Baseline, Noise, Run
from loadlab.sentence import gettext_noop
from loadlab.services.errors import NotABaseline

UNFIT = {
    "validity": gettext_noop(
        "The generator of run %(run)s did not keep up, or was not judged: others cannot be "
        "measured by it."
    ),
    "integrity": gettext_noop(
        "The integrity of run %(run)s did not pass: others cannot be measured by it."
    ),
}


@transaction.atomic
def baseline_set(*, run_id: int, actor: User | None, now: datetime) -> Baseline:
    """Make a run the reference for its fingerprint, in place of an earlier one.

    Raises:
        NotABaseline: it does not exist, did not finish, was not valid, or was sabotaged.
    """
    run = Run.objects.select_for_update().filter(pk=run_id).first()
    if run is None:
        raise NotABaseline(gettext_noop("There is no run %(run)s."), run=str(run_id))
    _check_fit(run)
    baseline, _ = Baseline.objects.update_or_create(
        fingerprint=run.fingerprint, defaults={"run": run, "set_at": now, "set_by": actor}
    )
    return baseline


def _check_fit(run: Run) -> None:
    if run.state != states.FINISHED:
        text = gettext_noop("Run %(run)s did not finish: only one that did can be a baseline.")
        raise NotABaseline(text, run=str(run.pk))
    outcomes = {one["kind"]: one["outcome"] for one in run.verdicts or []}
    for kind, unfit in UNFIT.items():
        if outcomes.get(kind) != "pass":
            raise NotABaseline(unfit, run=str(run.pk))


def baseline_remove(*, run_id: int) -> bool:
    """Stop comparing with this run. False if it was no baseline."""
    removed, _ = Baseline.objects.filter(run=run_id).delete()
    return bool(removed)


def noise_record(
    *, fingerprint: str, run_ids: Sequence[int], spread: Mapping[str, float], now: datetime
) -> Noise:
    """Store how much identical runs differed; a newer measurement replaces an older one."""
    noise, _ = Noise.objects.update_or_create(
        fingerprint=fingerprint,
        defaults={
            "run_count": len(run_ids),
            "run_ids": list(run_ids),
            "spread": dict(spread),
            "measured_at": now,
        },
    )
    return noise
