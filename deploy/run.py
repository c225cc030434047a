"""`make run`: check, migrate, seed, start the three roles of the Procfile, and end them all.

A launcher of our own and not honcho: honcho hands each process another PORT, and what a child
has started itself (the load generator) survives it.
"""

import os
import queue
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from string import Template

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TICKETSITE_ENV", "development")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ticketsite.settings")

READY_TIMEOUT_S = 180.0
LEAVE_S = 8.0  # the worker needs up to three to end a load generator
POLL_S = 0.2


class CannotStart(Exception):
    """The message is one sentence for whoever typed `make run`."""


def check_ports(host: str, ports: dict[str, int]) -> None:
    """Find a taken port before anything starts.

    SO_REUSEADDR, so that the leftovers of a previous run are no obstacle; never SO_REUSEPORT,
    with which a second server would start on a taken port and share its visitors.

    Raises:
        CannotStart: names the port and the variable that changes it.
    """
    if len(set(ports.values())) < len(ports):
        raise CannotStart(f"{' and '.join(ports)} must be different ports.")
    for variable, port in ports.items():
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                probe.listen()
            except OSError as error:
                reason = (error.strerror or "refused").lower()
                raise CannotStart(
                    f"Port {port} on {host} cannot be used ({reason}): end what listens there, "
                    f"or choose another, for example {variable}={port + 100} make run"
                ) from None


def commands(environment: dict[str, str]) -> dict[str, list[str]]:
    """Read the Procfile: role to command, with $NAMES filled in."""
    found = {}
    for line in (ROOT / "Procfile").read_text().splitlines():
        role, _, command = line.partition(":")
        words = shlex.split(Template(command).substitute(environment))
        words[0] = str(Path(sys.executable).parent / words[0])
        found[role] = words
    return found


class Roles:
    """The running processes, each leading a group of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        """Start all of them; their output is passed on line by line, with the role before it."""
        self.processes: dict[str, subprocess.Popen[str]] = {}
        for role, words in commands(environment).items():
            self.processes[role] = subprocess.Popen(
                words,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            arguments = (role, self.processes[role])
            threading.Thread(target=_pass_on, args=arguments, daemon=True).start()

    def dead(self) -> str | None:
        """Name a role that has ended by itself, if any."""
        ended = (role for role, process in self.processes.items() if process.poll() is not None)
        return next(ended, None)

    def end(self) -> None:
        """Ask every group to leave, wait, and kill what is left."""
        self._signal_all(signal.SIGTERM)
        deadline = time.monotonic() + LEAVE_S
        for process in self.processes.values():
            try:
                process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                continue
        self._signal_all(signal.SIGKILL)
        for process in self.processes.values():
            process.wait()

    def _signal_all(self, number: signal.Signals) -> None:
        for process in self.processes.values():
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                continue


def _pass_on(role: str, process: "subprocess.Popen[str]") -> None:
    for line in process.stdout or ():
        say(f"{role:>6} | {line.rstrip()}")


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def wait_until_ready(roles: Roles, urls: list[str], asked_to_leave: "queue.Queue[int]") -> bool:
    """Wait until every URL answers 200; False if asked to leave meanwhile.

    Raises:
        CannotStart: a role ended, or it takes too long.
    """
    import httpx

    deadline = time.monotonic() + READY_TIMEOUT_S
    for url in urls:
        while True:
            if (role := roles.dead()) is not None:
                raise CannotStart(f"The {role} role ended while starting: see its lines above.")
            try:
                if httpx.get(url, timeout=5).status_code == 200:
                    break
            except httpx.HTTPError:
                pass
            if time.monotonic() > deadline:
                raise CannotStart(f"{url} did not answer within {READY_TIMEOUT_S:.0f} s.")
            try:
                asked_to_leave.get(timeout=POLL_S)
                return False
            except queue.Empty:
                continue
    return True


def prepare() -> str:
    """Migrate and seed; return the banner. One process does this, before the roles start."""
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connections
    from django.utils import timezone

    from ticketsite.demo import seed
    from ticketsite.management.commands.seed_demo import CREDENTIALS_FILE

    if _migrations_are_missing():
        call_command("migrate", verbosity=0, interactive=False)
    known = seed(path=CREDENTIALS_FILE, now=timezone.now())
    connections.close_all()
    config = settings.CONFIG
    host = shown_host(config.host)
    api = f"http://{host}:{config.api_port}/api/v1"
    return f"""
  ticketsite is running. Ctrl-C ends it.

  admin   http://{host}:{config.port}/admin/   login {known.username}   password {known.password}
  API     {api}/docs
  key     {known.api_key}

  buy a ticket:
  curl -X POST {api}/purchases -H 'Authorization: Bearer {known.api_key}' \
-H "Idempotency-Key: $(date +%s%N)" -H 'Content-Type: application/json' \
-d '{{"vacancy": 1, "qty": 1, "buyer": {{"name": "Ada", "email": "ada@example.org"}}}}'
"""


def _migrations_are_missing() -> bool:
    """Look first: `migrate` with nothing to do still takes a second of every start."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def shown_host(host: str) -> str:
    """Return an address that a browser on this machine can open."""
    host = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104  # compared, not bound
    return f"[{host}]" if ":" in host else host


def main() -> int:
    """Run until a signal, or until a role ends by itself; return the exit code."""
    from ticketsite.config import read_config

    config = read_config()
    if not config.development:
        raise CannotStart(
            "`make run` is for development: unset TICKETSITE_ENV, "
            "or see README for how to run in production."
        )
    check_ports(config.host, {"PORT": config.port, "API_PORT": config.api_port})
    asked_to_leave: queue.Queue[int] = queue.Queue()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: asked_to_leave.put(received))
    banner = prepare()
    environment = os.environ | {
        "HOST": config.host,
        "PORT": str(config.port),
        "API_PORT": str(config.api_port),
        "API_WORKERS": str(config.api_workers),
        "PYTHONUNBUFFERED": "1",
    }
    roles = Roles(environment)
    try:
        base = f"http://{shown_host(config.host)}"
        urls = [f"{base}:{port}/api/v1/ready" for port in (config.api_port, config.port)]
        if wait_until_ready(roles, urls, asked_to_leave):
            say(banner)
            return _stay(roles, asked_to_leave)
        return 0
    finally:
        roles.end()


def _stay(roles: Roles, asked_to_leave: "queue.Queue[int]") -> int:
    while True:
        try:
            asked_to_leave.get(timeout=POLL_S)
            say("Leaving ...")
            return 0
        except queue.Empty:
            if (role := roles.dead()) is not None:
                say(f"The {role} role ended by itself; ending the others.")
                return 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CannotStart as refusal:
        sys.exit(str(refusal))
