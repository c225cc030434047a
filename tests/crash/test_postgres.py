"""PostgreSQL dies under load, in part and as a whole: buyers hear 503 or the truth.

A server of this module's own, because it is stopped, killed and started again.
"""

from collections.abc import Iterator
from typing import Literal

import psycopg
import pytest

from tests.api.problems import problem_in
from tests.backends import BACKEND
from tests.crash.ledger import assert_audit_is_clean, buyers, check
from tests.own_postgres import OwnPostgres, own_postgres
from tests.shop import Server, Shop, buy, open_shop
from tests.site import wait_for

__test__ = BACKEND == "postgres"
pytestmark = pytest.mark.usefixtures("backend")
KILLS = 4
EVERY_OTHER = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'postgres'"


@pytest.fixture(scope="module")
def postgres() -> Iterator[OwnPostgres]:
    """A PostgreSQL of our own."""
    with own_postgres("postgres-to-break") as server:
        yield server


@pytest.fixture(scope="module")
def shop(postgres: OwnPostgres, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Room for everybody, in that PostgreSQL."""
    folder = tmp_path_factory.mktemp("shop")
    return open_shop(folder, database_url=postgres.url, hall=1_000_000, balcony=300)


@pytest.fixture(scope="module")
def api(shop: Shop) -> Iterator[Server]:
    """An api role that is never restarted here: it has to recover by itself."""
    with shop.api() as server:
        yield server


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
    postgres: OwnPostgres, shop: Shop, api: Server, how: Literal["fast", "immediate"]
) -> None:
    """Stopped or crashed under load and started again: the site goes on by itself."""
    with buyers(shop, [api], name=how) as crowd:
        crowd.wait_for_more(20)
        postgres.stop(how)
        crowd.wait_for_more(8, event="not now")  # every buyer has met it
        postgres.start()
        crowd.wait_for_more(20)

        events = check(shop, api, crowd)

    assert events["not now"] >= 8


def test_without_a_database_buyers_are_told_to_come_again(
    postgres: OwnPostgres, shop: Shop, api: Server
) -> None:
    """503 with Retry-After and nothing sold; alive, but not ready; well again by itself."""
    with shop.client(api) as client:
        postgres.stop()
        try:
            bought = buy(client, shop.vacancies["hall"], key="gone-1")
            ready, health = client.get("/ready"), client.get("/health")
        finally:
            postgres.start()
        wait_for(api.ready, what="the api role to recover")
        again = buy(client, shop.vacancies["hall"], key="gone-1")

    problem_in(bought, "overloaded")
    assert bought.headers["retry-after"]
    assert problem_in(ready, "not-ready")["checks"]["database"] != "ok"
    assert health.status_code == 200
    assert again.status_code == 201
    assert_audit_is_clean(shop)
