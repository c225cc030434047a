"""What is on sale while measuring, how it is asked for, and whether the rows agree afterwards."""

import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.load import Request
from bench.servers import API, server_environment
from bench.site import ROOT

BUYER = {"name": "Ada Lovelace", "email": "ada@example.org"}
COUNT = """
    SELECT sold,
           (SELECT COALESCE(SUM(qty), 0) FROM tickets_purchase WHERE vacancy_id = v.id),
           (SELECT COUNT(*) FROM tickets_ticket t
              JOIN tickets_purchase p ON p.id = t.purchase_id WHERE p.vacancy_id = v.id)
      FROM vacancy_vacancy v WHERE name = 'Hot'
"""


@dataclass(frozen=True)
class Stock:
    """What a database was filled with: an API key, a hot vacancy and a sold-out one."""

    key: str
    hot: int
    gone: int

    def purchase(self) -> Request:
        """Return the request that buys one place of the hot vacancy."""
        return self._buy("/api/v1/purchases", self.hot)

    def floor(self) -> Request:
        """Return the same request to where nothing is sold."""
        return self._buy("/api/v1/bench/floor", self.hot)

    def textbook(self) -> Request:
        """Return the same request to the textbook."""
        return self._buy("/textbook/purchases", self.hot)

    def refused(self) -> Request:
        """Return the same request for the sold-out vacancy."""
        return self._buy("/api/v1/purchases", self.gone)

    def refused_without_key(self) -> Request:
        """Return the short form's request for the sold-out vacancy, from nobody in particular."""
        body = json.dumps({"qty": 1, "vacancy": self.gone})
        return Request("/api/v1/purchase", "POST", body)

    def _buy(self, path: str, vacancy: int) -> Request:
        body = json.dumps({"vacancy": vacancy, "qty": 1, "buyer": BUYER})
        return Request(path, "POST", body, self.key, keyed=True)


@dataclass(frozen=True)
class Sold:
    """The hot vacancy: its counter, and what its rows add up to."""

    counter: int
    purchased: int
    tickets: int

    @property
    def drift(self) -> int:
        """Places that the counter, the purchases and the tickets disagree about."""
        return abs(self.counter - self.purchased) + abs(self.purchased - self.tickets)


def make_stock(database_url: str) -> Stock:
    """Migrate and fill an empty database, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="ticketsite-bench-") as folder:
        done = subprocess.run(
            [sys.executable, "-m", "bench.fill"],
            cwd=ROOT,
            env=server_environment(API, database_url, folder),
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise SystemExit(f"the database could not be filled: {done.stderr[-2000:]}")
    return Stock(**json.loads(done.stdout))


def count_sold(database_url: str) -> Sold:
    """Add up the rows of the hot vacancy, past everything that the product has in between."""
    if database_url.startswith("sqlite"):
        path = database_url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, timeout=20)) as file:
            return Sold(*file.execute(COUNT).fetchone())
    with psycopg.connect(database_url) as server:
        row = server.execute(COUNT.encode()).fetchone()
    return Sold(*(row or ()))


@contextmanager
def sqlite_files(parent: Path) -> Iterator[Path]:
    """A folder on a real disk for SQLite files, removed afterwards."""
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="sqlite-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
