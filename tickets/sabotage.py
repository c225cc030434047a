"""Breaks rehearsal stock on purpose, so that the audit can be seen to find it.

A check that has never failed may be unable to. This is its negative control: it may touch
rehearsal stock and nothing else, and what it writes is what no code of ours would.
"""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from tickets.models import ApiKey, Purchase, Ticket
from vacancy import selectors as stock_rows
from vacancy import services as stock


class CannotBreak(Exception):
    """There is nothing to break in this way, or it is not rehearsal stock."""


@transaction.atomic
def rehearsal_sabotage(*, vacancy_id: int, how: str, now: datetime) -> None:
    """Break a rehearsal vacancy in one of the ways of `WAYS`.

    Raises:
        CannotBreak: it is not rehearsal stock, the way is not known, or nothing was sold yet.
    """
    if how not in WAYS:
        raise CannotBreak(f"There is no way {how!r} to break stock: {', '.join(WAYS)}.")
    if not stock_rows.is_rehearsal(vacancy_id=vacancy_id):
        raise CannotBreak(f"Vacancy {vacancy_id} is not rehearsal stock.")
    if not WAYS[how](vacancy_id, now):
        raise CannotBreak(f"Nothing could be broken by {how!r}: was anything sold?")


def _lose_purchase(vacancy_id: int, _: datetime) -> bool:
    """Forget a sale that a buyer was told of; the counter still knows it."""
    purchase = Purchase.objects.filter(vacancy=vacancy_id).order_by("pk").first()
    return purchase is not None and bool(purchase.delete())


def _lose_ticket(vacancy_id: int, _: datetime) -> bool:
    """Take one admission out of a purchase."""
    ticket = Ticket.objects.filter(purchase__vacancy=vacancy_id).order_by("pk").first()
    return ticket is not None and bool(ticket.delete())


def _sell_twice(vacancy_id: int, now: datetime) -> bool:
    """Write down a sale that nobody asked for and no counter knows."""
    client = ApiKey.objects.filter(vacancy=vacancy_id).first()
    fields = {"unit_price": 0, "currency": "EUR", "created_at": now}
    purchase = Purchase.objects.create(
        vacancy_id=vacancy_id, client=client, qty=1, total=0, **fields
    )
    Ticket.objects.create(purchase=purchase)
    return True


def _move_counter(vacancy_id: int, _: datetime) -> bool:
    """Count a sale that never was, or lose count of one that was."""
    return stock.rehearsal_counter_break(vacancy_id=vacancy_id)


WAYS: dict[str, Callable[[int, datetime], bool]] = {
    "moved_counter": _move_counter,
    "lost_purchase": _lose_purchase,
    "lost_ticket": _lose_ticket,
    "sold_twice": _sell_twice,
}
