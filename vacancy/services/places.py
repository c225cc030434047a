"""How places move for buyers: decided on, taken, given back.

Note [One conditional update]
    A counter moves by one UPDATE built from F() expressions whose WHERE repeats everything that
    was found to hold: enough places, on sale, the sale window unchanged. The database evaluates
    both under the row's lock, so two buyers can never both see the last place. Whether
    it changed the row decides. The row is read first, for the price and for a reason to refuse; if
    it changed in between, the update changes nothing and fails, and the whole look is repeated,
    then with the row held (tickets.selling).

    Whoever holds rows takes vacancies first, in id order, then holds, then purchases: nobody can
    wait in a circle.
"""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, Literal, NamedTuple

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F

from vacancy.models import StockMovement, Vacancy
from vacancy.prepared import Select, Update, later, prepare_select, prepare_update
from vacancy.services import ledger
from vacancy.services.errors import NotOnSale, OverPurchaseLimit, SoldOut, StockRefusal
from vacancy.trips import Steps, Trip, for_good

# What a decision needs, and what is written down of it. Anything else would cost another query, and
# on the event loop be an error.
DECIDED_BY = (
    "state",
    "on_sale_from",
    "on_sale_until",
    "max_per_purchase",
    "price",
    "currency",
    "close_when_sold_out",
    "available",
    "held",
    "fence",
    "is_rehearsal",
)
_MAY_BE_EMPTY = [
    field.attname
    for field in Vacancy._meta.concrete_fields
    if field.null and field.attname in DECIDED_BY
]


class GivenBack(NamedTuple):
    """`qty` places that become available again, and why."""

    qty: int
    reason: str


class Move(Enum):
    """What a wish does to the counters once it is granted."""

    SELL = "available to sold"
    HOLD = "available to held"
    CONFIRM = "held to sold"


class Wish(NamedTuple):
    """`qty` places, and from where to where they should move."""

    move: Move
    qty: int


@dataclass(frozen=True)
class Granted:
    """What several wishes for one vacancy came to, in their order; nothing is written yet.

    For each: the places available right after it, or why it was refused.
    """

    vacancy: Vacancy  # as it was when it was read
    outcomes: list[int | StockRefusal]
    sold: int  # places, as all below
    held: int
    confirmed: int

    @property
    def taken(self) -> int:
        """Count the places that are no longer available."""
        return self.sold + self.held

    @property
    def moves_any(self) -> bool:
        """Say whether anybody was granted anything."""
        return bool(self.sold or self.held or self.confirmed)

    @property
    def lacks_any(self) -> bool:
        """Say whether anybody was refused for want of places."""
        return any(isinstance(outcome, SoldOut) for outcome in self.outcomes)


def vacancy_for_sale(*, vacancy_id: int, rehearsal: bool, hold_row: bool = False) -> Vacancy | None:
    """Return a vacancy to decide on; with `hold_row` it stays so until the transaction ends.

    `rehearsal` must match the vacancy's own flag: real stock and rehearsal stock never serve
    each other's buyers. None: there is no such vacancy for this kind of buyer.
    """
    if not hold_row:
        return look(rehearsal=rehearsal).first(pk=vacancy_id)
    # Not the key: inserts that refer to this row need not wait for us.
    rows = Vacancy.objects.filter(pk=vacancy_id, is_rehearsal=rehearsal)
    return rows.select_for_update(no_key=True).first()


def places_grant(*, vacancy: Vacancy, wishes: Sequence[Wish], now: datetime) -> Granted:
    """Decide on wishes in order, first come first served; a refusal stops nobody behind it.

    Changes nothing: `places_take` makes it true. A confirmation is always granted, its places
    are held: a pause or the end of the sale does not take back what was promised.
    """
    outcomes: list[int | StockRefusal] = []
    available, sold, confirmed = vacancy.available, 0, 0
    for wish in wishes:
        if wish.move is Move.CONFIRM:
            confirmed += wish.qty
        elif refusal := _why_not(vacancy, qty=wish.qty, available=available, now=now):
            outcomes.append(refusal)
            continue
        else:
            available -= wish.qty
            sold += wish.qty if wish.move is Move.SELL else 0
        outcomes.append(available)
    held = vacancy.available - available - sold
    return Granted(vacancy, outcomes, sold, held, confirmed)


def places_take(trip: Trip, *, granted: Sequence[Granted], now: datetime) -> None:
    """Move what was granted of each vacancy, if its row still is what the decision was made on.

    The trip has taken along what records who has the places, and is sent here. All of it happens
    or nothing; for good, if no transaction is open.

    Raises:
        vacancy.trips.Changed: somebody else was faster; look again.
        vacancy.trips.CommitLost: as named.
    """
    places_move(trip, granted=granted)
    closing = [one.vacancy.pk for one in granted if one.vacancy.close_when_sold_out]
    if not closing:
        trip.send()
        return
    with nullcontext() if connection.in_atomic_block else for_good():
        trip.send()
        for vacancy_id in closing:
            _close_if_sold_out(vacancy_id, now)


