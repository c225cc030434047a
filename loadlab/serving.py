"""The api role for the time of one command: started as the Procfile says, and ended with it."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import Template
from typing import BinaryIO
from urllib.parse import urlsplit

import httpx

ROOT = Path(__file__).resolve().parent.parent
READY_TIMEOUT_S = 180.0
LEAVE_S = 8.0
POLL_S = 0.1
LOG_TAIL_BYTES = 1000


class CannotServe(Exception):
    """The api role does not start; the message says why and what to do."""


@contextmanager
def api_role(*, target: str, worker_count: int) -> Iterator[None]:
    """Run the api role at `target`, an address of this machine, as long as the block lasts.

    Raises:
        CannotServe: the port is taken, or it is not ready in time.
    """
    parts = urlsplit(target)
    host, port = parts.hostname or "", parts.port or 80
    _check_port(host, port)
    words = _command(host=host, port=port, worker_count=worker_count)
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            words,
            cwd=ROOT,
            env={**os.environ, "HOST": host, "API_PORT": str(port)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            if not _is_ready(process, target):
                raise CannotServe(f"The api role did not start at {target}: {_last_line(log)}")
            yield
        finally:
            _end(process)


def _check_port(host: str, port: int) -> None:
    try:
        with socket.create_server((host, port), family=_family(host)):
            pass
    except OSError as error:
        raise CannotServe(
            f"Port {port} on {host} cannot be used ({error.strerror}): leave --serve out if the "
            "api role runs already, or choose another with API_PORT."
        ) from None


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _command(*, host: str, port: int, worker_count: int) -> list[str]:
    """Read the api line of the Procfile, with its $NAMES filled in."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    command = next(line.partition(":")[2] for line in lines if line.startswith("api:"))
    names = {"HOST": host, "API_PORT": str(port), "API_WORKERS": str(worker_count)}
    program, *words = shlex.split(Template(command).substitute(os.environ | names))
    beside_python = Path(sys.executable).parent / program
    return [str(beside_python) if beside_python.exists() else program, *words]


def _is_ready(process: "subprocess.Popen[bytes]", target: str) -> bool:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            ready = httpx.get(f"{target}/api/v1/ready", timeout=5, trust_env=False)
            if ready.status_code == 200:
                return True
        except httpx.HTTPError:
            pass
        time.sleep(POLL_S)
    return False


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ask the group to leave, wait, and kill what is left of it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=LEAVE_S)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def _last_line(log: BinaryIO) -> str:
    size = log.seek(0, os.SEEK_END)
    log.seek(max(0, size - LOG_TAIL_BYTES))
    lines = log.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing."
