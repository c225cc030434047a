"""One batch of wishes, one transaction: what the till does with those who wait.

Note [Three tries, each slower and surer]
    1. Together, without holding rows. The stock is read, then the keys, everybody is decided on
       in order of arrival, rows are inserted, and the one conditional update comes last: the
       row that everybody wants is locked from there to the COMMIT and no longer.
    2. If that update changed nothing, or a key collided, or places are short while expired holds
       sit on some: together again, with the vacancy's row held from the first look on. Expired
       holds are taken back here, in the same transaction.
    3. If that failed too, one by one, so that whoever is the trouble harms nobody else.

    A transaction that failed took everything back, so a later try starts from nothing. Only a
    COMMIT can fail with its fate unknown. Then our old transaction may still be alive on the
    server, but it holds the vacancy's row: we wait for that row, and with it in hand either all
    of our rows are there or none ever will be.
"""

import logging
import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, cast

from django.db import DatabaseError, connection, transaction

from tickets import repeats, rows
from tickets.models import Hold, Purchase, Ticket, new_code, new_id
from tickets.wishes import (
    Answer,
    Confirmation,
    Held,
    HoldConfirmed,
    HoldExpired,
    HoldNotFound,
    HoldOrder,
    HoldReleased,
    Order,
    OutcomeUnknown,
    Sale,
    SaleRefusal,
    Wish,
)
from vacancy import selectors as stock_rows
from vacancy import services as stock
from vacancy.lanes import close_dead

ALONE_TRIES = 3  # a twin in another process may be in the way of the first

logger = logging.getLogger(__name__)


class _Changed(Exception):
    """Something moved between our look and our update; nothing of this try is kept."""


def serve_together(*, wishes: Sequence[Wish], now: datetime) -> list[Answer]:
    """Serve several clients with one COMMIT; each gets an answer or an error of their own.

    First come, first served within a vacancy. Returns after COMMIT; never raises for one wish
    what belongs to another.
    """
    try:
        connection.ensure_connection()
    except DatabaseError as error:  # every try below would wait for one as long as this one did
        return [error for _ in wishes]
    for careful in (False, True):
        answers = _try(wishes, now, careful=careful)
        if not isinstance(answers, Exception):
            return answers
    return [_serve_alone(wish, now) for wish in wishes]


def _serve_alone(wish: Wish, now: datetime) -> Answer:
    error: Exception = _Changed()
    for _ in range(ALONE_TRIES):
        try:
            answers = _try([wish], now, careful=True)
        except Exception as caught:  # whatever it is, it belongs to this wish alone
            return caught
        if not isinstance(answers, Exception):
            return answers[0]
        error = answers
    return error


def _try(wishes: Sequence[Wish], now: datetime, *, careful: bool) -> list[Answer] | Exception:
    """Return the answers, or why nothing was changed: then another try makes sense.

    Raises:
        Exception: what a single wish ran into that no other try will mend.
    """
    answers: list[Answer] | None = None
    try:
        with transaction.atomic(durable=True):
            answers = _served(wishes, now, careful=careful)
    except _Changed as changed:
        return changed
    except DatabaseError as error:
        if answers is not None:  # the COMMIT itself failed
            return _find_out(wishes, answers, error)
        return _reconnected(wishes, error)
    return answers


def _reconnected(wishes: Sequence[Wish], error: DatabaseError) -> list[Answer] | Exception:
    """Tell everybody at once if the database is gone: each would wait as long as the one before."""
    if connection.is_usable():
        return error
    close_dead()
    try:
        connection.ensure_connection()
    except DatabaseError:
        return [error for _ in wishes]
    return error


def _find_out(
    wishes: Sequence[Wish], answers: list[Answer], error: DatabaseError
) -> list[Answer] | Exception:
    """Say what became of a COMMIT that failed; an error: surely nothing, so trying is safe."""
    close_dead()
    rows = [_row_of(answer) for answer in answers if not isinstance(answer, Exception)]
    try:
        stored = _are_stored(rows)
    except DatabaseError:
        unknown = OutcomeUnknown(
            "The database was lost in the middle of a COMMIT: repeat the request with the same "
            "Idempotency-Key to find out what became of it."
        )
        return [unknown for _ in wishes]
    logger.warning("a COMMIT failed (%s) and had %s", error, "happened" if stored else "not")
    return answers if stored else error


