"""How long the load generator wanted a processor and got none.

A process that waits for a core sees the server as slow, and its own processor time says nothing
of it: it is low exactly because others run. Linux counts the time on the run queue for each
thread (/proc/PID/schedstat, second number, nanoseconds); the generator does its work in one.
Elsewhere there is no such figure, and none is made up.
"""

from pathlib import Path

from loadlab.processes import family

PROC = Path("/proc")
NS_PER_S = 1e9


class Starvation:
    """Watches one process and those below it; the one that waited most counts."""

    def __init__(self, pid: int, *, now_s: float) -> None:
        """Begin to watch; `now_s` is monotonic."""
        self._pid = pid
        self._at_s = now_s
        self._waited_ns = self._read()

    def pct(self, *, now_s: float) -> float | None:
        """Return the share of the time since the last call spent waiting, None if not known."""
        before, self._waited_ns = self._waited_ns, self._read()
        elapsed_s, self._at_s = now_s - self._at_s, now_s
        waits = [ns - before[pid] for pid, ns in self._waited_ns.items() if pid in before]
        if not waits or elapsed_s <= 0:
            return None
        return min(100.0, 100 * max(waits) / NS_PER_S / elapsed_s)

    def _read(self) -> dict[int, int]:
        found = {}
        for pid in family(self._pid):
            try:
                found[pid] = int((PROC / str(pid) / "schedstat").read_text().split()[1])
            except (OSError, ValueError, IndexError):
                continue  # it has ended, or this is no Linux
        return found
