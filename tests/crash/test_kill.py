"""`kill -9` of the api role under load: what was acknowledged is there afterwards, once.

`TICKETSITE_CRASHES=30 pytest tests/crash/test_kill.py` for more than the usual three.
"""

import os
import random
from collections.abc import Iterator

import pytest

from tests.crash.ledger import buyers, check
from tests.shop import Server, Shop
from tests.site import free_port

CRASHES = int(os.environ.get("TICKETSITE_CRASHES", "3"))


@pytest.fixture(scope="module")
def running(shop: Shop) -> Iterator[list[Server]]:
    """The api role that is killed and started again, in a list of one."""
    servers = [shop.start(port=free_port())]
    servers[0].wait_until_ready()
    yield servers
    servers[0].end()


@pytest.mark.parametrize("crash", range(1, CRASHES + 1))
def test_killed_server_keeps_every_word(shop: Shop, running: list[Server], crash: int) -> None:
    """Nothing acknowledged is lost or doubled; an unanswered step has happened once or not."""
    with buyers(shop, running, name=f"kill{crash}") as crowd:
        crowd.wait_for_more(random.Random(crash).randint(1, 50))
        running[0].kill()
        running[0] = shop.start(port=running[0].port)

        events = check(shop, running[0], crowd)

    assert events["unanswered"]
