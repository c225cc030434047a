"""Claims runs and supervises them, one at a time, until told to leave."""

import logging
import os
import signal
import socket
import threading
import time
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error, connection
from django.utils import timezone

from loadlab import selectors, services
from loadlab.supervisor import Supervisor
from tickets.sweep import sweep_until

IDLE_S = 0.5
SEEN_EVERY_S = 2.0
CONFIRM_S = 2.0
SWEEP_EVERY_S = 30.0

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """The worker role."""

    help = "Claims and supervises load runs until SIGTERM or Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        """Offer a check for health probes."""
        parser.add_argument(
            "--check",
            action="store_true",
            help="exit 0 if a worker on this host was heard of within ten seconds",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Work until told to leave."""
        host = socket.gethostname()
        if options["check"]:
            if not selectors.worker_alive(host=host, now=timezone.now()):
                raise CommandError("No worker on this host was heard of within ten seconds.")
            return
        leave = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: leave.set())
        worker = f"{host}:{os.getpid()}"
        # A thread of its own: the supervisor may be busy for seconds (a start, an audit), and
        # a worker that is busy is not dead.
        heart = threading.Thread(target=_beat_until, args=(worker, leave), daemon=True)
        heart.start()
        threading.Thread(target=sweep_until, args=(leave,), daemon=True).start()
        lapses, broom = _Lapses(), _Broom()
        while not leave.is_set():
            try:
                _work_once(worker, leave, lapses, broom)
            except Exception:
                # A database that does not answer, a run that could not be ended: a worker that
                # dies of it would leave nobody to end that run when its lease lapses.
                logger.exception("that did not work; trying again")
                connection.close()
            # Not leave.wait(): it holds the event's lock for moments, and the signal handler,
            # which runs in this thread, would wait for that lock for ever.
            time.sleep(IDLE_S)
        heart.join()


class _Lapses:
    """Leases that were seen to have lapsed, and since when, by the monotonic clock.

    A clock that is set forward makes every lease look lapsed. Its supervisor renews it within a
    second, so a lease that is the same two seconds later is a dead one's.
    """

    def __init__(self) -> None:
        self._since: dict[tuple[int, datetime], float] = {}

    def dead(self, lapsed: dict[int, datetime], *, now_s: float) -> dict[int, datetime]:
        """Return those that have not moved for a while."""
        self._since = {one: self._since.get(one, now_s) for one in lapsed.items()}
        return dict(one for one, since in self._since.items() if now_s - since >= CONFIRM_S)


class _Broom:
    """Sweeps now and then: stock that nobody owns, runs that are older than they are kept."""

    def __init__(self) -> None:
        self._next_s = 0.0

    def sweep(self, *, now: datetime, now_s: float) -> None:
        """Do it if it is time."""
        if now_s < self._next_s:
            return
        self._next_s = now_s + SWEEP_EVERY_S
        services.orphans_remove(now=now)
        services.runs_forget(now=now)


def _work_once(worker: str, leave: threading.Event, lapses: _Lapses, broom: _Broom) -> None:
    now, now_s = timezone.now(), time.monotonic()
    dead = lapses.dead(selectors.lapsed_leases(now=now), now_s=now_s)
    services.runs_end_lapsed(now=now, leases=dead)
    broom.sweep(now=now, now_s=now_s)
    run_id = services.run_claim(worker=worker, now=now)
    if run_id is not None:
        run = Supervisor(run_id=run_id, worker=worker, must_leave=leave.is_set).run()
        logger.info("run %s %s %s", run.pk, run.state, run.reason)


def _beat_until(worker: str, leave: threading.Event) -> None:
    while True:
        try:
            services.worker_seen(worker=worker, now=timezone.now())
        except Error:
            connection.close()
        if leave.wait(SEEN_EVERY_S):
            break
    try:
        services.worker_gone(worker=worker)
    except Error:
        logger.warning("could not say good-bye; the heartbeat will lapse by itself")
    finally:
        connection.close()
