"""A whole ticketsite in processes of its own, started as `make run` starts it."""

import contextlib
import itertools
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from tests.backends import BACKEND

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 240.0
PATIENCE_S = 150.0  # with anything that must happen; costs nothing as long as it does
# Below the range from which the system takes ports for connections: nobody gets one in between.
# Another run of the suite, beside this one, begins elsewhere.
PORTS = itertools.chain(range(20_000 + os.getpid() * 997 % 10_000, 32_000), range(20_000, 32_000))


def wait_for(condition: Callable[[], Any], *, what: str, timeout_s: float = PATIENCE_S) -> Any:
    """Wait for a condition, with a time limit, and return what it returned."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {timeout_s:.0f} s for {what}"
        time.sleep(0.05)
    return found


def free_port() -> int:
    """Return a port that nobody listens on, and that is given to nobody else in this process."""
    for port in PORTS:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("every port is in use")


def descendants(pid: int) -> list[psutil.Process]:
    """Return all processes below one, whatever session or group they moved to."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def locust_processes(pid: int) -> list[psutil.Process]:
    """Return the load generators below a process."""
    found = []
    for process in descendants(pid):
        try:
            if "locust" in process.cmdline():
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Return those that still run (a zombie does not)."""
    return [
        process
        for process in processes
        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    ]


@dataclass
class Site:
    """A running site: where it is and how to get in."""

    process: "subprocess.Popen[str]"
    environment: dict[str, str]
    web: str
    api: str
    username: str
    password: str
    key: str
    log: Path

    def manage(self, *arguments: str, timeout_s: float = 240) -> "subprocess.CompletedProcess[str]":
        """Run a management command on this site's database and wait for it."""
        return subprocess.run(
            self._manage(arguments),
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )

    @contextmanager
    def manage_in_background(self, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
        """Start a management command on this site's database; at the end it is ended."""
        process = subprocess.Popen(
            self._manage(arguments),
            env=self.environment,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            end(process)

    @staticmethod
    def answers(port: int) -> bool:
        """Say whether somebody serves pages on this port."""
        try:
            return httpx.get(f"http://127.0.0.1:{port}/admin/login/", timeout=20).status_code == 200
        except httpx.HTTPError:
            return False

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask this site's database, past everything that the product has in between."""
        return rows(self.environment["DATABASE_URL"], query)

    @contextmanager
    def operator(self) -> Iterator[httpx.Client]:
        """A logged-in browser session without a browser."""
        with httpx.Client(base_url=self.web, follow_redirects=True, timeout=60) as client:
            client.get("/admin/login/")
            answer = self.post(
                client, "/admin/login/", username=self.username, password=self.password
            )
            assert "sessionid" in client.cookies, answer.text[:500]
            yield client

    @staticmethod
    def post(client: httpx.Client, path: str, **fields: str) -> httpx.Response:
        """Post a form with the session's CSRF token."""
        token = client.cookies["csrftoken"]
        return client.post(path, data={**fields, "csrfmiddlewaretoken": token})

    def _manage(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "manage.py", *arguments]


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """Ask a database, past everything that the product has in between."""
    if url.startswith("sqlite"):
        path = url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, timeout=60)) as connection:
            return connection.execute(query).fetchall()
    with psycopg.connect(url) as server:
        return server.execute(query.encode()).fetchall()


def execute(url: str, statement: str) -> None:
    """Change a database past everything that the product has in between."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=60)) as connection:
            connection.execute(statement)
            connection.commit()
        return
    with psycopg.connect(url) as server:
        server.execute(statement.encode())


def new_database(folder: Path) -> str:
    """Return the address of a fresh, empty database on the suite's backend."""
    if BACKEND == "sqlite":
        return f"sqlite:///{folder / 'site.sqlite3'}"
    server = os.environ["DATABASE_URL"]
    name = f"site_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return re.sub(r"/postgres$", f"/{name}", server)


def site_environment(folder: Path) -> dict[str, str]:
    """Return the environment of a site with ports, files and a database of its own."""
    return {
        **os.environ,
        "TICKETSITE_ENV": "development",
        "TICKETSITE_VAR": str(folder / "var"),
        "DATABASE_URL": new_database(folder),
        "HOST": "127.0.0.1",
        "PORT": str(free_port()),
        "API_PORT": str(free_port()),
        "COLUMNS": "160",
    }


@contextmanager
def running_site(folder: Path) -> Iterator[Site]:
    """Start a site, wait until it says that it runs, and end it whatever happens."""
    environment = site_environment(folder)
    log = folder / "site.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "deploy/run.py"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    try:
        wait_for(
            lambda: "is running" in log.read_text() or process.poll() is not None,
            timeout_s=START_TIMEOUT_S,
            what="the site to start",
        )
        assert process.poll() is None, log.read_text()
        known = json.loads((folder / "var" / "demo.json").read_text())
        yield Site(
            process=process,
            environment=environment,
            web=f"http://127.0.0.1:{environment['PORT']}",
            api=f"http://127.0.0.1:{environment['API_PORT']}",
            username=known["username"],
            password=known["password"],
            key=known["api_key"],
            log=log,
        )
    finally:
        end(process)


def end(process: "subprocess.Popen[str]") -> None:
    """End a launcher and everything below it."""
    below = descendants(process.pid)
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for orphan in alive(below):
        orphan.kill()
