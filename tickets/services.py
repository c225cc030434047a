"""Every write a client causes: keys made and revoked, places bought.

Note [Idempotency]
    The key is stored on the purchase itself, under a unique constraint with its client. A repeat
    finds the row and gets the same answer; two that race meet at the constraint, one transaction
    rolls back whole (its places included) and then reads the winner's row. There is no second
    table that could disagree with the first. Refusals leave no row, so a retry after a restock
    may succeed.
"""

import hashlib
import secrets
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from django.db import DatabaseError, IntegrityError, transaction

from tickets.models import ApiKey, Purchase, Ticket, new_code
from tickets.selectors import Client, key_digest, purchase_by_idempotency_key, ticket_codes
from vacancy import selectors as stock_rows
from vacancy import services as stock

KEY_PREFIX = "tsk_"  # so that secret scanners can find a leaked one
SCOPES = ("buy", "check_in")


class SaleRefusal(Exception):
    """An expected refusal: nothing was sold. `code` is stable, the message is for people."""

    code: ClassVar[str]


class IdempotencyKeyReused(SaleRefusal):
    """The key was used before, for another request."""

    code = "idempotency-key-reused"


@dataclass(frozen=True)
class Order:
    """What one buyer asks for. `idempotency_key` None means: not repeatable (short form)."""

    vacancy_id: int | None  # None: the one the key is bound to, or else the default one
    qty: int
    client: Client | None  # None: anonymous, short form only
    buyer_name: str = ""
    buyer_email: str = ""
    idempotency_key: str | None = None

    @property
    def bound_to(self) -> int | None:
        """The only vacancy that this client's key sees, if it is such a key."""
        return self.client.vacancy_id if self.client else None

    @property
    def request_hash(self) -> str:
        """Fingerprint of what was asked, to tell a repeat from another request."""
        asked = (self.vacancy_id, self.qty, self.buyer_name, self.buyer_email)
        return hashlib.sha256(repr(asked).encode()).hexdigest()


@dataclass(frozen=True)
class Sale:
    """What was sold; `remaining` counts the vacancy's free places right after it."""

    purchase: Purchase
    codes: list[str]
    remaining: int


def buy(*, order: Order, now: datetime) -> Sale:
    """Sell the places and record who has them; returns after COMMIT.

    A repeat of an answered idempotency key returns the first purchase and sells nothing.

    Raises:
        IdempotencyKeyReused: the key stands for another request.
        vacancy.services.StockRefusal: not found, not on sale, over the limit or sold out.
    """
    earlier = _earlier(order)
    if earlier is not None:
        return earlier
    try:
        return _sell(order=order, now=now)
    except (IntegrityError, stock.StockRefusal):
        # A twin may have won the race since we looked; our transaction is gone with everything
        # in it. A refusal too: the twin may have the last place, or the sale ended behind it.
        earlier = _earlier(order)
        if earlier is None:
            raise
        return earlier


def buy_together(*, orders: Sequence[Order], now: datetime) -> list[Sale | Exception]:
    """Serve several buyers with one COMMIT; each gets a sale or an error of their own.

    Within a vacancy first come, first served; vacancies are taken in id order, so that two
    processes cannot block each other. If the whole transaction fails before its COMMIT,
    nothing was sold and everybody is served alone.

    Raises:
        DatabaseError: the COMMIT itself failed and its fate is not known. Nobody is told yes;
            a repeat with the same idempotency key finds out.
    """
    if len(orders) > 1:
        ready_to_commit = False
        try:
            with transaction.atomic(durable=True):
                answers = _answers_together(orders, now)
                if not any(isinstance(answer, DatabaseError) for answer in answers):
                    ready_to_commit = True
                    return answers
                transaction.set_rollback(True)
        except DatabaseError:
            if ready_to_commit:
                raise
    return [_answer(order, now) for order in orders]


def _answers_together(orders: Sequence[Order], now: datetime) -> list[Sale | Exception]:
    answers: dict[int, Sale | Exception] = {}
    places: dict[int, list[int]] = defaultdict(list)  # vacancy id: who wants it, by position
    for at, order in enumerate(orders):
        try:
            places[_wanted_vacancy(order)].append(at)
        except stock.VacancyNotFound as refusal:
            answers[at] = refusal
    for _, group in sorted(places.items()):
        found = _answers_for_one_vacancy([orders[at] for at in group], now)
        answers |= dict(zip(group, found, strict=True))
    return [answers[at] for at in range(len(orders))]


