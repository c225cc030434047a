"""The till: where purchases of this process meet the database.

One lane, one connection: purchases are committed one after another in order of arrival, and an
answer leaves only after COMMIT. The queue is bounded, so a flood is refused with `overloaded`
instead of waiting for seconds.
"""

import time
from typing import NamedTuple

from django.db import connection
from django.utils import timezone

from tickets import services
from vacancy.lanes import Lane
from vacancy.services import SoldOut

QUEUE_LIMIT = 1000
TILL = Lane("till", limit=QUEUE_LIMIT)

# Note [Known sold out]
#     An on-sale sees over a thousand requests for each ticket, so refusals are most of the work.
#     Within a second of a refusal the next one for the same stock needs no database. A repeat
#     with an idempotency key is never refused from memory: it may come from the buyer who got
#     the last place and lost the answer.
REFUSE_FROM_MEMORY_S = 1.0
MEMORY_SIZE = 1000


class _Stock(NamedTuple):
    vacancy_id: int | None
    bound_to: int | None


class _Refused(NamedTuple):
    at: float  # monotonic seconds, taken before the database was asked
    available: int


_refused: dict[_Stock, _Refused] = {}


async def sell(order: services.Order) -> services.Sale:
    """Sell, and return only when it is committed.

    Raises:
        vacancy.lanes.LaneFull: too many wait already; nothing was sold.
        tickets.services.SaleRefusal, vacancy.services.StockRefusal: see `services.buy`.
    """
    stock = _Stock(order.vacancy_id, order.client.vacancy_id if order.client else None)
    if order.idempotency_key is None:
        _refuse_what_is_known(stock, order.qty)
    asked_at = time.monotonic()
    try:
        return await TILL.run(_sell, order)
    except SoldOut as refusal:
        if len(_refused) >= MEMORY_SIZE:
            _refused.clear()
        _refused[stock] = _Refused(asked_at, refusal.available)
        raise


def _sell(order: services.Order) -> services.Sale:
    return services.buy(order=order, now=timezone.now())  # read in the lane: the wait counts


def _refuse_what_is_known(stock: _Stock, qty: int) -> None:
    known = _refused.get(stock)
    if known is None or qty <= known.available:
        return
    if time.monotonic() - known.at < REFUSE_FROM_MEMORY_S:
        raise SoldOut.of(qty=qty, available=known.available)
    del _refused[stock]


async def warm() -> None:
    """Open the till's connection before the first buyer comes, and see that it answers."""
    await TILL.run(_touch)


def _touch() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def forget_everything() -> None:
    """Drop what is remembered in this process."""
    _refused.clear()
