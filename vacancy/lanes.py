"""Threads that do database work for the event loop.

Note [Lanes]
    Django's ORM is synchronous. Handing every query to `sync_to_async` costs a thread hop into a
    pool that all requests share, and whoever holds the thread holds a connection. A lane is one
    long-lived thread with one connection of its own and a bounded queue: reads never wait behind
    sales, and a flood is refused at the door instead of piling up. Work belongs to the lane, not
    to the request: a client that hangs up cannot cut a transaction in half.

Note [Dead while idle]
    A lane keeps its connection between jobs, and a connection that dies meanwhile (the server was
    restarted, an operator or a firewall ended it) is noticed only when the next job uses it. That
    job has done nothing wrong and the database may be well again: if it only reads, it is run
    once more on a fresh connection. Once, because a second failure is news. Not if the connection
    is well, because then it was the statement; nor if the job had to open it, because then the
    database is away. What writes is never repeated here: it may have happened.

Note [Away]
    A job that finds no connection has waited seconds for one. Whoever stood behind it all the
    time would wait as long again, one after the other: they are told at once what it was told.
    Who comes later tries anew.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ClassVar, ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, connection

from vacancy import timing

P = ParamSpec("P")
R = TypeVar("R")


class LaneFull(Exception):
    """The queue is at its limit: nothing was started, come again in a moment."""

    code: ClassVar[str] = "overloaded"


class NoConnection(OperationalError):
    """The job had to open a connection and got none."""


class Lane:
    """One thread, one database connection, one bounded queue; jobs run in order of arrival."""

    def __init__(self, name: str, *, limit: int, only_reads: bool = False) -> None:
        """Start nothing yet: the thread begins with the first job. `limit` counts jobs.

        `only_reads`: its jobs change nothing, so one may be run a second time; see
        Note [Dead while idle].
        """
        self.name = name
        self.limit = limit
        self.only_reads = only_reads
        self._waiting = 0
        self._lock = threading.Lock()
        self._away_at = 0.0  # when the last job without a connection gave up; see Note [Away]
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"lane-{name}")

    async def run(self, job: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `job` in the lane and return its result.

        Raises:
            LaneFull: the queue is at its limit; the job was not started.
        """
        with self._lock:
            if self._waiting >= self.limit:
                raise LaneFull(f"The {self.name} queue is full.")
            self._waiting += 1
        turn = _Turn(time.perf_counter())
        future = self._executor.submit(self._work, turn, lambda: job(*args, **kwargs))
        # Not in _work: a job whose caller left before its turn never runs, and leaves too.
        future.add_done_callback(self._leave)
        try:
            return await asyncio.wrap_future(future)
        finally:
            turn.spend()

    def _work(self, turn: "_Turn", job: Callable[[], R]) -> R:
        turn.begun_at = time.perf_counter()
        try:
            if turn.came_at < self._away_at:
                raise OperationalError("The database is away.")
            return _attempt(job, may_repeat=self.only_reads)
        except NoConnection:
            self._away_at = time.perf_counter()
            raise
        finally:
            turn.ended_at = time.perf_counter()

    def _leave(self, _: Future[R]) -> None:
        with self._lock:
            self._waiting -= 1

    def close_connection(self) -> None:
        """Give the lane's connection back, as before a test database is dropped. Blocks."""
        self._executor.submit(_close_own_connection).result()


class _Turn:
    """When one job came, began and ended; in seconds of the performance counter, 0.0: not yet."""

    __slots__ = ("begun_at", "came_at", "ended_at")

    def __init__(self, came_at: float) -> None:
        self.came_at = came_at
        self.begun_at = self.ended_at = 0.0

    def spend(self) -> None:
        """Tell the request how long it stood in line, and how long its job took."""
        if self.ended_at:  # or the caller left before
            timing.spend("queue", self.begun_at - self.came_at)
            timing.spend("db", self.ended_at - self.begun_at)


def _attempt(job: Callable[[], R], *, may_repeat: bool) -> R:
    before = connection.connection
    try:
        return job()
    except (OperationalError, InterfaceError) as error:
        found_none = before is None and connection.connection is None
        # The end of an `atomic` block may have replaced a dead one already.
        died = before is not None and (
            connection.connection is not before or not connection.is_usable()
        )
        close_dead()  # or it is well: then this costs little, and whoever comes next is safe
        if found_none:
            raise NoConnection(*error.args) from error
        if not (may_repeat and died):
            raise
    return _attempt(job, may_repeat=False)


def close_if_dead() -> None:
    """Let this thread open a fresh connection if the one it has died; see Note [Dead while idle].

    Asks the server, so it is for what is rare, like a check of readiness.
    """
    if connection.connection is not None and not connection.is_usable():
        close_dead()


def close_dead() -> None:
    """Close this thread's connection, and let the pool throw out what died with it.

    The pool would find its dead ones too, but one by one, with pauses that grow from a second:
    behind three of them nobody gets a connection before the time is up.
    """
    connection.close()
    pool = getattr(connection, "pool", None)  # PostgreSQL's alone
    if pool is not None:
        pool.check()


def _close_own_connection() -> None:
    connection.close()  # the name stands for another connection in each thread


READS = Lane("reads", limit=2000, only_reads=True)
