"""Group commit: one queue in which all sales of a process wait, and who serves it.

Note [Group commit]
    A transaction costs about as much to commit as to fill, and the disk can do only so many
    commits a second. So whoever waits at this moment is served together, with one COMMIT; the
    next batch gathers while that one is on its way. A lone buyer waits for nobody: there is no
    timer. First come, first served; an answer leaves only after COMMIT; the queue is bounded,
    so a flood is refused with `overloaded` instead of waiting for seconds. docs/speed.md has the
    measurement: how many times as many sales as with one transaction each.

    Work belongs to the queue and not to a request, so a client that hangs up cannot cut a
    transaction in half. What changes stock without selling stands in the same queue: SQLite has
    one writer, and two in one process would only make each other wait.

Note [Who serves]
    A thread of its own can serve everything, and does where nothing else is said. On PostgreSQL
    a server's event loop takes its place (tickets.express): a driver, which is a task for as long
    as somebody waits, serves from the loop what can be served there and hands the rest to the
    thread, and waits for it. So there is one who takes from the queue at any time. If the driver
    breaks off, because its loop ends, the thread takes over.
"""

import asyncio
import atexit
import contextlib
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from contextvars import Context
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.utils import timezone

from tickets import selling
from tickets.alone import Alone
from tickets.answering import serve_batch, serve_from_loop
from tickets.express import Begun, Express, NotServed
from tickets.waiting import Answered, Waiting, deliver, present
from tickets.wishes import Order, Wish
from vacancy import timing
from vacancy.lanes import LaneFull

R = TypeVar("R")
logger = logging.getLogger(__name__)

BATCH_LIMIT = 100
SQLITE_PAUSE_S = 0.001  # with more behind a batch: another process could never write otherwise
DRAIN_S = 10.0
RING_S = 0.1
CROWD_S = 0.01  # it comes back together, so who comes first is not alone