def _answers_for_one_vacancy(orders: list[Order], now: datetime) -> list[Sale | Exception]:
    """Sell to all at once; one by one if that cannot be, as with a twin among them."""
    # A key that is bound to rehearsal stock sees another vacancy than the rest of the world.
    alike = len({order.bound_to for order in orders}) == 1
    if len(orders) > 1 and alike:
        try:
            with transaction.atomic():
                return _sell_to_all(orders, now)
        except (IntegrityError, stock.StockRefusal):
            pass  # the savepoint took everything back
    return [_answer(order, now) for order in orders]


def _sell_to_all(orders: list[Order], now: datetime) -> list[Sale | Exception]:
    answers: list[Sale | Exception | None] = [_earlier_or_why_not(order) for order in orders]
    fresh = [order for order, answer in zip(orders, answers, strict=True) if answer is None]
    granted = stock.places_sell_in_order(
        vacancy_id=_wanted_vacancy(orders[0]),
        qtys=[order.qty for order in fresh],
        rehearsal=orders[0].bound_to is not None,
        now=now,
    )
    sales = iter(_record(fresh, granted, now))
    return [next(sales) if answer is None else answer for answer in answers]


def _earlier_or_why_not(order: Order) -> Sale | Exception | None:
    try:
        return _earlier(order)
    except IdempotencyKeyReused as refusal:
        return refusal


def _answer(order: Order, now: datetime) -> Sale | Exception:
    try:
        return buy(order=order, now=now)
    except Exception as error:  # whatever it is, it belongs to this buyer alone
        return error


def _earlier(order: Order) -> Sale | None:
    if order.client is None or order.idempotency_key is None:
        return None
    found = purchase_by_idempotency_key(client=order.client, key=order.idempotency_key)
    if found is not None and found.request_hash != order.request_hash:
        raise IdempotencyKeyReused(
            f"The idempotency key {order.idempotency_key!r} was used for another request."
        )
    if found is None:
        return None
    return Sale(found, ticket_codes(purchase=found), remaining=found.vacancy.available)


@transaction.atomic  # alone, or as a savepoint of buy_together
def _sell(*, order: Order, now: datetime) -> Sale:
    granted = stock.places_sell_in_order(
        vacancy_id=_wanted_vacancy(order),
        qtys=[order.qty],
        rehearsal=order.bound_to is not None,
        now=now,
    )
    [answer] = _record([order], granted, now)
    if isinstance(answer, Exception):
        raise answer
    return answer


def _record(orders: list[Order], granted: stock.Granted, now: datetime) -> list[Sale | Exception]:
    """Write purchases and tickets for those who were granted places."""
    answers: list[Sale | Exception] = []
    for order, outcome in zip(orders, granted.outcomes, strict=True):
        if isinstance(outcome, stock.StockRefusal):
            answers.append(outcome)
        else:
            answers.append(_new_sale(order, granted, remaining=outcome, now=now))
    sales = [answer for answer in answers if isinstance(answer, Sale)]
    Purchase.objects.bulk_create([sale.purchase for sale in sales])
    Ticket.objects.bulk_create(
        [Ticket(purchase=sale.purchase, code=code) for sale in sales for code in sale.codes]
    )
    return answers


def _new_sale(order: Order, granted: stock.Granted, *, remaining: int, now: datetime) -> Sale:
    vacancy = granted.vacancy
    purchase = Purchase(
        vacancy=vacancy,
        client_id=order.client.key_id if order.client else None,
        qty=order.qty,
        unit_price=vacancy.price,
        total=vacancy.price * order.qty,
        currency=vacancy.currency,
        buyer_name=order.buyer_name,
        buyer_email=order.buyer_email,
        idempotency_key=order.idempotency_key,
        request_hash=order.request_hash if order.idempotency_key else "",
        created_at=now,
    )
    return Sale(purchase, [new_code() for _ in range(order.qty)], remaining=remaining)


def _wanted_vacancy(order: Order) -> int:
    bound_to = order.bound_to
    if bound_to is not None and order.vacancy_id not in {None, bound_to}:
        raise stock.VacancyNotFound(f"There is no vacancy {order.vacancy_id}.")
    wanted = order.vacancy_id or bound_to or stock_rows.default_vacancy_id()
    if wanted is None:
        raise stock.VacancyNotFound("There is no default vacancy.")
    return wanted


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
    ApiKey.objects.filter(vacancy=vacancy_id).delete()
    stock.vacancy_delete_rehearsal(vacancy_id=vacancy_id)
