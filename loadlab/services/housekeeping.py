"""What may go: single runs when somebody says so, old ones when their time is over."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import ProtectedError

from loadlab.models import Run, RunEvent, RunSecond, Sample
from loadlab.sentence import gettext_noop
from loadlab.services.errors import NotDeletable

logger = logging.getLogger(__name__)


@transaction.atomic
def run_delete(*, run_id: int) -> None:
    """Remove a run with everything that was measured.

    Raises:
        NotDeletable: it is active, is a baseline, or is not there.
    """
    name = str(run_id)
    run = Run.objects.select_for_update().filter(pk=run_id).first()
    if run is None:
        raise NotDeletable(gettext_noop("There is no run %(run)s."), run=name)
    if run.is_active:
        text = gettext_noop("Run %(run)s has not ended: stop it first.")
        raise NotDeletable(text, run=name)
    if run.vacancy_id is not None:
        text = gettext_noop("The rehearsal stock of run %(run)s is still being removed.")
        raise NotDeletable(text, run=name)
    # The rows by one statement each: a run has a hundred thousand, and Django would read them all.
    for rows in (Sample, RunSecond, RunEvent):
        rows.objects.filter(run=run_id).delete()
    try:
        run.delete()
    except ProtectedError:
        text = gettext_noop("Run %(run)s is a baseline: others are compared with it.")
        raise NotDeletable(text, run=name) from None


def runs_forget(*, now: datetime) -> list[int]:
    """Delete the runs that ended longer ago than they are kept; baselines stay. Return which.

    LOADLAB_RETENTION_DAYS says how long; with 0 nothing is ever forgotten.
    """
    days = settings.LOADLAB_RETENTION_DAYS
    if not days:
        return []
    old = Run.objects.filter(slot=None, vacancy_id=None, ended_at__lt=now - timedelta(days=days))
    forgotten = []
    for run_id in old.filter(baseline=None).values_list("pk", flat=True):
        try:
            run_delete(run_id=run_id)
        except NotDeletable:  # somebody made it a baseline meanwhile
            logger.info("run %s is kept", run_id)
        else:
            forgotten.append(run_id)
    return forgotten
