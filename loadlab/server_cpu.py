"""The processor time of whoever serves the target, where that is on this machine.

The server is who listens on the target's port, and everything below it: a server with several
processes may keep the socket in the first one and do the work in its children. A database, or a
server behind a proxy, is somebody else. Who listens is looked up when that has changed, never
every second: that walk goes through all processes of the machine.
"""

from collections.abc import Collection
from contextlib import suppress

import psutil

from loadlab.processes import family, is_here, listeners, listening_sockets

SHORTEST_SPAN_S = 0.5  # processor time is counted in ticks of 10 ms


class ServerCpu:
    """Watches the processes that serve one address."""

    def __init__(self, *, addresses: Collection[str], port: int, now_s: float) -> None:
        """Begin to watch; `now_s` is monotonic."""
        self._addresses, self._port = addresses, port
        self._heads: list[psutil.Process] = []
        self._is_here = is_here(addresses)
        self._sockets: frozenset[str] = frozenset()
        self._spent_s: dict[psutil.Process, float] = {}
        self.begin(now_s=now_s)

    def begin(self, *, now_s: float) -> None:
        """Forget what was spent until now."""
        if self._is_here:
            self._look()
        self._at_s, self._spent_s = now_s, self._read()

    def pct(self, *, now_s: float) -> float | None:
        """Return the time spent since the last figure, in % of one core; several may pass 100.

        None if it is not known: the server is elsewhere, is not there, has just been started, or
        belongs to somebody else; or it was asked for again too soon.
        """
        elapsed_s = now_s - self._at_s
        if elapsed_s < SHORTEST_SPAN_S:
            return None
        before = self._spent_s
        self.begin(now_s=now_s)
        # A process counts from the first look at it on; what one spent that has gone is lost.
        used_s = [spent - before[one] for one, spent in self._spent_s.items() if one in before]
        return 100 * max(0.0, sum(used_s)) / elapsed_s if used_s else None

    def _look(self) -> None:
        """Find out who listens, if others do than before: one has gone, or one more has come."""
        before, self._sockets = self._sockets, listening_sockets(self._port)
        if self._sockets == before and all(map(_is_alive, self._heads)):
            return
        self._heads = []
        if self._sockets:
            self._heads = listeners(addresses=self._addresses, port=self._port)

    def _read(self) -> dict[psutil.Process, float]:
        found = {}
        for pid in (pid for head in self._heads for pid in family(head.pid)):
            with suppress(psutil.Error):  # it has ended, or may not be looked at
                process = psutil.Process(pid)
                times = process.cpu_times()
                found[process] = float(times.user + times.system)
        return found


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