def _row_of(answer: Any) -> Hold | Purchase:
    row: Hold | Purchase = answer.purchase if isinstance(answer, Sale) else answer.hold
    return row


@transaction.atomic
def _are_stored(rows: list[Hold | Purchase]) -> bool:
    """Say whether every row is there: one that is repeated from an earlier sale proves nothing."""
    for vacancy_id in sorted({row.vacancy_id for row in rows}):
        stock_rows.counters(vacancy_id=vacancy_id, hold_row=True)
    ours = {row.pk for row in rows}
    found = Purchase.objects.filter(pk__in=ours).count() + Hold.objects.filter(pk__in=ours).count()
    return found == len(ours)


# ------------------------------------------------------------------------- inside the transaction


def _served(wishes: Sequence[Wish], now: datetime, *, careful: bool) -> list[Answer]:
    """Serve all; a bug that one of several wishes runs into is no reason to refuse the others."""
    try:
        return _serve_all(wishes, now, careful=careful)
    except (DatabaseError, _Changed):
        raise
    except Exception as error:
        if len(wishes) == 1:
            raise
        logger.exception("a batch of %d failed; serving one by one", len(wishes))
        raise _Changed from error


def _serve_all(wishes: Sequence[Wish], now: datetime, *, careful: bool) -> list[Answer]:
    """Serve vacancy by vacancy in id order, so that two processes cannot block each other."""
    if careful:
        repeats.forget_old(wishes=wishes, now=now)
    answers: dict[int, Answer] = {}
    groups: dict[tuple[int, bool], list[int]] = defaultdict(list)
    vacancies = _VacancyFinder(wishes)
    for at, wish in enumerate(wishes):
        try:
            groups[vacancies.find(wish), wish.bound_to is not None].append(at)
        except (stock.VacancyNotFound, HoldNotFound) as refusal:
            answers[at] = refusal
    for (vacancy_id, rehearsal), places in sorted(groups.items()):
        group = [wishes[at] for at in places]
        served = _Group(vacancy_id, rehearsal, group, now, careful=careful).serve()
        answers.update(zip(places, served, strict=True))
    return [answers[at] for at in range(len(wishes))]


class _VacancyFinder:
    """Tells which vacancy a wish means; reads what several wishes need once."""

    def __init__(self, wishes: Sequence[Wish]) -> None:
        wanted = [wish.hold_id for wish in wishes if isinstance(wish, Confirmation)]
        self._holds = Hold.objects.only("vacancy", "client").in_bulk(wanted) if wanted else {}

    def find(self, wish: Wish) -> int:
        """Return its id, or raise why there is none."""
        if isinstance(wish, Confirmation):
            hold = self._holds.get(wish.hold_id)
            if hold is None or wish.client is None or hold.client_id != wish.client.key_id:
                raise HoldNotFound(f"There is no hold {wish.hold_id} of this API key.")
            return hold.vacancy_id
        named = wish.vacancy_id if isinstance(wish, Order) else None
        if wish.bound_to is not None and named not in {None, wish.bound_to}:
            raise stock.VacancyNotFound(f"There is no vacancy {named}.")
        found = named or wish.bound_to or self._default
        if found is None:
            raise stock.VacancyNotFound("There is no default vacancy.")
        return found

    @cached_property
    def _default(self) -> int | None:
        return stock_rows.default_vacancy_id()


