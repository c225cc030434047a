"""What operators change while selling: capacity, and whether it is sold at all."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F

from vacancy.models import StockMovement, Vacancy
from vacancy.services import ledger
from vacancy.services.errors import CapacityTooLow, VacancyNotFound


@transaction.atomic
def capacity_change(
    *, vacancy_id: int, by: int, reason: str, actor: User | None, now: datetime
) -> Vacancy:
    """Add `by` places (remove them if below 0) while selling, and write down who and why.

    Raises:
        VacancyNotFound: no such vacancy.
        CapacityTooLow: more would go than are available; says how many can.
    """
    moved = Vacancy.objects.filter(pk=vacancy_id, available__gte=-by).update(
        capacity=F("capacity") + by, available=F("available") + by
    )
    vacancy = Vacancy.objects.filter(pk=vacancy_id).first()
    if vacancy is None:
        raise VacancyNotFound(f"There is no vacancy {vacancy_id}.")
    if not moved:
        raise CapacityTooLow(
            f"{vacancy.sold} sold and {vacancy.held} held: capacity cannot go below "
            f"{vacancy.sold + vacancy.held}. {-by} were to go, at most {vacancy.available} can."
        )
    ledger.write_down(vacancy_id, StockMovement.Kind.CAPACITY, by, reason, actor, now)
    return vacancy


@transaction.atomic
def state_change(
    *,
    vacancy_id: int,
    to: Vacancy.State,
    allowed_from: set[Vacancy.State],
    reason: str,
    actor: User | None,
    now: datetime,
) -> bool:
    """Move a vacancy to state `to` if it is in one of `allowed_from`, with a line in the ledger.

    Says whether it moved.
    """
    movable = Vacancy.objects.filter(pk=vacancy_id, state__in=allowed_from)
    if not movable.update(state=to):
        return False
    ledger.write_down(vacancy_id, StockMovement.Kind.STATE, 0, reason, actor, now)
    return True


def put_on_sale(
    *, vacancy_id: int, now: datetime, actor: User | None = None, reason: str = "Put on sale"
) -> bool:
    """Sell from now on (within the sale window). False if it was on sale already."""
    return state_change(
        vacancy_id=vacancy_id,
        to=Vacancy.State.ON_SALE,
        allowed_from={Vacancy.State.DRAFT, Vacancy.State.PAUSED, Vacancy.State.CLOSED},
        reason=reason,
        actor=actor,
        now=now,
    )


def pause(
    *, vacancy_id: int, now: datetime, actor: User | None = None, reason: str = "Paused"
) -> bool:
    """Stop selling at once; holds can still be confirmed. False if it was not on sale."""
    return state_change(
        vacancy_id=vacancy_id,
        to=Vacancy.State.PAUSED,
        allowed_from={Vacancy.State.ON_SALE},
        reason=reason,
        actor=actor,
        now=now,
    )


def close(
    *, vacancy_id: int, now: datetime, actor: User | None = None, reason: str = "Closed"
) -> bool:
    """End the sale; holds can still be confirmed. False if it was closed already."""
    return state_change(
        vacancy_id=vacancy_id,
        to=Vacancy.State.CLOSED,
        allowed_from={Vacancy.State.DRAFT, Vacancy.State.ON_SALE, Vacancy.State.PAUSED},
        reason=reason,
        actor=actor,
        now=now,
    )
