"""Every read of keys, purchases and tickets."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Q, QuerySet, Sum

from tickets.models import ApiKey, Hold, Purchase, Ticket
from vacancy import selectors as stock_rows

KEYS_AT_ONCE = 500  # SQLite takes a thousand values in one query


@dataclass(frozen=True)
class Client:
    """A key that was checked: who it is and what it may do."""

    key_id: int
    name: str
    scopes: frozenset[str]
    vacancy_id: int | None  # bound to this vacancy alone (rehearsals), or None


class Cursor(NamedTuple):
    """The last row of a page."""

    created_at: datetime
    pk: uuid.UUID


@dataclass(frozen=True)
class Sales:
    """What the rows of one vacancy say, whatever its counters say."""

    counters: stock_rows.Counters
    purchase_count: int  # confirmed purchases
    purchased_qty: int  # their places
    ticket_count: int  # their tickets


def key_digest(secret: str) -> str:
    """Hash a key for storage. One round of SHA-256: 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def client_for_key(*, secret: str, now: datetime) -> Client | None:
    """Return who holds this key, or None if it is unknown, revoked or expired.

    Demo keys are known in development only.
    """
    keys = ApiKey.objects.filter(digest=key_digest(secret), revoked_at=None).filter(
        Q(expires_at=None) | Q(expires_at__gt=now)
    )
    if settings.TICKETSITE_ENV == "production":
        keys = keys.filter(is_demo=False)
    key = keys.first()
    if key is None:
        return None
    return Client(key.pk, key.name, frozenset(key.scopes.split()), key.vacancy_id)


def key_exists(*, secret: str) -> bool:
    """Say whether this key is stored, revoked or not."""
    return ApiKey.objects.filter(digest=key_digest(secret)).exists()


def purchase_of_client(*, client: Client, purchase_id: uuid.UUID) -> Purchase | None:
    """Return one of the client's own purchases, with its tickets, or None."""
    return (
        Purchase.objects.prefetch_related("tickets")
        .filter(client=client.key_id, pk=purchase_id)
        .first()
    )


def purchases_of_client(*, client: Client, after: Cursor | None, limit: int) -> list[Purchase]:
    """Return at most `limit` of the client's purchases with their tickets, newest first.

    `after`: only those that come later in this order than the one that the cursor names.
    """
    rows = Purchase.objects.prefetch_related("tickets").filter(client=client.key_id)
    if after is not None:
        same = Q(created_at=after.created_at, pk__lt=after.pk)
        rows = rows.filter(same | Q(created_at__lt=after.created_at))
    return list(rows.order_by("-created_at", "-pk")[:limit])


def hold_of_client(*, client: Client, hold_id: uuid.UUID) -> tuple[Hold, uuid.UUID | None] | None:
    """Return one of the client's own holds and the purchase it became, or None."""
    rows = Hold.objects.filter(client=client.key_id, pk=hold_id)
    hold = rows.annotate(purchase_pk=F("purchases")).first()
    return (hold, hold.purchase_pk) if hold else None


def tickets_at_door(*, client: Client) -> QuerySet[Ticket]:
    """Return the tickets that a door with this key may look up: one run's own, or all real ones.

    A door is seldom the shop that sold, so it is not asked whose purchase it was: the code is
    the secret.
    """
    if client.vacancy_id is not None:
        return Ticket.objects.filter(purchase__vacancy=client.vacancy_id)
    return real_tickets()


def ticket_at_door(*, client: Client, code: str) -> Ticket | None:
    """Return the ticket with this code, its purchase and vacancy, or None."""
    tickets = tickets_at_door(client=client).select_related("purchase__vacancy")
    return tickets.filter(code=code).first()


def real_purchases() -> QuerySet[Purchase]:
    """Return purchases that people made: nothing from rehearsals."""
    return Purchase.objects.filter(vacancy__is_rehearsal=False)


def real_tickets() -> QuerySet[Ticket]:
    """Return tickets that people hold: nothing from rehearsals."""
    return Ticket.objects.filter(purchase__vacancy__is_rehearsal=False)


@transaction.atomic
def sales_of(*, vacancy_id: int) -> Sales | None:
    """Return the counters of a vacancy beside what its rows add up to, or None if it is gone.

    All of one moment: every sale updates the vacancy's row, so holding that row keeps sales out
    until the rows are added up.
    """
    counters = stock_rows.counters(vacancy_id=vacancy_id, hold_row=True)
    if counters is None:
        return None
    confirmed = Q(status=Purchase.Status.CONFIRMED)
    rows = Purchase.objects.filter(confirmed, vacancy=vacancy_id).aggregate(
        count=Count("pk"), qty=Sum("qty")
    )
    tickets = Ticket.objects.filter(
        purchase__vacancy=vacancy_id, purchase__status=Purchase.Status.CONFIRMED
    ).count()
    return Sales(
        counters=counters,
        purchase_count=rows["count"],
        purchased_qty=rows["qty"] or 0,
        ticket_count=tickets,
    )


def purchases_with_keys(*, vacancy_id: int, keys: Sequence[str]) -> int:
    """Count the purchases of a vacancy that were asked for under these idempotency keys."""
    count = 0
    for at in range(0, len(keys), KEYS_AT_ONCE):
        some = keys[at : at + KEYS_AT_ONCE]
        count += Purchase.objects.filter(vacancy=vacancy_id, idempotency_key__in=some).count()
    return count
