"""What a server's event loop serves itself, and how it shares with the till's thread.

Note [Who serves]
    A thread of its own can serve everything, and does where nothing else is said. A server's
    event loop, which is at home here, spares it the way there and back. On PostgreSQL
    (tickets.express) a driver, which is a task for as long as somebody waits, serves from the
    loop what can be served there and hands the rest to the thread, and waits for it. On SQLite
    (tickets.alone) the loop serves an order that nobody waits with, on the spot.

    It does so in a turn (tickets.line), so there is one who takes from the line at any time. If
    a turn breaks off, because its loop ends, the thread takes over.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable
from contextvars import Context
from functools import partial
from typing import cast

from django.utils import timezone

from tickets.alone import Alone
from tickets.answering import serve_from_loop
from tickets.express import Begun, Express, NotServed
from tickets.line import Line, Turn
from tickets.waiting import Waiting, deliver, present
from tickets.wishes import Order, Wish

# Answers a batch, which may have been begun, and says whether there is a database.
Answering = Callable[[list[Waiting], Begun | None], bool]

logger = logging.getLogger(__name__)


class HomeLoop:
    """An event loop that may serve this line, and its ways to the database."""

    def __init__(self, line: Line, answer_in_thread: Answering) -> None:
        """Have no loop yet."""
        self.express = Express()
        self.alone = Alone()
        self.driver: asyncio.Task[None] | None = None  # the last there was
        self._loop: asyncio.AbstractEventLoop | None = None
        self._line = line
        self._answer = answer_in_thread
        self._last_count = 0  # of whom the driver served last

    def move_to(self, loop: asyncio.AbstractEventLoop) -> None:
        """Serve from this loop from now on. It should last, as a server's."""
        self._loop = loop

    def close(self) -> None:
        """Give the connections back."""
        self.express.close()
        self.alone.close()

    # One order at once: Note [Alone] in tickets.alone.

    def serve_alone(self, one: Waiting) -> bool:
        """Serve this one on the spot, and return True; or do nothing."""
        turn = self._begin_alone(one)
        if turn is None:
            return False
        began_at = time.perf_counter()
        try:
            answer = self.alone.serve(cast(Order, one.what), now=timezone.now())
        except NotServed as refusal:
            with self._line.lock:
                self._line.break_off(turn)
                self._line.hand_over(partial(self._answer, [one], refusal.begun))
        else:
            one.began_at, one.ended_at = began_at, time.perf_counter()
            one.tell(answer)
            one.loop.call_soon(self._end, turn)
        return True

    def _begin_alone(self, one: Waiting) -> Turn | None:
        if not isinstance(one.what, Order) or one.known or one.loop is not self._loop:
            return None
        line = self._line
        with line.lock:
            if not line.is_idle or line.is_ringing or line.is_closing:
                return None
            if time.monotonic() < line.crowd_until or not self.alone.is_for(one.what):
                return None
            return line.begin(one.loop)

    def _end(self, turn: Turn) -> None:
        with self._line.lock:
            self._line.end(turn)

    def forget_stock(self) -> None:
        """Be told that the thread has served: what is remembered may be wrong now."""
        if self._loop is not None:
            self.alone.start_over()

    # Everybody, one batch after the other: Note [Express] in tickets.express.

    def start_driver(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Let a driver serve those who wait, if this loop can; the line's lock is held."""
        if loop is not self._loop or not self.express.is_possible:
            return False
        if self.driver is not None and not self.driver.done():
            self.express.close()
            self.express = Express()  # that driver's loop stands still, and may yet go on
        turn = self._line.begin(loop)
        # No request's context: see vacancy.timing.
        self.driver = loop.create_task(self._drive(turn, self.express), context=Context())
        self.driver.add_done_callback(partial(self._driver_ended, turn))
        return True

    async def _drive(self, turn: Turn, express: Express) -> None:
        """Serve until nobody waits."""
        while batch := self._next_batch(turn):
            self._last_count = len(batch)
            if there := present(batch):
                await self._serve(there, express)

    def _driver_ended(self, turn: Turn, driver: "asyncio.Task[None]") -> None:
        with self._line.lock:
            self._line.break_off(turn)
        if not driver.cancelled() and (error := driver.exception()):
            logger.error("the till's driver broke off", exc_info=error)

    def _next_batch(self, turn: Turn) -> list[Waiting]:
        """Return half of who is there or will be soon, or nobody: then the turn is over.

        All at once would come back all at once, and database and loop would wait for each other.
        Whoever was just answered is about to ask again, where everybody always does.
        """
        line = self._line
        with line.lock:
            if line.turn is not turn:
                return []  # its loop stood still, and the thread has gone on
            if not line.waiting:
                line.end(turn)
                return []
            return line.take(math.ceil((len(line.waiting) + self._last_count) / 2))

    async def _serve(self, batch: list[Waiting], express: Express) -> None:
        begun = None
        if express.is_open and isinstance(batch[0].what, Wish):  # a job is a batch of its own
            began_at = time.perf_counter()
            try:
                deliver(await serve_from_loop(express, batch), began_at)
                return
            except NotServed as refusal:
                begun = refusal.begun
        is_there = await self._serve_in_thread(batch, begun)
        if is_there and express is self.express and not express.is_open:
            await express.open()

    async def _serve_in_thread(self, batch: list[Waiting], begun: Begun | None) -> bool:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool] = loop.create_future()

        def work() -> None:
            is_there = self._answer(batch, begun)
            with contextlib.suppress(RuntimeError):  # the loop may be closed by now
                loop.call_soon_threadsafe(_say, done, is_there)

        with self._line.lock:
            self._line.hand_over(work)
        return await done


def _say(waited_for: "asyncio.Future[bool]", answer: bool) -> None:
    if not waited_for.done():  # or whoever waited was cancelled
        waited_for.set_result(answer)
