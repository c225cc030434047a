"""What a client owns, changed one at a time: keys, cancellations, releases, admissions.

Selling is done in batches: see tickets.selling.
"""

import secrets
import uuid
from datetime import datetime
from typing import ClassVar

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from tickets import expiry
from tickets.models import ApiKey, Hold, Purchase, Ticket
from tickets.selectors import Client, key_digest, tickets_at_door
from tickets.wishes import HoldConfirmed, HoldExpired, HoldNotFound, SaleRefusal
from vacancy import selectors as stock_rows
from vacancy import services as stock

KEY_PREFIX = "tsk_"  # so that secret scanners can find a leaked one
SCOPES = ("buy", "check_in")
SWEEP_LIMIT = 1000  # holds a vacancy and round: a sweep must not keep buyers waiting


class PurchaseNotFound(SaleRefusal):
    """No such purchase, or another client's."""

    code = "not-found"


class TicketNotFound(SaleRefusal):
    """No ticket has this code, or it is not one that this client may see."""

    code = "not-found"


class AlreadyCheckedIn(SaleRefusal):
    """The ticket has been used; `checked_in_at` says when."""

    code: ClassVar[str] = "already-checked-in"

    def __init__(self, message: str, *, checked_in_at: datetime) -> None:
        """Keep the moment beside the sentence."""
        super().__init__(message)
        self.checked_in_at = checked_in_at


class PurchaseCancelled(SaleRefusal):
    """The ticket's purchase was cancelled: it admits nobody."""

    code = "purchase-cancelled"


@transaction.atomic(durable=True)
def purchase_cancel(
    *,
    purchase_id: uuid.UUID,
    client: Client | None,
    actor: User | None,
    reason: str,
    now: datetime,
) -> Purchase:
    """Take a purchase back and make its places available again, in one transaction, once.

    A purchase that is cancelled already is returned as it is. `client` None: on behalf of the
    organiser, whose `actor` is then written down.

    Raises:
        PurchaseNotFound: no such purchase of this client.
        AlreadyCheckedIn: somebody went in with one of its tickets; nothing was changed.
    """
    vacancy_id = _owned(Purchase.objects.all(), purchase_id, client)
    if vacancy_id is None or not _hold_vacancy(vacancy_id):
        raise PurchaseNotFound(f"There is no purchase {purchase_id}.")
    purchase = Purchase.objects.select_for_update(of=("self",), no_key=True).get(pk=purchase_id)
    if purchase.status == Purchase.Status.CANCELLED:
        return purchase
    used = purchase.tickets.exclude(checked_in_at=None).first()
    if used is not None and used.checked_in_at is not None:
        raise AlreadyCheckedIn(
            f"Ticket {used.code} of this purchase was checked in: it cannot be cancelled.",
            checked_in_at=used.checked_in_at,
        )
    purchase.status = Purchase.Status.CANCELLED
    purchase.cancelled_at, purchase.cancelled_by, purchase.cancel_reason = now, actor, reason
    purchase.save(update_fields=["status", "cancelled_at", "cancelled_by", "cancel_reason"])
    line = stock.GivenBack(
        purchase.qty, f"Purchase {purchase.pk} cancelled: {reason or 'by its client'}"
    )
    stock.places_give_back(
        vacancy_id=vacancy_id, kind="cancelled", lines=[line], actor=actor, now=now
    )
    return purchase


@transaction.atomic(durable=True)
def hold_release(*, hold_id: uuid.UUID, client: Client, now: datetime) -> None:
    """Give a hold's places back before its time; a second time changes nothing.

    Raises:
        HoldNotFound: no such hold of this client.
        HoldConfirmed: it has become a purchase.
        HoldExpired: its time was over, its places are or will be given back without this.
    """
    vacancy_id = _owned(Hold.objects.all(), hold_id, client)
    if vacancy_id is None or not _hold_vacancy(vacancy_id):
        raise HoldNotFound(f"There is no hold {hold_id} of this API key.")
    hold = Hold.objects.get(pk=hold_id)
    if hold.status == Hold.Status.RELEASED:
        return
    if hold.status == Hold.Status.CONFIRMED:
        raise HoldConfirmed(f"Hold {hold_id} has become a purchase: cancel that.")
    if hold.status == Hold.Status.EXPIRED or now >= hold.expires_at:
        raise HoldExpired(f"Hold {hold_id} expired at {hold.expires_at.isoformat()}.")
    Hold.objects.filter(pk=hold_id).update(status=Hold.Status.RELEASED, ended_at=now)
    line = stock.GivenBack(hold.qty, f"{hold} released by {client.name}")
    stock.places_give_back(
        vacancy_id=vacancy_id, kind="released", lines=[line], actor=None, now=now
    )


