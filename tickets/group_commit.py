"""Group commit: one queue and one thread in which all sales of a process meet the database.

Note [Group commit]
    A transaction costs about as much to commit as to fill, and the disk can do only so many
    commits a second. So whoever waits at this moment is served together, with one COMMIT; the
    next batch gathers while that one is on its way. A lone buyer waits for nobody: there is no
    timer. First come, first served; an answer leaves only after COMMIT; the queue is bounded,
    so a flood is refused with `overloaded` instead of waiting for seconds. docs/speed.md has the
    measurement: how many times as many sales as with one transaction each.

    A thread of its own, and not a task: work belongs to the queue and not to a request, so a
    client that hangs up cannot cut a transaction in half; and the next batch begins without
    waiting for an event loop that is busy with answers. What changes stock without selling
    stands in the same queue: SQLite has one writer, and two in one process would only make each
    other wait.
"""

import asyncio
import atexit
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from tickets import repeats, selling
from tickets.wishes import Answer, Wish
from vacancy import timing
from vacancy.lanes import LaneFull, close_dead
from vacancy.services import SoldOut

R = TypeVar("R")

BATCH_LIMIT = 100
SQLITE_PAUSE_S = 0.001  # with more behind a batch: another process could never write otherwise
DRAIN_S = 10.0
RING_S = 0.1


class Waiting:
    """One wish, or one other job, and who wants to hear what became of it."""

    __slots__ = ("answer", "began_at", "came_at", "ended_at", "known", "loop", "what")

    def __init__(self, what: Wish | Callable[[], Any], known: SoldOut | None = None) -> None:
        self.what = what
        self.known = known  # the refusal, if the stock is known to be sold out
        self.loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[Any] = self.loop.create_future()
        self.came_at = time.perf_counter()
        self.began_at = self.ended_at = 0.0


class GroupCommit:
    """A bounded queue and the thread that serves it; the thread begins with the first to come."""

    def __init__(self, *, limit: int) -> None:
        """Start nothing yet. `limit` counts those who wait."""
        self.limit = limit
        self._queue: deque[Waiting] = deque()
        self._somebody_came = threading.Condition()
        self._thread: threading.Thread | None = None
        self._idle = True  # the thread has nobody to serve
        self._ringing = False  # somebody came, and the bell rings at the end of this loop's turn
        self._closing = False

    async def serve(self, one: Waiting) -> Any:
        """Stand in line, and return or raise what the thread answers.

        Raises:
            LaneFull: too many wait already, or the process is ending; nothing was done.
        """
        self._enqueue(one)
        try:
            return await one.answer
        finally:
            if one.ended_at:  # or the caller left before
                timing.spend("queue", one.began_at - one.came_at)
                timing.spend("db", one.ended_at - one.began_at)

    def _enqueue(self, one: Waiting) -> None:
        with self._somebody_came:
            if len(self._queue) >= self.limit or self._closing:
                raise LaneFull("The till queue is full.")
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve_all, name="till", daemon=True)
                self._thread.start()
                atexit.register(self.close)
            self._queue.append(one)
            if self._idle and not self._ringing:
                self._ringing = True
                # Not at once: who comes in the same turn of the event loop is served together.
                one.loop.call_soon(self._ring)

    def _ring(self) -> None:
        with self._somebody_came:
            self._ringing = False
            self._somebody_came.notify()

    def close(self) -> None:
        """Serve who is in the queue, accept nobody else, and end the thread."""
        with self._somebody_came:
            self._closing = True
            self._somebody_came.notify()
        if self._thread is not None:
            self._thread.join(DRAIN_S)

    def close_connection(self) -> None:
        """Give the connection back, as before a test database is dropped. Blocks."""
        asyncio.run(self.serve_job(_close_own_connection))

    async def serve_job(self, job: Callable[[], R]) -> R:
        """Run `job` in its turn."""
        return cast(R, await self.serve(Waiting(job)))

    def _serve_all(self) -> None:
        while batch := self._next_batch():
            began_at = time.perf_counter()
            answers = self._answer([one for one in batch if not one.answer.cancelled()])
            ended_at = time.perf_counter()
            for one, _ in answers:
                one.began_at, one.ended_at = began_at, ended_at
            _deliver(answers)
            if self._queue and connection.vendor == "sqlite":
                time.sleep(SQLITE_PAUSE_S)
        connection.close()

    def _answer(self, batch: list[Waiting]) -> list["Answered"]:
        """Answer this batch; without a database everybody behind it too.

        They came before it was known, and each batch and job would wait for a connection anew.
        """
        try:
            connection.ensure_connection()
        except Exception as error:
            with self._somebody_came:
                behind = list(self._queue)
                self._queue.clear()
            return [(one, error) for one in (*batch, *behind)]
        return _serve_batch(batch)

    def _next_batch(self) -> list[Waiting]:
        """Wait for somebody and return who is there: wishes up to the next job, or one job."""
        with self._somebody_came:
            while not self._queue or (self._ringing and not self._closing):
                if self._closing:
                    return []
                self._idle = True
                if not self._somebody_came.wait(timeout=RING_S if self._ringing else None):
                    self._ringing = False  # the loop that should have rung has ended
            self._idle = False
            batch = [self._queue.popleft()]
            while (
                self._queue
                and len(batch) < BATCH_LIMIT
                and isinstance(batch[0].what, Wish)
                and isinstance(self._queue[0].what, Wish)
            ):
                batch.append(self._queue.popleft())
            return batch


