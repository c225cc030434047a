"""Lines to the supervisor, and never a wait for it: a full pipe must not slow the load."""

import gevent
from gevent.os import make_nonblocking, nb_write
from gevent.queue import Full, Queue

import os
from collections.abc import Callable

from loadlab import wire

QUEUE_LINES = 120  # two minutes of a reader that does not read
DRAIN_S = 3.0


class Pipe:
    """A non-blocking line writer with a bounded queue; what does not fit is counted."""

    def __init__(self, fd: int, *, on_broken: Callable[[], None]) -> None:
        """Take over `fd`; `on_broken` is called once when nobody reads any more."""
        make_nonblocking(fd)
        self.lost_count = 0
        self._fd = fd
        self._queue: Queue = Queue(maxsize=QUEUE_LINES)
        self._on_broken = on_broken
        self._writer = gevent.spawn(self._write_forever)

    def send(self, line: wire.Line) -> None:
        """Queue a line, or count it as lost."""
        try:
            self._queue.put_nowait(wire.encode(line))
        except Full:
            self.lost_count += 1

    def close(self) -> None:
        """Write what is queued, for a few seconds at most, and close."""
        try:
            self._queue.put(None, timeout=DRAIN_S)
            self._writer.join(timeout=DRAIN_S)
        except Full:
            pass
        os.close(self._fd)

    def _write_forever(self) -> None:
        for raw in iter(self._queue.get, None):
            rest = raw
            while rest:
                try:
                    rest = rest[nb_write(self._fd, rest) :]
                except OSError:
                    self._on_broken()
                    return
