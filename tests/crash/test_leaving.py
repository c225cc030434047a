"""SIGTERM under load: what is queued is committed or refused, never dropped."""

from tests.crash.ledger import buyers, check
from tests.shop import Shop
from tests.site import free_port


def test_server_that_is_asked_to_leave_keeps_every_word(shop: Shop) -> None:
    """It ends by itself with open orders behind it, and its successor knows every one of them."""
    server = shop.start(port=free_port())
    try:
        server.wait_until_ready()
        with buyers(shop, [server], name="leaving", number=16) as crowd:
            crowd.wait_for_more(40)
            server.ask_to_leave()
            server.wait_until_left()
            server = shop.start(port=server.port)

            check(shop, server, crowd)
    finally:
        server.end()
