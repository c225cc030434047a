"""A server that answers nobody and burns processor time on demand: its processes are what counts.

    python -m tests.lab.listening PORT

It says "ready", then does what each line of its input says, and answers with a line: the id of the
process that does the work. `burn` works in the listening process, `worker` in a child that was
given the socket, `bare worker` in a child that was not. `heir` is a worker that outlives the
process above it, for a minute at most. `hide` keeps its sockets from other people.
All of it ends with its input.
"""

import ctypes
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen

ROOT = Path(__file__).resolve().parent.parent.parent
HEIR_LIVES_S = 60
PR_SET_DUMPABLE = 4  # from linux/prctl.h


@dataclass(frozen=True)
class Listening:
    """A running server."""

    process: "Popen[str]"

    @property
    def pid(self) -> int:
        """The process that listens."""
        return self.process.pid

    def do(self, order: str) -> int:
        """Let it do something; return the id of the process that does it."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{order}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def kill(self) -> None:
        """End the listening process as a crash would. It stays a zombie: nobody reaps it yet."""
        self.process.kill()
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)


@contextmanager
def listening(port: int) -> Iterator[Listening]:
    """Listen for the length of a block."""
    command = [sys.executable, "-m", "tests.lab.listening", str(port)]
    process = Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True)
    assert process.stdin
    assert process.stdout
    try:
        assert process.stdout.readline() == "ready\n"
        yield Listening(process)
    finally:
        process.stdin.close()
        process.wait(timeout=20)
        process.stdout.close()


def _burn() -> None:
    parent = os.getppid()
    while os.getppid() == parent:
        pass


def _worker(server: socket.socket, *, is_bare: bool) -> int:
    pid = os.fork()
    if pid:
        return pid
    if is_bare:
        server.close()
    _burn()
    os._exit(0)


def _heir() -> int:
    pid = os.fork()
    if pid:
        return pid
    signal.alarm(HEIR_LIVES_S)
    while True:
        pass


def _obey(server: socket.socket, order: str) -> int:
    if order.endswith("worker"):
        return _worker(server, is_bare=order.startswith("bare"))
    if order == "heir":
        return _heir()
    if order == "burn":
        threading.Thread(target=_burn, daemon=True).start()
    if order == "hide":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    return os.getpid()


def _serve(port: int) -> None:
    with socket.create_server(("127.0.0.1", port), reuse_port=True) as server:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        for line in sys.stdin:
            sys.stdout.write(f"{_obey(server, line.strip())}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