class _Group:
    """The wishes for one vacancy within a batch, in order of arrival."""

    def __init__(
        self,
        vacancy_id: int,
        rehearsal: bool,
        wishes: list[Wish],
        now: datetime,
        *,
        careful: bool,
    ) -> None:
        self.vacancy_id = vacancy_id
        self.rehearsal = rehearsal
        self.wishes = wishes
        self.now = now
        # A confirmation changes its hold's row, and whoever holds rows begins with the vacancy.
        self.hold_row = careful or any(isinstance(wish, Confirmation) for wish in wishes)

    def serve(self) -> list[Answer]:
        try:
            vacancy = stock.vacancy_for_sale(
                vacancy_id=self.vacancy_id, rehearsal=self.rehearsal, hold_row=self.hold_row
            )
        except stock.VacancyNotFound as refusal:
            return [refusal for _ in self.wishes]
        # After the stock: see tickets.repeats, Note [A repeat gets the first answer].
        earlier = repeats.find(wishes=self.wishes, now=self.now)
        answers: list[Answer | None] = [
            earlier.get(wish.repeat_key) if wish.repeat_key else None for wish in self.wishes
        ]
        fresh = [at for at, answer in enumerate(answers) if answer is None]
        for at, answer in zip(fresh, self._serve_fresh(vacancy, fresh), strict=True):
            answers[at] = answer
        return [answer for answer in answers if answer is not None]

    def _serve_fresh(self, vacancy: stock.Vacancy, fresh: list[int]) -> list[Answer]:
        wishes = [self.wishes[at] for at in fresh]
        holds = self._holds(wishes)
        refused = [_why_not(wish, holds, self.now) for wish in wishes]
        able = [wish for wish, refusal in zip(wishes, refused, strict=True) if refusal is None]
        granted = self._grant(vacancy, able, holds)
        outcomes = iter(self._record(able, granted, holds))
        if not stock.places_take(granted=granted, now=self.now):
            raise _Changed
        return [refusal or next(outcomes) for refusal in refused]

    def _holds(self, wishes: list[Wish]) -> dict[uuid.UUID, Hold]:
        wanted = [wish.hold_id for wish in wishes if isinstance(wish, Confirmation)]
        return Hold.objects.in_bulk(wanted) if wanted else {}

    def _grant(
        self, vacancy: stock.Vacancy, wishes: list[Wish], holds: dict[uuid.UUID, Hold]
    ) -> stock.Granted:
        asked = [stock.Wish(wish.move, _qty(wish, holds)) for wish in wishes]
        granted = stock.places_grant(vacancy=vacancy, wishes=asked, now=self.now)
        if not vacancy.held or not any(isinstance(o, stock.SoldOut) for o in granted.outcomes):
            return granted
        if not self.hold_row:
            if _expired(self.vacancy_id, self.now).exists():
                raise _Changed  # the next try may take them back
            return granted
        if not take_back_expired(vacancy_id=self.vacancy_id, now=self.now):
            return granted
        vacancy.refresh_from_db(fields=("available", "held"))
        return stock.places_grant(vacancy=vacancy, wishes=asked, now=self.now)

    def _record(
        self, wishes: list[Wish], granted: stock.Granted, holds: dict[uuid.UUID, Hold]
    ) -> list[Answer]:
        answers: list[Answer] = []
        for wish, outcome in zip(wishes, granted.outcomes, strict=True):
            if isinstance(outcome, stock.StockRefusal):
                answers.append(outcome)
            elif isinstance(wish, HoldOrder):
                answers.append(Held(self._new_hold(wish, granted.vacancy)))
            else:
                answers.append(self._new_sale(wish, granted.vacancy, holds, remaining=outcome))
        _store(answers, self.now)
        return answers

    def _new_hold(self, wish: HoldOrder, vacancy: stock.Vacancy) -> Hold:
        return Hold(
            vacancy=vacancy,
            qty=wish.qty,
            unit_price=vacancy.price,
            currency=vacancy.currency,
            expires_at=self.now + timedelta(seconds=wish.seconds),
            buyer_name=wish.buyer_name,
            buyer_email=wish.buyer_email,
            **self._identity(wish),
        )

    def _new_sale(
        self,
        wish: Wish,
        vacancy: stock.Vacancy,
        holds: dict[uuid.UUID, Hold],
        *,
        remaining: int,
    ) -> Sale:
        hold = holds[wish.hold_id] if isinstance(wish, Confirmation) else None
        qty, price = _qty(wish, holds), hold.unit_price if hold else vacancy.price
        purchase = Purchase(
            vacancy=vacancy,
            qty=qty,
            unit_price=price,
            total=price * qty,
            currency=hold.currency if hold else vacancy.currency,
            buyer_name=wish.buyer_name or (hold.buyer_name if hold else ""),
            buyer_email=wish.buyer_email or (hold.buyer_email if hold else ""),
            hold=hold,
            remaining=remaining,
            **self._identity(wish),
        )
        return Sale(purchase, [new_code() for _ in range(qty)], remaining)

    def _identity(self, wish: Wish) -> dict[str, Any]:
        keyed = wish.repeat_key is not None
        return {
            "id": new_id(),
            "client_id": wish.client.key_id if wish.client else None,
            "idempotency_key": wish.idempotency_key if keyed else None,
            "request_scope": wish.scope if keyed else "",
            "request_hash": wish.request_hash if keyed else "",
            "created_at": self.now,
        }


