"""The pool has no connection left, or only dead ones."""

import contextlib
from collections.abc import Iterator
from typing import Any, cast

import httpx
import psycopg
import pytest
from django.db import connection

from tests.api.problems import problem_in
from tests.backends import BACKEND
from tests.conftest import Api
from tickets.models import Purchase
from tickets.till import TILL
from vacancy.lanes import READS
from vacancy.models import Vacancy

__test__ = BACKEND == "postgres"
pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_S = 0.2
IDLE = 5  # more than the pool tries before it gives up


@contextlib.contextmanager
def exhausted_pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lend out every connection, as when a hundred admin pages are being made."""
    for lane in (TILL, READS):
        lane.close_connection()
    pool = cast(Any, connection).pool
    taken = []
    while pool.get_stats()["pool_size"] < pool.max_size or pool.get_stats()["pool_available"]:
        taken.append(pool.getconn(timeout=60))
    monkeypatch.setattr(pool, "timeout", PATIENCE_S)
    try:
        yield
    finally:
        for one in taken:
            pool.putconn(one)


def buy(api: Api, vacancy: Vacancy) -> httpx.Response:
    """Buy one place."""
    order = {"vacancy": vacancy.pk, "qty": 1}
    return api("POST", "/purchases", json=order, headers={"Idempotency-Key": "pool-1"})


def test_exhausted_pool_is_overloaded_and_sells_nothing(
    api: Api, vacancy: Vacancy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 after a bounded wait, and the same key buys once a connection is free."""
    with exhausted_pool(monkeypatch):
        refused = buy(api, vacancy)
    sold_meanwhile = Purchase.objects.exists()
    bought = buy(api, vacancy)

    problem_in(refused, "overloaded")
    assert not sold_meanwhile
    assert bought.status_code == 201


@pytest.fixture
def _new_pool_afterwards() -> Iterator[None]:
    """Leave no pool behind that is still busy replacing what died."""
    yield
    for lane in (TILL, READS):
        lane.close_connection()
    connection.close()
    cast(Any, connection).close_pool()


@pytest.mark.usefixtures("_new_pool_afterwards")
def test_connections_that_died_in_the_pool_are_in_nobodys_way(api: Api, vacancy: Vacancy) -> None:
    """All of a process ended at the server at once: who reads and who buys get fresh ones."""
    bought = buy(api, vacancy).json()
    _fill_the_pool()
    _kill_all_of_this_process()
    read = api("GET", f"/purchases/{bought['id']}")
    again = buy(api, vacancy)

    assert (read.status_code, read.json()) == (200, bought)
    assert (again.status_code, again.json()) == (201, bought)


def _fill_the_pool() -> None:
    pool = cast(Any, connection).pool
    for one in [pool.getconn() for _ in range(IDLE)]:
        pool.putconn(one)


def _kill_all_of_this_process() -> None:
    """Others use the same server, so only those of this test's own database."""
    wanted = connection.get_connection_params()
    parameters = {name: wanted[name] for name in ("dbname", "host", "user") if name in wanted}
    connection.close()
    with psycopg.connect(**parameters, autocommit=True) as server:
        server.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
