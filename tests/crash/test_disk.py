"""The disk is full under SQLite: buyers hear 503, and nothing that was said is lost.

The limit is one on the server's own process, so the test needs no disk of its own to fill.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from tests.api.problems import problem_in
from tests.backends import BACKEND
from tests.crash.ledger import buyers, check
from tests.shop import Server, Shop, buy
from tests.site import free_port

__test__ = BACKEND == "sqlite"


@pytest.fixture(scope="module")
def api(shop: Shop) -> Iterator[Server]:
    """An api role of its own, since its disk fills up."""
    with shop.api(port=free_port()) as server:
        yield server


@contextmanager
def full_disk(shop: Shop, server: Server) -> Iterator[None]:
    """Let the server write nothing beyond what its files have already."""
    everything = [(process, process.rlimit(psutil.RLIMIT_FSIZE)) for process in server.workers()]
    for process, (_, hard) in everything:
        process.rlimit(psutil.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        for process, limits in everything:
            process.rlimit(psutil.RLIMIT_FSIZE, limits)


def test_full_disk_is_overloaded_and_sells_nothing(shop: Shop, api: Server) -> None:
    """503 while it is full, reads go on, and the same key buys once there is room again."""
    with shop.client(api) as client:
        with full_disk(shop, api):
            refused = buy(client, shop.vacancies["hall"], key="full-1")
            health = client.get("/health")
        bought = buy(client, shop.vacancies["hall"], key="full-1")

    problem_in(refused, "overloaded")
    assert health.status_code == 200
    assert bought.status_code == 201


def test_disk_that_fills_up_under_load_costs_nobody_a_place(shop: Shop, api: Server) -> None:
    """Buyers come again with the same key until there is room."""
    with buyers(shop, [api], name="disk") as crowd:
        crowd.wait_for_more(15)
        with full_disk(shop, api):
            crowd.wait_for_more(8, event="not now")
        crowd.wait_for_more(15)

        events = check(shop, api, crowd)

    assert events["not now"] >= 8
