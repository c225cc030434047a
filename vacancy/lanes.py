"""Threads that do database work for the event loop.

Note [Lanes]
    Django's ORM is synchronous. Handing every query to `sync_to_async` costs a thread hop into a
    pool that all requests share, and whoever holds the thread holds a connection. A lane is one
    long-lived thread with one connection of its own and a bounded queue: reads never wait behind
    sales, and a flood is refused at the door instead of piling up. Work belongs to the lane, not
    to the request: a client that hangs up cannot cut a transaction in half.
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


class Lane:
    """One thread, one database connection, one bounded queue; jobs run in order of arrival."""

    def __init__(self, name: str, *, limit: int) -> None:
        """Start nothing yet: the thread begins with the first job. `limit` counts jobs."""
        self.name = name
        self.limit = limit
        self._waiting = 0
        self._lock = threading.Lock()
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
            return job()
        except (OperationalError, InterfaceError):
            # The connection may be dead (server restarted); the next job opens a fresh one.
            connection.close()
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


def _close_own_connection() -> None:
    connection.close()  # the name stands for another connection in each thread


READS = Lane("reads", limit=2000)
