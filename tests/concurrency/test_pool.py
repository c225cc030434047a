"""No connection is left in the pool: buyers are told to come again, and nothing is sold."""

import contextlib
from collections.abc import Iterator
from typing import Any, cast

import httpx
import pytest
from django.db import connection
from psycopg_pool import PoolTimeout

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


@contextlib.contextmanager
def exhausted_pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lend out every connection, as when a hundred admin pages are being made."""
    for lane in (TILL, READS):
        lane.close_connection()
    pool = cast(Any, connection).pool
    monkeypatch.setattr(pool, "timeout", PATIENCE_S)
    taken = []
    with contextlib.suppress(PoolTimeout):
        while True:
            taken.append(pool.getconn())
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
