"""The line in front of the till: who waits, and whose turn it is to serve them."""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue

from tickets.waiting import Waiting
from tickets.wishes import Wish
from vacancy.lanes import LaneFull

BATCH_LIMIT = 100
CROWD_S = 0.01  # it comes back together, so who comes first is not alone


class Turn:
    """For as long as it lasts, one event loop serves, and not the till's thread."""

    __slots__ = ("loop",)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop


class Line:
    """A bounded queue, and what those who serve it must agree on.

    Hold `lock` to read or change what is public, and to call what does not say otherwise.
    """

    def __init__(self, *, limit: int) -> None:
        """Begin empty. `limit` counts those who wait."""
        self.limit = limit
        self.lock = threading.Lock()
        self.waiting: deque[Waiting] = deque()
        self.handed: deque[Callable[[], object]] = deque()  # by an event loop to the thread
        self.turn: Turn | None = None  # None: the thread's
        self.is_idle = True  # nobody is served
        self.is_ringing = False  # somebody came, and is announced when this turn of a loop ends
        self.is_closing = False
        self.crowd_until = 0.0  # monotonic seconds
        self._bell: SimpleQueue[None] = SimpleQueue()  # rung too often, no harm

    def refuse_if_full(self) -> None:
        """Raise LaneFull if too many wait already, or the process is ending."""
        if len(self.waiting) >= self.limit or self.is_closing:
            raise LaneFull("The till queue is full.")

    def take(self, limit: int = BATCH_LIMIT) -> list[Waiting]:
        """Return who is first and whoever can be served with them: wishes, or one job."""
        batch = [self.waiting.popleft()]
        while (
            self.waiting
            and len(batch) < min(limit, BATCH_LIMIT)
            and isinstance(batch[0].what, Wish)
            and isinstance(self.waiting[0].what, Wish)
        ):
            batch.append(self.waiting.popleft())
        if len(batch) > 1:
            self.crowd_until = time.monotonic() + CROWD_S
        return batch

    def take_all(self) -> list[Waiting]:
        """Return everybody."""
        everybody = list(self.waiting)
        self.waiting.clear()
        return everybody

    def begin(self, loop: asyncio.AbstractEventLoop) -> Turn:
        """Let this loop serve."""
        self.is_idle, self.turn = False, Turn(loop)
        return self.turn

    def end(self, turn: Turn) -> None:
        """Let the thread go on if there is anything to do; everybody in this turn was answered.

        Does nothing if it is over already.
        """
        if self.turn is turn:
            self.turn, self.is_idle = None, not self.waiting
            if self.waiting or self.is_closing:
                self.ring()

    def break_off(self, turn: Turn) -> None:
        """Let the thread go on, which may be serving somebody of this turn, as in `end`."""
        if self.turn is turn:
            self.turn = None
            self.ring()

    def hand_over(self, work: Callable[[], object]) -> None:
        """Let the thread do this next."""
        self.handed.append(work)
        self.ring()

    def end_turn_of_stopped_loop(self) -> None:
        """Let the thread go on where a loop was stopped that served."""
        if self.turn is not None and not self.turn.loop.is_running():
            self.break_off(self.turn)

    def ring(self) -> None:
        """Wake the thread; needs no lock."""
        self._bell.put(None)

    def wait_for_bell(self, timeout_s: float | None) -> bool:
        """Block until it rings, and say whether it did; without the lock."""
        with contextlib.suppress(Empty):
            self._bell.get(timeout=timeout_s)
            return True
        return False