def holds_expire(*, now: datetime, limit: int = SWEEP_LIMIT) -> int:
    """Give back the places of holds whose time is over; return how many holds that were.

    Any number of processes may do it at once: the vacancy's row is held while its holds end, so
    each is given back exactly once. At most `limit` holds of each vacancy in one round.
    """
    expired = Hold.objects.filter(status=Hold.Status.ACTIVE, expires_at__lte=now)
    vacancies = expired.order_by("vacancy").values_list("vacancy", flat=True).distinct()
    return sum(_expire_of(vacancy_id, now, limit) for vacancy_id in list(vacancies))


@transaction.atomic(durable=True)
def _expire_of(vacancy_id: int, now: datetime, limit: int) -> int:
    _hold_vacancy(vacancy_id)
    return expiry.take_back_expired(vacancy_id=vacancy_id, now=now, limit=limit)


@transaction.atomic(durable=True)
def ticket_check_in(*, code: str, client: Client, now: datetime) -> Ticket:
    """Admit one person, once.

    Raises:
        TicketNotFound: no ticket has this code, or not one that this client may see.
        PurchaseCancelled: it is no longer good for anything.
        AlreadyCheckedIn: it was used before.
    """
    found = (
        tickets_at_door(client=client).filter(code=code).values_list("purchase", flat=True).first()
    )
    if found is None:
        raise TicketNotFound(f"There is no ticket {code}.")
    # A cancellation holds the purchase's row too: whoever comes second sees what the first did.
    rows = Purchase.objects.select_for_update(of=("self",), no_key=True)
    purchase = rows.filter(pk=found).first()
    if purchase is None:  # a rehearsal's, which ended meanwhile
        raise TicketNotFound(f"There is no ticket {code}.")
    if purchase.status == Purchase.Status.CANCELLED:
        raise PurchaseCancelled(f"The purchase of ticket {code} was cancelled.")
    admitted = Ticket.objects.filter(code=code, checked_in_at=None).update(checked_in_at=now)
    ticket = Ticket.objects.select_related("purchase__vacancy").get(code=code)
    if not admitted and ticket.checked_in_at is not None:
        raise AlreadyCheckedIn(
            f"Ticket {code} was checked in at {ticket.checked_in_at.isoformat()}.",
            checked_in_at=ticket.checked_in_at,
        )
    return ticket


def _owned(
    rows: QuerySet[Purchase] | QuerySet[Hold], pk: uuid.UUID, client: Client | None
) -> int | None:
    """Return the vacancy of a row that this client owns, or None."""
    found = rows.filter(pk=pk)
    if client is not None:
        found = found.filter(client=client.key_id)
    return found.values_list("vacancy_id", flat=True).first()


def _hold_vacancy(vacancy_id: int) -> bool:
    """Hold the vacancy's row to the end of the transaction: before holds, before purchases.

    False: while we waited for it, it went with all its rows, as a rehearsal does at its end.
    """
    return stock_rows.counters(vacancy_id=vacancy_id, hold_row=True) is not None


def new_secret() -> str:
    """Return a fresh API key of 256 random bits."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def key_create(
    *,
    name: str,
    now: datetime,
    scopes: str = "buy",
    secret: str | None = None,
    vacancy_id: int | None = None,
    expires_at: datetime | None = None,
    is_demo: bool = False,
) -> tuple[ApiKey, str]:
    """Store a new key's hash and return the key itself, the only time it is seen."""
    secret = secret or new_secret()
    key = ApiKey.objects.create(
        name=name,
        prefix=secret[:12],
        digest=key_digest(secret),
        scopes=scopes,
        vacancy_id=vacancy_id,
        expires_at=expires_at,
        is_demo=is_demo,
        created_at=now,
    )
    return key, secret


def key_revoke(*, key_id: int, now: datetime) -> bool:
    """Stop a key for good; processes notice within 5 s. False if it was revoked before."""
    return bool(ApiKey.objects.filter(pk=key_id, revoked_at=None).update(revoked_at=now))


@transaction.atomic
def rehearsal_delete(*, vacancy_id: int) -> None:
    """Remove a rehearsal vacancy with its purchases, tickets and key; real stock is left alone."""
    # Waits for a sale that is being committed and keeps the next ones out, until all is gone.
    if not stock.rehearsal_close(vacancy_id=vacancy_id):
        return
    Ticket.objects.filter(purchase__vacancy=vacancy_id).delete()
    Purchase.objects.filter(vacancy=vacancy_id).delete()
    Hold.objects.filter(vacancy=vacancy_id).delete()
    ApiKey.objects.filter(vacancy=vacancy_id).delete()
    stock.vacancy_delete_rehearsal(vacancy_id=vacancy_id)
