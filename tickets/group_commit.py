"""Group commit: all sales of a process wait in one line, and whoever waits is served together.

Note [Group commit]
    A transaction costs about as much to commit as to fill, and the disk can do only so many
    commits a second. So whoever waits at this moment is served together, with one COMMIT; the
    next batch gathers while that one is on its way. A lone buyer waits for nobody: there is no
    timer. First come, first served; an answer leaves only after COMMIT; the line is bounded,
    so a flood is refused with `overloaded` instead of waiting for seconds. docs/speed.md has the
    measurement: how many times as many sales as with one transaction each.

    Work belongs to the line and not to a request, so a client that hangs up cannot cut a
    transaction in half. What changes stock without selling stands in the same line: SQLite has
    one writer, and two in one process would only make each other wait.
"""

import asyncio
import atexit
import math
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS, connection, connections

from tickets import selling
from tickets.answering import serve_batch
from tickets.express import Begun
from tickets.home_loop import HomeLoop
from tickets.line import Line
from tickets.waiting import Answered, Waiting, deliver, present
from vacancy import timing

R = TypeVar("R")

SQLITE_PAUSE_S = 0.001  # with more behind a batch: another process could never write otherwise
DRAIN_S = 10.0
RING_S = 0.1


class GroupCommit:
    """A line and who serves it: a thread, or an event loop (tickets.home_loop)."""

    def __init__(self, *, limit: int) -> None:
        """Start nothing yet. `limit` counts those who wait."""
        self.line = Line(limit=limit)
        self.home = HomeLoop(self.line, self._answer)
        self._thread: threading.Thread | None = None

    async def serve(self, one: Waiting) -> Any:
        """Stand in line, and return or raise what was answered.

        Raises:
            LaneFull: too many wait already, or the process is ending; nothing was done.
        """
        if not self.home.serve_alone(one):
            self._join(one)
        try:
            return await one.answer
        finally:
            if one.ended_at:  # or the caller left before
                timing.spend("queue", one.began_at - one.came_at)
                timing.spend("db", one.ended_at - one.began_at)

    async def serve_job(self, job: Callable[[], R]) -> R:
        """Run `job` in its turn."""
        return cast(R, await self.serve(Waiting(job)))

    def _join(self, one: Waiting) -> None:
        line = self.line
        with line.lock:
            line.end_turn_of_stopped_loop()
            line.refuse_if_full()
            if self._thread is None:
                thread = threading.Thread(target=self._work, name="till", daemon=True)
                thread.start()
                self._thread = thread
                atexit.register(self.close)
            line.waiting.append(one)
            if line.is_idle and not line.is_ringing:
                line.is_ringing = True
                # Not at once: who comes in the same turn of the event loop is served together.
                one.loop.call_soon(self._announce, one.loop)

    def _announce(self, loop: asyncio.AbstractEventLoop) -> None:
        with self.line.lock:
            self.line.is_ringing = False
            if not self.line.is_idle or not self.home.start_driver(loop):
                self.line.ring()

    def close(self) -> None:
        """Serve who is in the line, accept nobody else, and end the thread."""
        with self.line.lock:
            self.line.is_closing = True
            self.line.end_turn_of_stopped_loop()
            self.line.ring()
        if self._thread is not None:
            self._thread.join(DRAIN_S)
        self.home.close()

    def close_connection(self) -> None:
        """Give the connections back, as before a test database is dropped. Blocks."""
        asyncio.run(self.serve_job(_close_own_connection))
        self.home.close()

    # The thread.

    def _work(self) -> None:
        ended_at = -math.inf
        while work := self._next_work():
            was_quiet = time.perf_counter() - ended_at >= SQLITE_PAUSE_S
            work()
            # Not behind the first after a quiet moment: others had that, and two buyers who
            # happen to meet are no crowd.
            if self.line.waiting and not was_quiet and connection.vendor == "sqlite":
                time.sleep(SQLITE_PAUSE_S)
            ended_at = time.perf_counter()
        connection.close()

    def _next_work(self) -> Callable[[], object] | None:
        """Wait for something to do: what a loop hands over, or whoever waits in no loop's turn."""
        line = self.line
        while True:
            with line.lock:
                if line.handed:
                    return line.handed.popleft()
                if line.turn is None:
                    if line.waiting and (line.is_closing or not line.is_ringing):
                        line.is_idle = False
                        return partial(self._answer, line.take())
                    if line.is_closing:
                        return None
                    line.is_idle = True
                timeout_s = RING_S if line.is_ringing else None
            if not line.wait_for_bell(timeout_s):
                with line.lock:
                    line.is_ringing = False  # the loop that should have announced them has ended

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
            with self.line.lock:
                behind = self.line.take_all()
            # What was begun may have happened.
            for_batch = error if begun is None else selling.outcome_unknown()
            answers: list[Answered] = [(one, for_batch) for one in batch]
            answers += [(one, error) for one in behind]
        else:
            answers = serve_batch(present(batch) if begun is None else batch, begun)
        deliver(answers, began_at)
        is_there = own.connection is not None
        if is_there:
            self.home.forget_stock()
        return is_there


def _close_own_connection() -> None:
    connection.close()  # the name stands for another connection in each thread
