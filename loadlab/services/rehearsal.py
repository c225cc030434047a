"""What a run sells: stock and a key of its own, made for it and removed whatever happens."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError, transaction

from loadlab import states
from loadlab.models import Run
from loadlab.services.errors import RunLost
from loadlab.services.life import ours
from tickets import services as tickets
from vacancy import services as stock

KEY_OUTLIVES_RUN = timedelta(minutes=10)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rehearsal:
    """What a run sells: a vacancy of its own and the only key that sees it."""

    vacancy_id: int
    key: str


def rehearsal_create(*, run_id: int, worker: str, now: datetime) -> Rehearsal:
    """Make the run's own stock and the short-lived key that alone can buy it.

    Raises:
        RunLost: somebody ended the run meanwhile; nothing was made.
    """
    run = Run.objects.get(pk=run_id)
    with transaction.atomic():
        vacancy = stock.vacancy_create_rehearsal(
            name=f"Rehearsal of run {run_id}", capacity=run.capacity, now=now
        )
        _, secret = tickets.key_create(
            name=f"Run {run_id}",
            vacancy_id=vacancy.pk,
            expires_at=now + timedelta(seconds=run.duration_s) + KEY_OUTLIVES_RUN,
            now=now,
        )
        if not ours(run_id, worker).update(vacancy_id=vacancy.pk):
            raise RunLost("The run was ended by another process.")
    return Rehearsal(vacancy_id=vacancy.pk, key=secret)


def rehearsal_remove(*, run_id: int) -> None:
    """Remove the run's stock, purchases and key; doing it twice is harmless."""
    vacancy_id = Run.objects.filter(pk=run_id).values_list("vacancy_id", flat=True).first()
    if vacancy_id is not None:
        tickets.rehearsal_delete(vacancy_id=vacancy_id)
        Run.objects.filter(pk=run_id).update(vacancy_id=None)


def runs_end_lapsed(*, now: datetime) -> list[int]:
    """End runs whose supervisor has not been heard of, and remove their stock.

    Whoever sees it first does it; the lease in the update's filter makes sure of "first".
    """
    ended = []
    lapsed = Run.objects.filter(slot=1, lease_until__lt=now).values_list("pk", flat=True)
    for run_id in list(lapsed):
        if Run.objects.filter(pk=run_id, slot=1, lease_until__lt=now).update(
            state=states.FAILED,
            slot=None,
            ended_at=now,
            lease_until=None,
            reason="The worker that supervised this run was lost.",
        ):
            ended.append(run_id)
    leftovers_remove()
    return ended


def leftovers_remove() -> None:
    """Remove the rehearsal stock of every run that has ended.

    A purchase that was cut off with its buyer may be committed in this very moment, and the
    stock under it cannot go: that is no reason to stop anybody. The next call removes it.
    """
    leftovers = Run.objects.filter(slot=None).exclude(vacancy_id=None)
    for run_id in list(leftovers.values_list("pk", flat=True)):
        try:
            rehearsal_remove(run_id=run_id)
        except DatabaseError:
            logger.warning("the stock of run %s could not be removed yet", run_id, exc_info=True)
