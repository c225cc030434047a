"""The till: where requests of this process stand in line to buy, hold and confirm.

Note [Twins]
    A client that loses patience sends its request again while the first still runs. The second
    waits for the first one's answer and gives the same; after five seconds it is told to come
    again. If the first hung up in the line, nobody was served, and the second takes its place.
    Twins in two processes meet in the database (tickets.repeats).

Note [Known too late]
    What is known to be sold out (tickets.sold_out) is refused at once, without a key. A request
    with an idempotency key may be the retry of the buyer who got the last place and lost the
    answer, so it waits for one read by key, shared by all of a batch; no write.
"""

import asyncio
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from django.db import connection

from tickets import sold_out
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
    TILL.home.move_to(asyncio.get_running_loop())


async def run(job: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a service that changes stock or tickets in its turn; it opens its own transaction.

    Raises:
        vacancy.lanes.LaneFull: too many wait already; the job was not started.
    """
    try:
        return await TILL.serve_job(lambda: job(*args, **kwargs))
    finally:
        sold_out.forget()  # it may have given places back


_running: dict[RepeatKey, Waiting] = {}


async def _serve(wish: Wish) -> Answer:
    """Let a twin of a running request wait for that one's answer; serve everybody else."""
    key = wish.repeat_key
    if key is not None and key in _running:
        answer = await _answer_of_twin(wish, key)
        if answer is not None:
            return answer
    known = sold_out.known(wish)
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
            sold_out.remember(wish, refusal, asked_at=asked_at)
        raise
    finally:
        if key is not None:
            _running.pop(key, None)


async def _answer_of_twin(wish: Wish, key: RepeatKey) -> Answer | None:
    """Wait for whoever runs with this key; None: they get none, or not from here."""
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
        if not first.answer.cancelled():  # or it hung up in the line: nobody was served
            return cast(Answer, first.answer.result())
    return None


def forget_everything() -> None:
    """Drop what is remembered in this process."""
    sold_out.forget()
    _running.clear()


async def warm() -> None:
    """Open the till's connections before the first buyer comes, and see that they answer."""
    await TILL.serve_job(_touch)
    await TILL.serve_job(_touch)  # its turn comes when the event loop has a connection too


def _touch() -> None:
    close_if_dead()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