def _qty(wish: Wish, holds: dict[uuid.UUID, Hold]) -> int:
    return wish.qty if isinstance(wish, Order) else holds[cast(Confirmation, wish).hold_id].qty


def _why_not(wish: Wish, holds: dict[uuid.UUID, Hold], now: datetime) -> SaleRefusal | None:
    """Say why a hold cannot be confirmed; its row is as it is, the vacancy's row is held."""
    if not isinstance(wish, Confirmation):
        return None
    hold = holds.get(wish.hold_id)
    if hold is None:
        return HoldNotFound(f"There is no hold {wish.hold_id} any more.")
    if hold.status == Hold.Status.CONFIRMED:
        return HoldConfirmed(f"Hold {hold.pk} has become a purchase already.")
    if hold.status == Hold.Status.RELEASED:
        return HoldReleased(f"Hold {hold.pk} was released.")
    if hold.status == Hold.Status.EXPIRED or now >= hold.expires_at:
        return HoldExpired(f"Hold {hold.pk} expired at {hold.expires_at.isoformat()}.")
    return None


def _store(answers: list[Answer], now: datetime) -> None:
    sales = [answer for answer in answers if isinstance(answer, Sale)]
    held = [answer.hold for answer in answers if isinstance(answer, Held)]
    confirmed = [sale.purchase.hold_id for sale in sales if sale.purchase.hold_id]
    if held:
        Hold.objects.bulk_create(held)
    if confirmed:
        active = Hold.objects.filter(pk__in=confirmed, status=Hold.Status.ACTIVE)
        if active.update(status=Hold.Status.CONFIRMED, ended_at=now) != len(set(confirmed)):
            raise _Changed  # the same hold twice in one batch
    if sales:
        rows.insert([sale.purchase for sale in sales])
        rows.insert(
            [Ticket(purchase=sale.purchase, code=code) for sale in sales for code in sale.codes]
        )


# ------------------------------------------------------------------------------------ expired holds


def _expired(vacancy_id: int, now: datetime) -> Any:
    return Hold.objects.filter(vacancy=vacancy_id, status=Hold.Status.ACTIVE, expires_at__lte=now)


def take_back_expired(*, vacancy_id: int, now: datetime, limit: int = 1000) -> int:
    """Give the places of at most `limit` expired holds back; return how many holds that were.

    The caller holds the vacancy's row, so no two processes take back the same hold.
    """
    holds = list(_expired(vacancy_id, now).order_by("expires_at")[:limit].only("pk", "qty"))
    if not holds:
        return 0
    Hold.objects.filter(pk__in=[hold.pk for hold in holds]).update(
        status=Hold.Status.EXPIRED, ended_at=now
    )
    lines = [stock.GivenBack(hold.qty, f"{hold} expired") for hold in holds]
    stock.places_give_back(vacancy_id=vacancy_id, kind="expired", lines=lines, actor=None, now=now)
    return len(holds)
