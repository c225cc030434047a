"""The load generator as a child process: started, heard, and ended, whatever happens.

Note [A child process, never an import]
    Importing Locust replaces the standard library's sockets, threads and signals for gevent, at
    once and for the whole process; a Django process does not survive that. So Locust runs in a
    child with a process group of its own, gets nothing of Django's environment (no database
    address, no secret key), and talks through a pipe that only it holds: when it dies, however
    it dies, the pipe ends.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from select import select

from loadlab import wire

ROOT = Path(__file__).resolve().parent.parent
LOCUSTFILES = ROOT / "loadlab" / "locustfiles"
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")
LOG_TAIL_BYTES = 2000


@dataclass(frozen=True)
class Load:
    """What the generator is told; times in seconds."""

    locustfile: str
    target: str
    key: str
    user_count: int
    think_time_s: float
    duration_s: float
    stop_timeout_s: float


class Generator:
    """One Locust process group and its pipe."""

    def __init__(self, load: Load) -> None:
        """Start the process."""
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # closed in end()
        self._read_fd, write_fd = os.pipe()
        self._buffer = b""
        self.at_end = False
        try:
            self._process = subprocess.Popen(
                _command(load),
                env=_environment(load, write_fd),
                cwd=ROOT,
                pass_fds=(write_fd,),
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except BaseException:
            os.close(self._read_fd)
            self._log.close()
            raise
        finally:
            os.close(write_fd)  # ours must go, or the pipe never ends

    @property
    def pid(self) -> int:
        """The process, which also leads its group."""
        return self._process.pid

    def lines(self, *, wait_s: float) -> Iterator[wire.Line]:
        """Yield what has arrived, waiting at most `wait_s` for something; sets `at_end`.

        Raises:
            loadlab.wire.WireError: what arrived is not ours.
        """
        ready, _, _ = select([self._read_fd], [], [], wait_s)
        if not ready:
            return
        chunk = os.read(self._read_fd, 65536)
        self.at_end = not chunk
        *complete, self._buffer = (self._buffer + chunk).split(b"\n")
        if len(self._buffer) > wire.MAX_LINE_BYTES:
            raise wire.WireError("a line of the load generator does not end")
        for raw in complete:
            yield wire.decode(raw)

    def ask_to_stop(self) -> None:
        """Let the users finish their requests, report and leave (SIGTERM)."""
        self._signal(signal.SIGTERM)

    def end(self, *, grace_s: float = 1.0) -> str:
        """Make sure that nothing of it is left, and say how the process ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=grace_s)
        self._signal(signal.SIGKILL)  # the group: also what it may have started
        code = self._process.wait()
        os.close(self._read_fd)
        tail = self._log_tail()
        self._log.close()
        return _how_it_ended(code, tail)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _log_tail(self) -> str:
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - LOG_TAIL_BYTES))
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""


def _how_it_ended(code: int, last_words: str) -> str:
    if code < 0:
        return f"killed by signal {-code} ({signal.strsignal(-code)})"
    return f"exit code {code}" + (f": {last_words}" if code and last_words else "")


def _command(load: Load) -> list[str]:
    # fmt: off
    return [
        sys.executable, "-m", "locust",
        "-f", str(LOCUSTFILES / load.locustfile),
        "--host", load.target,
        "--headless", "--only-summary", "--loglevel", "WARNING",
        "--users", str(load.user_count),
        "--spawn-rate", str(load.user_count),  # at once: the buyers spread themselves
        "--stop-timeout", f"{load.stop_timeout_s:.0f}",
        # The reporter ends the run on its own clock; this is the net below it.
        "--run-time", f"{int(load.duration_s) + 60}s",
        "--exit-code-on-error", "0",  # failed requests are a finding, not a broken generator
    ]
    # fmt: on


def _environment(load: Load, write_fd: int) -> dict[str, str]:
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return kept | {
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "LOADLAB_PIPE_FD": str(write_fd),
        "LOADLAB_KEY": load.key,  # in the environment: arguments can be read by everyone
        "LOADLAB_THINK_TIME_S": str(load.think_time_s),
        "LOADLAB_USER_COUNT": str(load.user_count),
        "LOADLAB_DURATION_S": str(load.duration_s),
    }
