"""What is written down for those who were granted places: holds, purchases and tickets."""

import uuid
from datetime import datetime, timedelta
from typing import Any, cast

from tickets import rows
from tickets.models import Hold, Purchase, Ticket, new_code, new_id
from tickets.wishes import Held, HoldOrder, Order, Sale, Wish
from vacancy import services as stock
from vacancy.trips import Changed, Trip

# What no purchase has yet.
_NEW = {
    "status": Purchase.Status.CONFIRMED.value,
    "cancelled_at": None,
    "cancelled_by_id": None,
    "cancel_reason": "",
}


class Record:
    """Gathers the rows of those who were granted places, and writes them together.

    See tickets.rows, Note [Rows as they are].
    """

    def __init__(self, now: datetime) -> None:
        """Write nothing yet."""
        self._now = now
        self._holds: list[Hold] = []
        self._confirmed: list[uuid.UUID] = []
        self._purchases: list[rows.Row] = []
        self._tickets: list[rows.Row] = []

    def add(
        self, vacancy: stock.Vacancy, wish: Wish, hold: Hold | None, *, remaining: int
    ) -> Held | Sale:
        """Take one wish down; `hold` is what it confirms, if it does."""
        if isinstance(wish, HoldOrder):
            return self._hold(vacancy, wish)
        return self._sale(vacancy, wish, hold, remaining)

    def _hold(self, vacancy: stock.Vacancy, wish: HoldOrder) -> Held:
        hold = Hold(
            vacancy=vacancy,
            qty=wish.qty,
            unit_price=vacancy.price,
            currency=vacancy.currency,
            expires_at=self._now + timedelta(seconds=wish.seconds),
            buyer_name=wish.buyer_name,
            buyer_email=wish.buyer_email,
            created_at=self._now,
            **_request(wish),
        )
        self._holds.append(hold)
        return Held(hold)

    def _sale(self, vacancy: stock.Vacancy, wish: Wish, hold: Hold | None, remaining: int) -> Sale:
        offer = hold or vacancy  # whose price counts
        qty = hold.qty if hold else cast(Order, wish).qty
        price = hold.unit_price if hold else vacancy.price
        sale = Sale(
            id=new_id(),
            vacancy_id=vacancy.pk,
            qty=qty,
            total=qty * price,
            currency=offer.currency,
            created_at=self._now,
            codes=[new_code() for _ in range(qty)],
            remaining=remaining,
        )
        self._take_down(sale, wish, hold, price)
        return sale

    def _take_down(self, sale: Sale, wish: Wish, hold: Hold | None, price: int) -> None:
        row = {
            **_NEW,
            **sale._asdict(),
            **_request(wish),
            "unit_price": price,
            "buyer_name": wish.buyer_name or (hold.buyer_name if hold else ""),
            "buyer_email": wish.buyer_email or (hold.buyer_email if hold else ""),
            "hold_id": hold.pk if hold else None,
        }
        self._purchases.append(row)
        self._tickets += [
            {"purchase_id": sale.id, "code": code, "checked_in_at": None} for code in sale.codes
        ]
        if hold:
            self._confirmed.append(hold.pk)

    def end_holds(self) -> None:
        """Let the holds that are confirmed end; do it before `write`.

        Raises:
            Changed: two of these confirm the same hold.
        """
        if not self._confirmed:
            return
        active = Hold.objects.filter(pk__in=self._confirmed, status=Hold.Status.ACTIVE)
        ended = active.update(status=Hold.Status.CONFIRMED, ended_at=self._now)
        if ended != len(self._confirmed):
            raise Changed

    def write(self, trip: Trip) -> None:
        """Take everything along. Raises as `rows.insert`."""
        rows.insert(trip, Hold, [vars(hold) for hold in self._holds])
        rows.insert(trip, Purchase, self._purchases)
        rows.insert(trip, Ticket, self._tickets)


def _request(wish: Wish) -> dict[str, Any]:
    """Return the columns that tell whose request a row answers."""
    keyed = wish.repeat_key is not None
    return {
        "client_id": wish.client.key_id if wish.client else None,
        "idempotency_key": wish.idempotency_key if keyed else None,
        "request_scope": wish.scope if keyed else "",
        "request_hash": wish.request_hash if keyed else "",
    }