Answered = tuple[Waiting, Any]


def _serve_batch(batch: list[Waiting]) -> list[Answered]:
    """Answer everybody, whatever happens: an error is an answer too."""
    try:
        if len(batch) == 1 and not isinstance(batch[0].what, Wish):
            return [(batch[0], batch[0].what())]
        refused = [one for one in batch if one.known is not None]
        wanting = [one for one in batch if one.known is None]
        return _refuse_unless_repeated(refused) + _sell(wanting)
    except Exception as error:
        if isinstance(error, OperationalError | InterfaceError):
            close_dead()  # the next batch opens a fresh one
        return [(one, error) for one in batch]


def _sell(batch: list[Waiting]) -> list[Answered]:
    if not batch:
        return []
    wishes = [cast(Wish, one.what) for one in batch]
    # The clock is read here: who waited past the end of the sale is too late.
    answers = selling.serve_together(wishes=wishes, now=timezone.now())
    if any(isinstance(answer, OperationalError | InterfaceError) for answer in answers):
        close_dead()
    return list(zip(batch, answers, strict=True))


def _refuse_unless_repeated(batch: list[Waiting]) -> list[Answered]:
    """See tickets.till, Note [Known sold out]."""
    if not batch:
        return []
    wishes = [cast(Wish, one.what) for one in batch]
    found: dict[Any, Answer] = repeats.find(wishes=wishes, now=timezone.now())
    keys = [wish.repeat_key for wish in wishes]
    return [(one, found.get(key, one.known)) for one, key in zip(batch, keys, strict=True)]


def _deliver(answers: list[Answered]) -> None:
    """Hand the answers over, with one call for each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Answered]] = {}
    for answered in answers:
        by_loop.setdefault(answered[0].loop, []).append(answered)
    for loop, group in by_loop.items():
        with contextlib.suppress(RuntimeError):  # a loop that is closed waits for nothing
            loop.call_soon_threadsafe(_settle, group)


def _settle(answers: list[Answered]) -> None:
    for one, answer in answers:
        if one.answer.done():  # hung up meanwhile; the purchase is theirs all the same
            continue
        if isinstance(answer, BaseException):
            one.answer.set_exception(answer)
        else:
            one.answer.set_result(answer)


def _close_own_connection() -> None:
    connection.close()  # the name stands for another connection in each thread
