"""Stock that exists only for one run of the load lab."""

from datetime import datetime

from django.db.models import F

from vacancy.models import Vacancy


def vacancy_create_rehearsal(
    *,
    name: str,
    capacity: int,
    now: datetime,
    price: int = 0,
    currency: str = "EUR",
    max_per_purchase: int = 10,
) -> Vacancy:
    """Make stock that exists only for one run: on sale at once, never listed, never default.

    `price` is in minor units.
    """
    return Vacancy.objects.create(
        name=name,
        price=price,
        currency=currency,
        max_per_purchase=max_per_purchase,
        capacity=capacity,
        initial_capacity=capacity,
        available=capacity,
        state=Vacancy.State.ON_SALE,
        is_rehearsal=True,
        created_at=now,
    )


def rehearsal_close(*, vacancy_id: int) -> bool:
    """Stop selling rehearsal stock for good. False if there is none of this id."""
    rehearsal = Vacancy.objects.filter(pk=vacancy_id, is_rehearsal=True)
    return bool(rehearsal.update(state=Vacancy.State.CLOSED))


def rehearsal_counter_break(*, vacancy_id: int) -> bool:
    """Count one sale too many, or one too few if all is sold, to see whether anybody notices.

    False if it is not rehearsal stock. Real stock cannot be reached from here.
    """
    rehearsal = Vacancy.objects.filter(pk=vacancy_id, is_rehearsal=True)
    too_many = rehearsal.filter(available__gte=1)
    if too_many.update(available=F("available") - 1, sold=F("sold") + 1):
        return True
    too_few = rehearsal.filter(sold__gte=1)
    return bool(too_few.update(available=F("available") + 1, sold=F("sold") - 1))


def vacancy_delete_rehearsal(*, vacancy_id: int) -> None:
    """Remove rehearsal stock; real stock is left alone whatever the id says."""
    Vacancy.objects.filter(pk=vacancy_id, is_rehearsal=True).delete()
