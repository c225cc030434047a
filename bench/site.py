"""A site of its own for measurements and pictures: fresh database, free ports, ended afterwards."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Site:
    """Where it is, how to get in, and how long it took to start (s)."""

    web: str
    api: str
    username: str
    password: str
    key: str
    started_in_s: float
    environment: dict[str, str]


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running_site(settings: str = "ticketsite.settings") -> Iterator[Site]:
    """Start a site as `make run` does, with the default database unless DATABASE_URL says else."""
    with tempfile.TemporaryDirectory(prefix="ticketsite-bench-") as folder:
        environment = {
            **os.environ,
            "TICKETSITE_ENV": "development",
            "DJANGO_SETTINGS_MODULE": settings,
            "TICKETSITE_VAR": folder,
            "HOST": "127.0.0.1",
            "PORT": str(free_port()),
            "API_PORT": str(free_port()),
        }
        begun = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "deploy/run.py"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            _wait_for_banner(process)
            known = json.loads((Path(folder) / "demo.json").read_text())
            yield Site(
                web=f"http://127.0.0.1:{environment['PORT']}",
                api=f"http://127.0.0.1:{environment['API_PORT']}",
                username=known["username"],
                password=known["password"],
                key=known["api_key"],
                started_in_s=time.monotonic() - begun,
                environment=environment,
            )
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


def _wait_for_banner(process: "subprocess.Popen[str]") -> None:
    for line in process.stdout or ():
        if "is running" in line:
            return
    raise SystemExit("the site did not start")
