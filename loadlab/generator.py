"""The load generator as a child process: started, heard, and ended, whatever happens.

Note [A child process, never an import]
    Importing Locust replaces the standard library's sockets, threads and signals for gevent, at
    once and for the whole process; a Django process does not survive that. So Locust runs in a
    child with a process group of its own, gets nothing of Django's environment (no database
    address, no secret key), and talks through a pipe that only it holds: when it dies, however
    it dies, the pipe ends.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from select import select

from loadlab import wire

ROOT = Path(__file__).resolve().parent.parent
LOCUSTFILES = ROOT / "loadlab" / "locustfiles"
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")
LOG_TAIL_BYTES = 2000


@dataclass(frozen=True)
class Load:
    """What the generator is told; `values` are the run's settings by the names of their fields.

    With a `master_bind` ("host:port") the workers are elsewhere and come to this address. Without,
    more than one of them are started here and meet on the loopback interface.
    """

    locustfile: str
    loop: str  # "open" or "closed"
    target: str
    key: str
    vacancy_id: int
    values: Mapping[str, float]
    stop_timeout_s: float
    master_bind: str = ""

    @property
    def worker_count(self) -> int:
        """How many processes send requests."""
        return int(self.values.get("worker_count", 1))

    @property
    def workers_here(self) -> int:
        """How many processes to start beside the first one."""
        return 0 if self.master_bind or self.worker_count == 1 else self.worker_count


class Generator:
    """One Locust process group and its pipe."""

    def __init__(self, load: Load) -> None:
        """Start the process, and its workers if there are to be any."""
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # closed in end()
        self._read_fd, write_fd = os.pipe()
        self._buffer = b""
        self._workers: list[subprocess.Popen[bytes]] = []
        self.at_end = False
        bound = replace(load, master_bind=_loopback()) if load.workers_here else load
        try:
            environment = _environment(bound, write_fd)
            self._process = self._start(_command(bound), environment, group=0, fds=(write_fd,))
            for _ in range(load.workers_here):
                self._start_worker(bound)
        except BaseException:
            self._let_go()
            raise
        finally:
            os.close(write_fd)  # ours must go, or the pipe never ends

    def _start(
        self, command: list[str], environment: dict[str, str], *, group: int, fds: tuple[int, ...]
    ) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            command,
            env=environment,
            cwd=ROOT,
            pass_fds=fds,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            process_group=group,
        )

    def _start_worker(self, load: Load) -> None:
        try:
            worker = self._start(_worker_command(load), _kept(), group=self.pid, fds=())
        except BaseException:
            self._signal(signal.SIGKILL)
            self._reap()
            raise
        self._workers.append(worker)

    def _reap(self) -> int:
        for worker in self._workers:
            worker.wait()
        return self._process.wait()

    def _let_go(self) -> None:
        os.close(self._read_fd)
        self._log.close()

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
        """Let the users finish their requests, report and leave (SIGTERM).

        Only the first process is told: a master tells its workers, here and elsewhere, and waits
        for their last reports. Told all at once, they would leave before it has heard them.
        """
        self._process.send_signal(signal.SIGTERM)

    def end(self, *, grace_s: float = 1.0) -> str:
        """Make sure that nothing of it is left, and say how the process ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=grace_s)
        self._signal(signal.SIGKILL)  # the group: also what it may have started
        code = self._reap()
        tail = self._log_tail()
        self._let_go()
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


def _loopback() -> str:
    """Return an address that only this machine reaches and nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def _command(load: Load) -> list[str]:
    # In an open loop one user walks through the timetable, in each process.
    user_count = load.worker_count if load.loop == "open" else int(load.values["user_count"])
    # fmt: off
    return [
        *_locust(load),
        "--host", load.target,
        "--headless", "--only-summary",
        "--users", str(user_count),
        "--spawn-rate", str(user_count),  # at once: the buyers spread themselves
        "--stop-timeout", f"{load.stop_timeout_s:.0f}",
        # The reporter ends the run on its own clock; this is the net below it.
        "--run-time", f"{int(load.values['duration_s']) + 60}s",
        "--exit-code-on-error", "0",  # failed requests are a finding, not a broken generator
        *_master_flags(load),
    ]
    # fmt: on


def _master_flags(load: Load) -> list[str]:
    if not load.master_bind:
        return []
    host, port = load.master_bind.rsplit(":", 1)
    # fmt: off
    return [
        "--master", "--master-bind-host", host, "--master-bind-port", port,
        "--expect-workers", str(load.worker_count),
    ]
    # fmt: on


def _worker_command(load: Load) -> list[str]:
    host, port = load.master_bind.rsplit(":", 1)
    return [*_locust(load), "--worker", "--master-host", host, "--master-port", port]


def _locust(load: Load) -> list[str]:
    file = str(LOCUSTFILES / load.locustfile)
    return [sys.executable, "-m", "locust", "-f", file, "--loglevel", "WARNING"]


def _environment(load: Load, write_fd: int) -> dict[str, str]:
    chosen = {"key": load.key, "vacancy_id": load.vacancy_id, "values": dict(load.values)}
    return _kept() | {
        "LOADLAB_PIPE_FD": str(write_fd),
        # In the environment: arguments can be read by everyone. A master tells its workers.
        "LOADLAB_CHOSEN": json.dumps(chosen),
    }


def _kept() -> dict[str, str]:
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