class GroupCommit:
    """A bounded queue and who serves it: a thread, or an event loop that is at home here."""

    def __init__(self, *, limit: int) -> None:
        """Start nothing yet. `limit` counts those who wait."""
        self.limit = limit
        self._queue: deque[Waiting] = deque()
        self._lock = threading.Lock()  # of all that is below
        self._bell: SimpleQueue[None] = SimpleQueue()  # wakes the thread; rung too often, no harm
        self._thread: threading.Thread | None = None
        self._idle = True  # nobody is served
        self._ringing = False  # somebody came, and the bell rings at the end of this loop's turn
        self._closing = False
        self._home: asyncio.AbstractEventLoop | None = None
        self._express = Express()
        self._alone = Alone()
        self._alone_on: asyncio.AbstractEventLoop | None = None  # until this turn of it ends
        self._crowd_until = 0.0  # monotonic seconds
        self._driver: asyncio.Task[None] | None = None  # serves the queue on the loop at home
        self._handed: deque[Callable[[], object]] = deque()  # by a driver to the thread
        self._last_count = 0  # of whom the driver served last

    def be_at_home(self, loop: asyncio.AbstractEventLoop) -> None:
        """Serve from this loop what can be: Note [Who serves]. It should last, as a server's."""
        self._home = loop

    async def serve(self, one: Waiting) -> Any:
        """Stand in line, and return or raise what was answered.

        Raises:
            LaneFull: too many wait already, or the process is ending; nothing was done.
        """
        if self._is_alone(one):
            self._answer_alone(one)
        else:
            self._enqueue(one)
        try:
            return await one.answer
        finally:
            if one.ended_at:  # or the caller left before
                timing.spend("queue", one.began_at - one.came_at)
                timing.spend("db", one.ended_at - one.began_at)

    def _enqueue(self, one: Waiting) -> None:
        with self._lock:
            if len(self._queue) >= self.limit or self._closing:
                raise LaneFull("The till queue is full.")
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="till", daemon=True)
                self._thread.start()
                atexit.register(self.close)
            self._queue.append(one)
            self._forget_loop_that_stopped()
            if self._idle and not self._ringing:
                self._ringing = True
                # Not at once: who comes in the same turn of the event loop is served together.
                one.loop.call_soon(self._ring, one.loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            self._ringing = False
            if self._idle and loop is self._home and self._express.is_possible:
                self._idle = False
                # No request's context: see vacancy.timing.
                self._driver = loop.create_task(self._drive(self._express), context=Context())
                self._driver.add_done_callback(self._driver_ended)
            else:
                self._bell.put(None)

    def close(self) -> None:
        """Serve who is in the queue, accept nobody else, and end the thread."""
        with self._lock:
            self._closing = True
            self._forget_loop_that_stopped()
            self._bell.put(None)
        if self._thread is not None:
            self._thread.join(DRAIN_S)
        self._express.close()
        self._alone.close()

    def close_connection(self) -> None:
        """Give the connections back, as before a test database is dropped. Blocks."""
        asyncio.run(self.serve_job(_close_own_connection))
        self._express.close()
        self._alone.close()

    async def serve_job(self, job: Callable[[], R]) -> R:
        """Run `job` in its turn."""
        return cast(R, await self.serve(Waiting(job)))

    # The thread.

    def _work(self) -> None:
        ended_at = -math.inf
        while work := self._next_work():
            was_quiet = time.perf_counter() - ended_at >= SQLITE_PAUSE_S
            work()
            # Not behind the first after a quiet moment: others had that, and two buyers who
            # happen to meet are no crowd.
            if self._queue and not was_quiet and connection.vendor == "sqlite":
                time.sleep(SQLITE_PAUSE_S)
            ended_at = time.perf_counter()
        connection.close()

    def _next_work(self) -> Callable[[], object] | None:
        """Wait for something to do: what the driver hands over, or whoever waits without one."""
        while True:
            with self._lock:
                if self._handed:
                    return self._handed.popleft()
                if self._driver is None and self._alone_on is None:
                    if self._queue and (self._closing or not self._ringing):
                        self._idle = False
                        return partial(self._answer, self._take(BATCH_LIMIT))
                    if self._closing:
                        return None
                    self._idle = True
                timeout = RING_S if self._ringing else None
            try:
                self._bell.get(timeout=timeout)
            except Empty:
                with self._lock:
                    self._ringing = False  # the loop that should have rung has ended

    def _take(self, limit: int) -> list[Waiting]:
        """Return who is there: wishes up to the next job, or one job. The lock is held."""
        batch = [self._queue.popleft()]
        while (
            self._queue
            and len(batch) < limit
            and isinstance(batch[0].what, Wish)
            and isinstance(self._queue[0].what, Wish)
        ):
            batch.append(self._queue.popleft())
        if len(batch) > 1:
            self._crowd_until = time.monotonic() + CROWD_S
        return batch

    def _answer(self, batch: list[Waiting], begun: Begun | None = None) -> bool:
        """Answer this batch; without a database everybody behind it too.

        They came before it was known, and each batch and job would wait for a connection anew.
        Say whether there is one.
        """
        began_at = time.perf_counter()
        own = connections[DEFAULT_DB_ALIAS]
        try:
            if own.connection is None:
                own.ensure_connection()
        except Exception as error:
            with self._lock:
                behind = list(self._queue)
                self._queue.clear()
            # What was begun may have happened.
            for_batch = error if begun is None else selling.outcome_unknown()
            answers: list[Answered] = [(one, for_batch) for one in batch]
            answers += [(one, error) for one in behind]
        else:
            answers = serve_batch(present(batch) if begun is None else batch, begun)
        deliver(answers, began_at)
        is_there = own.connection is not None
        if is_there and self._home is not None:
            self._alone.start_over()
        return is_there

    # The loop at home.

    def _is_alone(self, one: Waiting) -> bool:
        """Say whether to serve this one on the spot; then nobody else serves meanwhile."""
        if not isinstance(one.what, Order) or one.known or one.loop is not self._home:
            return False
        with self._lock:
            self._forget_loop_that_stopped()
            if not self._idle or self._ringing or self._closing:
                return False
            if time.monotonic() < self._crowd_until or not self._alone.is_for(one.what):
                return False
            self._idle, self._alone_on = False, one.loop
            return True

    def _answer_alone(self, one: Waiting) -> None:
        began_at = time.perf_counter()
        try:
            answer = self._alone.serve(cast(Order, one.what), now=timezone.now())
        except NotServed as refusal:
            with self._lock:
                self._alone_on = None
                self._handed.append(partial(self._answer, [one], refusal.begun))
                self._bell.put(None)
        else:
            deliver([(one, answer)], began_at)
            one.loop.call_soon(self._alone_ended)

    def _alone_ended(self) -> None:
        with self._lock:
            if self._alone_on is None:
                return  # forgotten: the thread has gone on
            self._alone_on, self._idle = None, not self._queue
            if self._queue or self._closing:
                self._bell.put(None)

    async def _drive(self, express: Express) -> None:
        """Serve until nobody waits."""
        me = self._driver
        while batch := self._next_batch(me):
            self._last_count = len(batch)
            if there := present(batch):
                await self._answer_from_loop(express, there)

    def _driver_ended(self, driver: "asyncio.Task[None]") -> None:
        """Let the thread go on where a driver broke off."""
        with self._lock:
            if self._driver is driver:
                self._driver = None
                self._bell.put(None)
        if not driver.cancelled() and (error := driver.exception()):
            logger.error("the till's driver broke off", exc_info=error)

    def _next_batch(self, me: "asyncio.Task[None] | None") -> list[Waiting]:
        """Return half of who is there or will be soon, or nobody: then the driver is done.

        All at once would come back all at once, and database and loop would wait for each other.
        Whoever was just answered is about to ask again, where everybody always does.
        """
        with self._lock:
            if self._driver is not me:
                return []  # forgotten: its loop stood still, and the thread has gone on
            if not self._queue:
                self._driver, self._idle = None, True
                if self._closing:
                    self._bell.put(None)
                return []
            half = math.ceil((len(self._queue) + self._last_count) / 2)
            return self._take(min(half, BATCH_LIMIT))

    async def _answer_from_loop(self, express: Express, batch: list[Waiting]) -> None:
        begun = None
        if express.is_open and isinstance(batch[0].what, Wish):  # a job is a batch of its own
            began_at = time.perf_counter()
            try:
                deliver(await serve_from_loop(express, batch), began_at)
                return
            except NotServed as refusal:
                begun = refusal.begun
        is_there = await self._answer_in_thread(batch, begun)
        if is_there and express is self._express and not express.is_open:
            await express.open()

    async def _answer_in_thread(self, batch: list[Waiting], begun: Begun | None) -> bool:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool] = loop.create_future()

        def work() -> None:
            is_there = self._answer(batch, begun)
            with contextlib.suppress(RuntimeError):  # the loop may be closed by now
                loop.call_soon_threadsafe(_say, done, is_there)

        with self._lock:
            self._handed.append(work)
            self._bell.put(None)
        return await done

    def _forget_loop_that_stopped(self) -> None:
        """Let the thread go on where a loop was stopped that served. The lock is held."""
        if self._alone_on is not None and not self._alone_on.is_running():
            self._alone_on = None
            self._bell.put(None)
        if self._driver is not None and not self._driver.get_loop().is_running():
            self._driver = None
            self._express.close()
            self._express = Express()  # for the next; that driver may yet go on with its own
            self._bell.put(None)


def _say(waited_for: "asyncio.Future[bool]", answer: bool) -> None:
    if not waited_for.done():  # or whoever waited was cancelled
        waited_for.set_result(answer)


def _close_own_connection() -> None:
    connection.close()  # the name stands for another connection in each thread
