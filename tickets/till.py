"""The till: where purchases of this process meet the database.

Note [Group commit]
    A transaction costs about as much to commit as to fill, and the disk can do only so many
    commits a second. So whoever waits at this moment is served together, with one COMMIT; the
    next batch gathers while that one is on its way. A lone buyer waits for nobody: there is no
    timer. First come, first served; an answer leaves only after COMMIT; the queue is bounded,
    so a flood is refused with `overloaded` instead of waiting for seconds.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple
from weakref import WeakKeyDictionary

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from tickets import services
from vacancy.lanes import Lane, LaneFull
from vacancy.services import SoldOut

QUEUE_LIMIT = 1000
BATCH_LIMIT = 50
PAUSE_S = 0.001  # after a batch with more behind it: SQLite would never let another process write
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


class _Waiting(NamedTuple):
    order: services.Order
    answer: asyncio.Future[services.Sale]


class _Queue:
    """Who waits in one event loop, and the one task that serves them."""

    def __init__(self) -> None:
        self.waiting: deque[_Waiting] = deque()
        self.serving: asyncio.Task[None] | None = None


_queues: WeakKeyDictionary[asyncio.AbstractEventLoop, _Queue] = WeakKeyDictionary()


async def sell(order: services.Order) -> services.Sale:
    """Sell, and return only when it is committed.

    Raises:
        vacancy.lanes.LaneFull: too many wait already; nothing was sold.
        tickets.services.SaleRefusal, vacancy.services.StockRefusal: see `services.buy`.
    """
    stock = _Stock(order.vacancy_id, order.bound_to)
    if order.idempotency_key is None:
        _refuse_what_is_known(stock, order.qty)
    asked_at = time.monotonic()
    try:
        return await _stand_in_line(order)
    except SoldOut as refusal:
        if len(_refused) >= MEMORY_SIZE:
            _refused.clear()
        _refused[stock] = _Refused(asked_at, refusal.available)
        raise


async def _stand_in_line(order: services.Order) -> services.Sale:
    loop = asyncio.get_running_loop()
    queue = _queues.setdefault(loop, _Queue())
    if len(queue.waiting) >= QUEUE_LIMIT:
        raise LaneFull("The till queue is full.")
    answer: asyncio.Future[services.Sale] = loop.create_future()
    queue.waiting.append(_Waiting(order, answer))
    if queue.serving is None or queue.serving.done():
        # A task of its own: a client that hangs up must not take the whole batch along.
        queue.serving = loop.create_task(_serve(queue.waiting))
    return await answer


async def _serve(waiting: deque[_Waiting]) -> None:
    while waiting:
        batch = [waiting.popleft() for _ in range(min(BATCH_LIMIT, len(waiting)))]
        batch = [one for one in batch if not one.answer.cancelled()]
        answers = await _sell([one.order for one in batch])
        for one, answer in zip(batch, answers, strict=True):
            if one.answer.done():  # hung up meanwhile; the purchase is theirs all the same
                continue
            if isinstance(answer, Exception):
                one.answer.set_exception(answer)
            else:
                one.answer.set_result(answer)
        if waiting:
            await asyncio.sleep(PAUSE_S)


async def _sell(orders: list[services.Order]) -> Sequence[services.Sale | Exception]:
    try:
        return await TILL.run(_sell_in_lane, orders)
    except Exception as error:  # told to everybody who waits for it
        return [error] * len(orders)


def _sell_in_lane(orders: list[services.Order]) -> list[services.Sale | Exception]:
    # The clock is read in the lane: who waited past the end of the sale is too late.
    answers = services.buy_together(orders=orders, now=timezone.now())
    if any(isinstance(answer, OperationalError | InterfaceError) for answer in answers):
        connection.close()  # it may be dead; the next batch opens a fresh one
    return answers


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
