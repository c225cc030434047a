"""The api role alone, in a process that may be killed, on a database that outlives it.

The command is the Procfile's own, so the proofs are about what people run.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from deploy.run import commands
from tests.site import (
    ROOT,
    alive,
    descendants,
    execute,
    free_port,
    rows,
    site_environment,
    wait_for,
)

LEAVE_S = 60.0


@dataclass
class Server:
    """One running api role."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path

    @property
    def url(self) -> str:
        """Where the API begins."""
        return f"http://127.0.0.1:{self.port}/api/v1"

    def ready(self) -> bool:
        """Say whether it may be sent buyers."""
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        try:
            return httpx.get(f"{self.url}/ready", timeout=20).status_code == 200
        except httpx.HTTPError:
            return False

    def wait_until_ready(self) -> None:
        """Wait until it may be sent buyers."""
        wait_for(self.ready, what=f"{self.url} to be ready")

    def workers(self) -> list[psutil.Process]:
        """Return the processes that may hold a till."""
        return [psutil.Process(self.process.pid), *descendants(self.process.pid)]

    def kill(self) -> None:
        """End it as a power cut would: no handler runs, nothing is flushed."""
        family = descendants(self.process.pid)
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        psutil.wait_procs(family, timeout=LEAVE_S)

    def ask_to_leave(self) -> None:
        """Send what a platform sends before it takes a process away."""
        self.process.send_signal(signal.SIGTERM)

    def wait_until_left(self) -> None:
        """Wait until it has ended by itself."""
        self.process.wait(LEAVE_S)

    def end(self) -> None:
        """End it for good, politely if possible; nothing below it is left."""
        below = descendants(self.process.pid)
        if self.process.poll() is None:
            self.ask_to_leave()
            try:
                self.wait_until_left()
            except subprocess.TimeoutExpired:
                self.kill()
        for orphan in alive(below):
            orphan.kill()


@dataclass
class Shop:
    """A database with stock and a key, and where its api role listens."""

    folder: Path
    environment: dict[str, str]
    key: str = ""
    vacancies: dict[str, int] = field(default_factory=dict)  # name: id

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database, past everything that the product has in between."""
        return rows(self.environment["DATABASE_URL"], query)

    def write(self, statement: str) -> None:
        """Change the database behind the product's back."""
        execute(self.environment["DATABASE_URL"], statement)

    def run(self, *arguments: str, timeout_s: float = 240) -> "subprocess.CompletedProcess[str]":
        """Run Python on this shop's database and wait for it."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )

    def stock(self, **capacities: int) -> None:
        """Put more vacancies on sale, by name."""
        done = self.run("-m", "tests.shop_stock", json.dumps(capacities))
        assert done.returncode == 0, done.stderr
        made = json.loads(done.stdout)
        self.key = made["key"]
        self.vacancies |= made["vacancies"]

    @contextmanager
    def api(self, *, port: int | None = None, **environment: str) -> Iterator[Server]:
        """Run an api role until the end of the block, whatever happens."""
        server = self.start(port=port, **environment)
        try:
            server.wait_until_ready()
            yield server
        finally:
            server.end()

    def start(self, *, port: int | None = None, **environment: str) -> Server:
        """Start an api role; the caller ends it."""
        port = port or int(self.environment["API_PORT"])
        with_port = self.environment | {"API_PORT": str(port), "API_WORKERS": "1"} | environment
        log = self.folder / f"api-{port}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                commands(with_port)["api"],
                cwd=ROOT,
                env=with_port,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Server(process, port, log)

    def client(self, server: Server) -> httpx.Client:
        """Return a buyer's client with this shop's key."""
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=server.url, headers=headers, timeout=60)


def open_shop(folder: Path, *, database_url: str | None = None, **capacities: int) -> Shop:
    """Make a database with these vacancies on sale and a key that may buy."""
    environment = site_environment(folder) if database_url is None else _elsewhere(database_url)
    ours = {"TICKETSITE_VAR": str(folder / "var"), "TICKETSITE_RATE_LIMIT": "0"}
    shop = Shop(folder, environment | ours)
    shop.stock(**capacities)
    return shop


def _elsewhere(database_url: str) -> dict[str, str]:
    ports = {"PORT": str(free_port()), "API_PORT": str(free_port()), "HOST": "127.0.0.1"}
    return {**os.environ, **ports, "TICKETSITE_ENV": "development", "DATABASE_URL": database_url}


def buy(
    client: httpx.Client, vacancy: int, *, key: str, qty: int = 1, **buyer: str
) -> httpx.Response:
    """Ask for places as the documentation says."""
    return client.post(
        "/purchases",
        json={"vacancy": vacancy, "qty": qty, "buyer": buyer},
        headers={"Idempotency-Key": key},
    )
