"""The till: where requests of this process stand in line to buy, hold and confirm.

Note [Twins]
    A client that loses patience sends its request again while the first still runs. The second
    waits for the first one's answer and gives the same; after five seconds it is told to come
    again. If the first hung up in the queue, nobody was served, and the second takes its place.
    Twins in two processes meet in the database (tickets.repeats).

Note [Known sold out]
    An on-sale sees over a thousand requests for each ticket, so refusals are most of the work.
    Within a second of a refusal the next one for the same stock needs no database. A request
    with an idempotency key may be the retry of the buyer who got the last place and lost the
    answer, so it waits for one read by key, shared by all of a batch; no write. A cancellation
    here ends the second at once, one in another process when the second is over. Before it is
    over one buyer is let through to find out for all: else everybody would at once, wait
    together, and come back together.
"""

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple, ParamSpec, TypeVar, cast

from django.db import connection

from tickets.group_commit import GroupCommit
from tickets.waiting import Waiting
from tickets.wishes import (
    Answer,
    Confirmation,
    Held,
    HoldOrder,
    IdempotencyKeyReused,
    Order,
    RepeatKey,
    RequestInFlight,
    Sale,
    Wish,
)
from vacancy.lanes import close_if_dead
from vacancy.services import SoldOut

P = ParamSpec("P")
R = TypeVar("R")

QUEUE_LIMIT = 1000
TWIN_PATIENCE_S = 5.0
REFUSE_FROM_MEMORY_S = 1.0
ASK_ANEW_AFTER_S = 0.75
MEMORY_SIZE = 1000

TILL = GroupCommit(limit=QUEUE_LIMIT)


async def sell(order: Order) -> Sale:
    """Sell, and return only when it is committed.

    Raises:
        vacancy.lanes.LaneFull: too many wait already; nothing was sold.
        tickets.wishes.SaleRefusal, vacancy.services.StockRefusal: nothing was sold
            (but see `tickets.wishes.OutcomeUnknown`).
    """
    return cast(Sale, await _serve(order))


async def hold(order: HoldOrder) -> Held:
    """Hold, and return only when it is committed. Raises as `sell`."""
    return cast(Held, await _serve(order))


async def confirm(confirmation: Confirmation) -> Sale:
    """Turn a hold into a purchase, and return only when it is committed. Raises as `sell`."""
    return cast(Sale, await _serve(confirmation))


def serve_from_this_loop() -> None:
    """Let the running event loop, which should last, sell without the till's thread if it can."""
    TILL.be_at_home(asyncio.get_running_loop())


async def run(job: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a service that changes stock or tickets in its turn; it opens its own transaction.

    Raises:
        vacancy.lanes.LaneFull: too many wait already; the job was not started.
    """
    try:
        return await TILL.serve_job(lambda: job(*args, **kwargs))
    finally:
        _refused.clear()  # it may have given places back


_running: dict[RepeatKey, Waiting] = {}


async def _serve(wish: Wish) -> Answer:
    """Let a twin of a running request wait for that one's answer; serve everybody else."""
    key = wish.repeat_key
    if key is None:
        return await _serve_first(wish)
    deadline = time.monotonic() + TWIN_PATIENCE_S
    while (first := _running.get(key)) is not None:
        if cast(Wish, first.what).request_hash != wish.request_hash:
            raise IdempotencyKeyReused(
                f"The idempotency key {wish.idempotency_key!r} is in use for another request."
            )
        if first.loop is not asyncio.get_running_loop():
            break  # cannot be waited for from here; the constraint tells the two apart
        await asyncio.wait({first.answer}, timeout=max(0.0, deadline - time.monotonic()))
        if not first.answer.done():
            raise RequestInFlight("The first request with this idempotency key is still running.")
        if not first.answer.cancelled():  # or it hung up in the queue: nobody was served
            return cast(Answer, first.answer.result())
    return await _serve_first(wish, key)


async def _serve_first(wish: Wish, key: RepeatKey | None = None) -> Answer:
    known = _known_sold_out(wish)
    if known is not None and key is None:
        raise known
    one = Waiting(wish, known)
    if key is not None:
        _running[key] = one
    asked_at = time.monotonic()
    try:
        return cast(Answer, await TILL.serve(one))
    except SoldOut as refusal:
        if known is None:
            _remember(wish, _Refused(asked_at, refusal.available))
        raise
    finally:
        if key is not None:
            _running.pop(key, None)


class _Refused(NamedTuple):
    at: float  # monotonic seconds, taken before the database was asked
    available: int
    asked_anew: bool = False  # somebody is finding out whether it is so still


_refused: dict[tuple[int | None, int | None], _Refused] = {}


def _known_sold_out(wish: Wish) -> SoldOut | None:
    if not isinstance(wish, Order):
        return None
    known = _refused.get((wish.vacancy_id, wish.bound_to))
    if known is None or wish.qty <= known.available:
        return None
    age_s = time.monotonic() - known.at
    if age_s >= REFUSE_FROM_MEMORY_S:
        return None
    if age_s >= ASK_ANEW_AFTER_S and not known.asked_anew:
        _refused[wish.vacancy_id, wish.bound_to] = known._replace(asked_anew=True)
        return None
    return SoldOut.of(qty=wish.qty, available=known.available)


def _remember(wish: Wish, refusal: _Refused) -> None:
    if isinstance(wish, Order):
        if len(_refused) >= MEMORY_SIZE:
            _refused.clear()
        _refused[wish.vacancy_id, wish.bound_to] = refusal


def forget_everything() -> None:
    """Drop what is remembered in this process."""
    _refused.clear()
    _running.clear()


async def warm() -> None:
    """Open the till's connections before the first buyer comes, and see that they answer."""
    await TILL.serve_job(_touch)
    await TILL.serve_job(_touch)  # its turn comes when the event loop has a connection too


def _touch() -> None:
    close_if_dead()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
