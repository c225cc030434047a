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

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Literal, NamedTuple

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F

from vacancy.models import StockMovement, Vacancy
from vacancy.prepared import Select, Update, later, prepare_select, prepare_update
from vacancy.services import ledger
from vacancy.services.errors import NotOnSale, OverPurchaseLimit, SoldOut, StockRefusal
from vacancy.trips import Trip, for_good, together

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
)


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
    moved = dict.fromkeys(Move, 0)
    available = vacancy.available
    for wish in wishes:
        refusal = None
        if wish.move is not Move.CONFIRM:
            refusal = _why_not(vacancy, qty=wish.qty, available=available, now=now)
        if refusal is None:
            moved[wish.move] += wish.qty
            available = vacancy.available - moved[Move.SELL] - moved[Move.HOLD]
        outcomes.append(available if refusal is None else refusal)
    return Granted(vacancy, outcomes, moved[Move.SELL], moved[Move.HOLD], moved[Move.CONFIRM])


@contextmanager
def places_take(*, granted: Sequence[Granted], now: datetime) -> Iterator[Trip]:
    """Move what was granted of each vacancy, if its row still is what the decision was made on.

    Inside, take along what records who has the places. All of it happens or nothing; for good,
    if no transaction is open.

    Raises:
        vacancy.trips.Changed: somebody else was faster; look again.
        vacancy.trips.CommitLost: as named.
    """
    closing = [one.vacancy.pk for one in granted if one.vacancy.close_when_sold_out]
    with for_good() if closing and not connection.in_atomic_block else nullcontext():
        with together() as trip:
            yield trip
            places_move(trip, granted=granted)
        for vacancy_id in closing:
            _close_if_sold_out(vacancy_id, now)


def places_move(trip: Trip, *, granted: Sequence[Granted]) -> None:
    """Take along what `places_take` does to the rows; not the closing of what is sold out."""
    for one in sorted(granted, key=lambda one: one.vacancy.pk):
        _move(trip, one)


def _move(trip: Trip, granted: Granted) -> None:
    vacancy, taken = granted.vacancy, granted.sold + granted.held
    take = _take(
        anew=bool(taken),
        begins=vacancy.on_sale_from is not None,
        ends=vacancy.on_sale_until is not None,
    )
    take.change_or_fail(
        trip,
        pk=vacancy.pk,
        fence=vacancy.fence,
        taken=taken,
        confirmed=granted.confirmed,
        held=granted.held - granted.confirmed,
        sold=granted.sold + granted.confirmed,
        on_sale_from=vacancy.on_sale_from,
        on_sale_until=vacancy.on_sale_until,
    )


@cache
def look(*, rehearsal: bool) -> Select[Vacancy]:
    """Return the query of `vacancy_for_sale`, which takes `pk`.

    See Note [Built once] in `vacancy.prepared`.
    """
    rows = Vacancy.objects.filter(pk=later("pk"), is_rehearsal=rehearsal)
    return prepare_select(rows.only(*DECIDED_BY))


@cache
def _take(*, anew: bool, begins: bool, ends: bool) -> Update:
    """The one conditional update; `anew`: not only what was held before is taken."""
    unchanged = Vacancy.objects.filter(
        pk=later("pk"),
        fence=later("fence"),
        available__gte=later("taken"),
        held__gte=later("confirmed"),
    )
    if anew:
        unchanged = unchanged.filter(
            state=Vacancy.State.ON_SALE,
            on_sale_from=later("on_sale_from") if begins else None,
            on_sale_until=later("on_sale_until") if ends else None,
        )
    return prepare_update(
        unchanged,
        available=F("available") - later("taken"),
        held=F("held") + later("held"),
        sold=F("sold") + later("sold"),
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
