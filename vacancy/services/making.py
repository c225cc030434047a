"""Vacancies as they begin: typed, imported."""

from datetime import datetime

from vacancy.models import Vacancy


def vacancy_create(
    *,
    name: str,
    capacity: int,
    now: datetime,
    venue: str = "",
    starts_at: datetime | None = None,
    price: int = 0,
    currency: str = "EUR",
    max_per_purchase: int = 10,
    is_default: bool = False,
    close_when_sold_out: bool = False,
) -> Vacancy:
    """Make a draft with all its places available; `price` is in minor units."""
    return Vacancy.objects.create(
        name=name,
        venue=venue,
        starts_at=starts_at,
        price=price,
        currency=currency,
        max_per_purchase=max_per_purchase,
        is_default=is_default,
        close_when_sold_out=close_when_sold_out,
        capacity=capacity,
        initial_capacity=capacity,
        available=capacity,
        created_at=now,
    )


def vacancy_add(*, vacancy: Vacancy, now: datetime) -> Vacancy:
    """Store a vacancy that was typed or imported, with all its places available."""
    vacancy.available = vacancy.initial_capacity = vacancy.capacity
    vacancy.created_at = now
    vacancy.save(force_insert=True)
    return vacancy
