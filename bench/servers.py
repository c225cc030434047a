"""Real server processes: started, waited for, weighed, and ended."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from bench.postgres import cpu_of
from bench.site import ROOT, free_port

START_TIMEOUT_S = 60.0
LEAVE_S = 20.0
BIN = Path(sys.executable).parent
# How each server is started; $NAMES as in the Procfile. One way each, the fastest that its own
# documentation names, and nothing logged.
COMMANDS = {
    "granian": "granian --interface asginl --no-ws --log-level warning "
    "--host $HOST --port $API_PORT --workers $API_WORKERS $APP",
    "uvicorn": "uvicorn --ws none --lifespan off --no-access-log "
    "--no-proxy-headers --timeout-keep-alive 75 --timeout-graceful-shutdown 5 --log-level warning "
    "--host $HOST --port $API_PORT --workers $API_WORKERS $APP",
    "daphne": "daphne -v 0 -b $HOST -p $API_PORT $APP",
}
SERVERS = tuple(COMMANDS)


@dataclass(frozen=True)
class App:
    """What a server runs: an ASGI application, its settings, and where it says that it is ready."""

    path: str
    settings: str
    ready: str


API = App("ticketsite.asgi:api_application", "bench.settings", "/api/v1/ready")
EVERYTHING = App("ticketsite.asgi:application", "bench.settings", "/api/v1/ready")
TEXTBOOK = App("bench.textbook_asgi:application", "bench.textbook_settings", "/textbook/ready")


def chosen_server() -> str:
    """Return the server that the api role runs on: the first word of its line in the Procfile."""
    [line] = [
        line for line in (ROOT / "Procfile").read_text().splitlines() if line.startswith("api:")
    ]
    return line.split()[1]


@dataclass(frozen=True)
class Server:
    """A running server and all its processes."""

    url: str
    process: "subprocess.Popen[bytes]"

    def cpu_s(self) -> float:
        """Return the processor seconds that all its processes have used so far."""
        return sum(cpu_of(process) for process in self._family())

    def memory_bytes(self) -> int:
        """Return what all its processes hold in memory (resident)."""
        return sum(process.memory_info().rss for process in self._family())

    def _family(self) -> list[psutil.Process]:
        head = psutil.Process(self.process.pid)
        return [head, *head.children(recursive=True)]


@contextmanager
def running_server(
    name: str, app: App, *, database_url: str, process_count: int = 1
) -> Iterator[Server]:
    """Start a server and wait until it is ready; end it afterwards, whatever happens."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="ticketsite-bench-") as folder:
        environment = server_environment(app, database_url, folder)
        words = command(name, app, port=port, process_count=process_count)
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(
                words, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(process, url + app.ready, log=Path(folder) / "log")
            yield Server(url, process)
        finally:
            _end(process)


def command(name: str, app: App, *, port: int, process_count: int) -> list[str]:
    """Return the words that start a server."""
    values = {"$HOST": "127.0.0.1", "$API_PORT": str(port), "$API_WORKERS": str(process_count)}
    values["$APP"] = app.path
    program, *words = COMMANDS[name].split()
    return [str(BIN / program), *(values.get(word, word) for word in words)]


def server_environment(app: App, database_url: str, folder: str) -> dict[str, str]:
    """Return the environment of a server with a database and files of its own."""
    return {
        **os.environ,
        "TICKETSITE_ENV": "development",
        "TICKETSITE_VAR": folder,
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": app.settings,
        "PYTHONUNBUFFERED": "1",
    }


def _wait_until_ready(process: "subprocess.Popen[bytes]", url: str, *, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise SystemExit(f"{url} did not become ready:\n{log.read_text()[-2000:]}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=LEAVE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
