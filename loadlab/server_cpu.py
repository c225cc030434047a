"""The processor time of whoever serves the target, where that is on this machine.

The server is who listens on the target's port, and everything below it: a server with several
processes may keep the socket in the first one and do the work in its children. A database, or a
server behind a proxy, is somebody else. Who listens is looked up once and again when it has gone,
never every second: that walk goes through all processes of the machine.
"""

from collections.abc import Collection
from contextlib import suppress

import psutil

from loadlab.processes import family, is_here, listeners

LOOK_AGAIN_S = 5.0  # while nobody is found: a server may be on its way up
SHORTEST_SPAN_S = 0.5  # processor time is counted in ticks of 10 ms


class ServerCpu:
    """Watches the processes that serve one address."""

    def __init__(self, *, addresses: Collection[str], port: int, now_s: float) -> None:
        """Begin to watch; `now_s` is monotonic."""
        self._addresses, self._port = addresses, port
        self._heads: list[psutil.Process] = []
        self._look_at_s = now_s if is_here(addresses) else float("inf")
        self._spent_s: dict[psutil.Process, float] = {}
        self.begin(now_s=now_s)

    def begin(self, *, now_s: float) -> None:
        """Forget what was spent until now."""
        if not self._heads or not all(map(_is_alive, self._heads)):
            self._look(now_s)
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

    def _look(self, now_s: float) -> None:
        if now_s < self._look_at_s:
            self._heads = []
            return
        self._heads = listeners(addresses=self._addresses, port=self._port)
        if not self._heads:
            self._look_at_s = now_s + LOOK_AGAIN_S

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
