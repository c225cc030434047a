"""`make bench-lab`: what identical runs differ by here, and whether the lab calls them alike.

Two rounds of identical runs on a database of their own: the first becomes the baseline with its
noise, the second is compared with it. Nothing changed in between, so anything but `equivalent` or
`inconclusive` is a false alarm.
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.site import ROOT, free_port

ALIKE = {"equivalent", "inconclusive"}


def main() -> int:
    """Run both rounds, print the figures; 1 if identical runs were called different."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="in each of the two rounds")
    parser.add_argument("--duration", type=int, default=60, help="of each run, s")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = _environment(Path(folder))
        _manage(environment, "migrate", "-v0")
        empty_bytes = _used_bytes(environment)
        rounds = [
            _round(environment, Path(folder) / name, options, *extra)
            for name, extra in (("first", ["--set-baseline"]), ("second", []))
        ]
        grown_bytes = _used_bytes(environment) - empty_bytes
    minutes = 2 * options.runs * options.duration / 60
    print(f"a minute of run keeps {grown_bytes / minutes / 1000:.0f} kB in the database")
    return _report(rounds)


def _environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "TICKETSITE_ENV": "development",
        "TICKETSITE_VAR": str(folder / "var"),
        "DATABASE_URL": f"sqlite:///{folder / 'lab.sqlite3'}",
        "API_PORT": str(free_port()),
    }


def _used_bytes(environment: dict[str, str]) -> int:
    """Count the pages in use: what was deleted leaves the file as large as it was."""
    path = environment["DATABASE_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as database:
        pages, free, size = (
            database.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * size)


def _manage(environment: dict[str, str], *arguments: str) -> int:
    words = [sys.executable, "manage.py", *arguments]
    return subprocess.run(words, cwd=ROOT, env=environment).returncode


def _round(
    environment: dict[str, str], path: Path, options: argparse.Namespace, *extra: str
) -> dict[str, Any]:
    # fmt: off
    _manage(
        environment, "loadrun", "baseline", "--serve", "--repeat", str(options.runs),
        "--duration", str(options.duration), "--json", str(path), *extra,
    )
    # fmt: on
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def _report(rounds: list[dict[str, Any]]) -> int:
    for number, one in enumerate(rounds, 1):
        totals = [run["run"]["summary"]["total"] for run in one["runs"]]
        latencies = ", ".join(f"{total['p95_ms']:.2f}" for total in totals)
        print(f"round {number}: p95 {latencies} ms")
        for name, spread in one.get("noise", {}).get("spread", {}).items():
            print(f"  spread of {name}: {spread:.3f}")
    compared = rounds[1].get("comparison")
    if compared is None:
        print("not compared: a run was not valid on this machine")
        return 1
    print(f"identical rounds are called {compared['outcome']}")
    return 0 if compared["outcome"] in ALIKE else 1


if __name__ == "__main__":
    sys.exit(main())