def places_move(trip: Trip, *, granted: Sequence[Granted]) -> None:
    """Take along what `places_take` does to the rows; not the closing of what is sold out."""
    for one in sorted(granted, key=lambda one: one.vacancy.pk):
        _move(trip, one)


def _move(trip: Trip, granted: Granted) -> None:
    seen = vars(granted.vacancy)  # all of DECIDED_BY is there
    empty = tuple(name for name in _MAY_BE_EMPTY if seen[name] is None)
    moved = {
        "pk": granted.vacancy.pk,
        "taken": granted.taken,
        "confirmed": granted.confirmed,
        "more_held": granted.held - granted.confirmed,
        "more_sold": granted.sold + granted.confirmed,
    }
    take = _take(bool(granted.taken), isinstance(trip, Steps), empty)
    take.change_or_fail(trip, seen | moved)


@cache
def look(*, rehearsal: bool) -> Select[Vacancy]:
    """Return the query of `vacancy_for_sale`, which takes `pk`.

    See Note [Built once] in `vacancy.prepared`.
    """
    rows = Vacancy.objects.filter(pk=later("pk"), is_rehearsal=rehearsal)
    return prepare_select(rows.only(*DECIDED_BY))


@cache
def _take(anew: bool, exactly: bool, empty: tuple[str, ...]) -> Update:
    """The one conditional update; `anew`: not only what was held before is taken.

    `exactly`: the row is as it was in every column. SQLite has one writer, whom that hardly ever
    stops, and who therefore need not read a row again that it just wrote (see tickets.alone).
    Which columns were `empty` must be known to compare them with NULL.
    """
    same: dict[str, Any] = {name: None if name in empty else later(name) for name in DECIDED_BY}
    unchanged = Vacancy.objects.filter(pk=later("pk"))
    if exactly:
        unchanged = unchanged.filter(**same)
    else:
        unchanged = unchanged.filter(
            fence=same["fence"],
            available__gte=later("taken"),
            held__gte=later("confirmed"),
        )
    if anew and not exactly:
        unchanged = unchanged.filter(
            state=Vacancy.State.ON_SALE,
            on_sale_from=same["on_sale_from"],
            on_sale_until=same["on_sale_until"],
        )
    return prepare_update(
        unchanged,
        available=F("available") - later("taken"),
        held=F("held") + later("more_held"),
        sold=F("sold") + later("more_sold"),
    )


def _close_if_sold_out(vacancy_id: int, now: datetime) -> None:
    sold_out = Vacancy.objects.filter(
        pk=vacancy_id, sold=F("capacity"), state=Vacancy.State.ON_SALE
    )
    if sold_out.update(state=Vacancy.State.CLOSED):
        ledger.write_down(vacancy_id, StockMovement.Kind.STATE, 0, "Sold out: closed", None, now)


def fence_raise(*, vacancy_ids: Iterable[int]) -> None:
    """Let no sale happen any more that was decided on before; wait for those that are happening.

    A statement that was sent before its connection was lost may still run, whenever it likes:
    then it finds the fence raised and fails. What it has done before that can be seen now. (A
    fencing token: M. Kleppmann, Designing Data-Intensive Applications, 8.4.)
    """
    for vacancy_id in sorted(vacancy_ids):
        Vacancy.objects.filter(pk=vacancy_id).update(fence=F("fence") + 1)


def places_give_back(
    *,
    vacancy_id: int,
    kind: Literal["cancelled", "expired", "released"],
    lines: Sequence[GivenBack],
    actor: User | None,
    now: datetime,
) -> None:
    """Make places available again, with one line in the ledger each; the caller holds the row.

    A cancellation takes them from sold, an expired or released hold from held.
    """
    qty = sum(line.qty for line in lines)
    source = "sold" if kind == "cancelled" else "held"
    Vacancy.objects.filter(pk=vacancy_id).update(
        **{"available": F("available") + qty, source: F(source) - qty}
    )
    StockMovement.objects.bulk_create(
        [
            StockMovement(
                vacancy_id=vacancy_id,
                kind=kind,
                qty=line.qty,
                actor=actor,
                reason=line.reason[: ledger.REASON_LENGTH],
                at=now,
            )
            for line in lines
        ]
    )


def _why_not(vacancy: Vacancy, *, qty: int, available: int, now: datetime) -> StockRefusal | None:
    if vacancy.state != Vacancy.State.ON_SALE:
        return NotOnSale(f"Vacancy {vacancy.pk} is {vacancy.get_state_display().lower()}.")
    if vacancy.on_sale_from and now < vacancy.on_sale_from:
        return NotOnSale(
            f"Vacancy {vacancy.pk} goes on sale at {vacancy.on_sale_from.isoformat()}."
        )
    if vacancy.on_sale_until and now >= vacancy.on_sale_until:
        return NotOnSale(f"The sale of vacancy {vacancy.pk} has ended.")
    if qty > vacancy.max_per_purchase:
        return OverPurchaseLimit(
            f"{qty} places were asked for; one purchase may have {vacancy.max_per_purchase}.",
            available=available,
        )
    if qty > available:
        return SoldOut.of(qty=qty, available=available)
    return None
