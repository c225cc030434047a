"""What a run sells: stock and a key of its own, made for it and removed whatever happens."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, transaction

from loadlab import states
from loadlab.models import Run
from loadlab.sentence import Sentence, gettext_noop
from loadlab.services.errors import NoSuchShape, RunLost
from loadlab.services.life import JUDGING_SHARE, LEASE, ours, reason_columns
from tickets import services as tickets
from vacancy import selectors as stock_rows
from vacancy import services as stock

KEY_OUTLIVES_RUN = timedelta(minutes=10)
ORPHANED_AFTER = timedelta(minutes=1)
CLOCK_SLACK = timedelta(seconds=5)

LOST = Sentence(gettext_noop("The worker that supervised this run was lost."))

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rehearsal:
    """What a run sells: a vacancy of its own and the only key that sees it."""

    vacancy_id: int
    key: str


def shape_of(*, vacancy_id: int | None) -> dict[str, Any]:
    """Return capacity, price, currency and limit of a real vacancy; nothing for None.

    Raises:
        NoSuchShape: there is no such vacancy for people.
    """
    if vacancy_id is None:
        return {}
    fields = ("capacity", "price", "currency", "max_per_purchase")
    found = stock_rows.real_vacancies().filter(pk=vacancy_id).values(*fields).first()
    if found is None:
        text = gettext_noop("There is no vacancy %(vacancy)s to take the shape from.")
        raise NoSuchShape(text, vacancy=str(vacancy_id))
    return dict(found)


def rehearsal_create(*, run_id: int, worker: str, now: datetime) -> Rehearsal:
    """Make the run's own stock and the short-lived key that alone can buy it.

    Raises:
        RunLost: somebody ended the run meanwhile; nothing was made.
    """
    run = Run.objects.get(pk=run_id)
    with transaction.atomic():
        vacancy = stock.vacancy_create_rehearsal(
            name=f"Rehearsal of run {run_id}",
            capacity=run.capacity,
            price=run.price,
            currency=run.currency,
            max_per_purchase=run.max_per_purchase,
            now=now,
        )
        _, secret = tickets.key_create(
            name=f"Run {run_id}",
            vacancy_id=vacancy.pk,
            expires_at=now + timedelta(seconds=run.duration_s) + KEY_OUTLIVES_RUN,
            now=now,
        )
        if not ours(run_id, worker).update(vacancy_id=vacancy.pk):
            raise RunLost(gettext_noop("The run was ended by another process."))
    return Rehearsal(vacancy_id=vacancy.pk, key=secret)


def rehearsal_remove(*, run_id: int) -> None:
    """Remove the run's stock, purchases and key; doing it twice is harmless."""
    vacancy_id = Run.objects.filter(pk=run_id).values_list("vacancy_id", flat=True).first()
    if vacancy_id is not None:
        tickets.rehearsal_delete(vacancy_id=vacancy_id)
        Run.objects.filter(pk=run_id).update(vacancy_id=None)


def runs_end_lapsed(*, now: datetime, leases: Mapping[int, datetime] | None = None) -> list[int]:
    """End runs whose supervisor has not been heard of, and remove their stock.

    Whoever sees it first does it; the lease in the update's filter makes sure of "first". With
    `leases` only those runs are ended whose lease is still exactly the one given there.
    """
    leases_clamp(now=now)
    ended = []
    lapsed = Run.objects.filter(slot=1, lease_until__lt=now).values_list("pk", "lease_until")
    for run_id, lease_until in list(lapsed):
        if leases is not None and leases.get(run_id) != lease_until:
            continue
        unheard = Run.objects.filter(pk=run_id, slot=1, lease_until=lease_until)
        if unheard.update(
            state=states.FAILED,
            slot=None,
            ended_at=now,
            lease_until=None,
            **reason_columns(LOST),
        ):
            ended.append(run_id)
    leftovers_remove()
    return ended


def leases_clamp(*, now: datetime) -> None:
    """Shorten a lease that reaches further than any worker could have written it.

    The clock went back. A supervisor that lives renews it anyway; one that is dead would keep
    its run, and everybody else waiting, for as long as the clock went back.
    """
    active = Run.objects.filter(slot=1, lease_until__isnull=False)
    for run_id, duration_s in list(active.values_list("pk", "duration_s")):
        longest = now + LEASE + timedelta(seconds=duration_s * JUDGING_SHARE) + CLOCK_SLACK
        active.filter(pk=run_id, lease_until__gt=longest).update(lease_until=now + LEASE)


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


def orphans_remove(*, now: datetime) -> list[int]:
    """Remove rehearsal stock that no active run knows of; return the vacancies.

    Its run may have been deleted past us, or come from a restored copy. The stock is read before
    the runs: stock and run are stored together, so what an active run owns is found to be owned.
    """
    removed = []
    found = stock_rows.rehearsal_ids(made_before=now - ORPHANED_AFTER)
    owned = set(Run.objects.filter(slot=1).values_list("vacancy_id", flat=True))
    for vacancy_id in found:
        if vacancy_id in owned:
            continue
        try:
            tickets.rehearsal_delete(vacancy_id=vacancy_id)
        except DatabaseError:
            logger.warning("rehearsal stock %s could not be removed yet", vacancy_id, exc_info=True)
        else:
            Run.objects.filter(vacancy_id=vacancy_id).update(vacancy_id=None)
            removed.append(vacancy_id)
    return removed
