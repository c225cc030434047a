"""Every way a vacancy's counters and state may move.

Note [One conditional update]
    A counter moves by one UPDATE built from F() expressions whose WHERE repeats everything that
    was found to hold: enough places, on sale, the sale window unchanged. The database evaluates
    both under the row's lock, so two buyers can never both see the last place. The number of
    changed rows decides. The row is read first, for the price and for a reason to refuse; if it
    changed in between, the update changes nothing and the whole look is repeated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F

from vacancy.models import StockMovement, Vacancy

ATTEMPTS = 5  # each failed one means that an operator or another buyer got through


class StockRefusal(Exception):
    """An expected refusal: nothing was changed. `code` is stable, the message is for people."""

    code: ClassVar[str]


class VacancyNotFound(StockRefusal):
    """No such vacancy, or not one that this caller may see."""

    code = "not-found"


class NotOnSale(StockRefusal):
    """The vacancy is a draft, paused, closed or outside its sale window."""

    code = "not-on-sale"


class NotThatMany(StockRefusal):
    """Fewer places can be had than were asked for; `available` says how many are left."""

    def __init__(self, message: str, *, available: int) -> None:
        """Keep the number beside the sentence."""
        super().__init__(message)
        self.available = available


class SoldOut(NotThatMany):
    """Fewer places are available than were asked for."""

    code = "sold-out"

    @classmethod
    def of(cls, *, qty: int, available: int) -> "SoldOut":
        """Word the usual refusal."""
        return cls(f"{qty} asked for, {available} available.", available=available)


class OverPurchaseLimit(NotThatMany):
    """More places were asked for than one purchase may have."""

    code = "limit-per-purchase"


class CapacityTooLow(StockRefusal):
    """Capacity would go below what is sold or held."""

    code = "capacity-too-low"


@dataclass(frozen=True)
class Granted:
    """What several wishes for one vacancy came to, in their order.

    For each: the places left right after it, or why it was refused.
    """

    vacancy: Vacancy
    outcomes: list[int | StockRefusal]


def places_sell(*, vacancy_id: int, qty: int, rehearsal: bool, now: datetime) -> Vacancy:
    """Move `qty` places from available to sold and return the vacancy as it then is.

    Call it inside the transaction that records the purchase. `rehearsal` must match the
    vacancy's own flag: real stock and rehearsal stock never serve each other's buyers.

    Raises:
        VacancyNotFound: no such vacancy for this kind of buyer.
        NotOnSale, OverPurchaseLimit, SoldOut: as named. Nothing was moved.
    """
    granted = places_sell_in_order(vacancy_id=vacancy_id, qtys=[qty], rehearsal=rehearsal, now=now)
    [outcome] = granted.outcomes
    if isinstance(outcome, StockRefusal):
        raise outcome
    return granted.vacancy


def places_sell_in_order(
    *, vacancy_id: int, qtys: Sequence[int], rehearsal: bool, now: datetime
) -> Granted:
    """Serve several wishes for one vacancy, first come first served, with one update.

    As `places_sell`, but a refusal is told in its place and stops nobody behind it.

    Raises:
        VacancyNotFound: no such vacancy for this kind of buyer.
    """
    for _ in range(ATTEMPTS):
        vacancy = Vacancy.objects.filter(pk=vacancy_id, is_rehearsal=rehearsal).first()
        if vacancy is None:
            raise VacancyNotFound(f"There is no vacancy {vacancy_id}.")
        seen, before = vacancy, vacancy.available
        outcomes = [_grant(vacancy, qty=qty, now=now) for qty in qtys]
        taken = before - vacancy.available
        if not taken or _take(vacancy, qty=taken):
            return Granted(vacancy, outcomes)
    busy = SoldOut("Others were faster, again and again.", available=before)
    return Granted(seen, [busy] * len(qtys))


def _grant(vacancy: Vacancy, *, qty: int, now: datetime) -> int | StockRefusal:
    """Decide on one wish, and count it on the object in hand; `_take` makes it true."""
    refusal = _why_not(vacancy, qty=qty, now=now)
    if refusal is not None:
        return refusal
    vacancy.available -= qty
    vacancy.sold += qty
    return vacancy.available


def _take(vacancy: Vacancy, *, qty: int) -> bool:
    """Move the places, if the row still is what the decision to sell was made on."""
    unchanged = Vacancy.objects.filter(
        pk=vacancy.pk,
        state=Vacancy.State.ON_SALE,
        on_sale_from=vacancy.on_sale_from,
        on_sale_until=vacancy.on_sale_until,
        available__gte=qty,
    )
    return bool(unchanged.update(available=F("available") - qty, sold=F("sold") + qty))


def _why_not(vacancy: Vacancy, *, qty: int, now: datetime) -> StockRefusal | None:
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
            available=vacancy.available,
        )
    if qty > vacancy.available:
        return SoldOut.of(qty=qty, available=vacancy.available)
    return None


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
        capacity=capacity,
        available=capacity,
        created_at=now,
    )


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
    StockMovement.objects.create(
        vacancy=vacancy,
        kind=StockMovement.Kind.CAPACITY,
        qty=by,
        actor=actor,
        reason=reason,
        at=now,
    )
    return vacancy


def state_change(*, vacancy_id: int, to: Vacancy.State, allowed_from: set[Vacancy.State]) -> bool:
    """Move a vacancy to state `to` if it is in one of `allowed_from`; say whether it moved."""
    return bool(Vacancy.objects.filter(pk=vacancy_id, state__in=allowed_from).update(state=to))


def put_on_sale(*, vacancy_id: int) -> bool:
    """Sell from now on (within the sale window). False if it was not a draft or paused."""
    return state_change(
        vacancy_id=vacancy_id,
        to=Vacancy.State.ON_SALE,
        allowed_from={Vacancy.State.DRAFT, Vacancy.State.PAUSED},
    )


def pause(*, vacancy_id: int) -> bool:
    """Stop selling at once. False if it was not on sale."""
    return state_change(
        vacancy_id=vacancy_id, to=Vacancy.State.PAUSED, allowed_from={Vacancy.State.ON_SALE}
    )
