"""One order sent many times at once over the network: one purchase, and one answer for all."""

import asyncio
import contextlib
import json
import socket
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.backends import BACKEND
from tests.shop import Server, Shop, buy
from tests.site import free_port, wait_for

CLIENTS = 20
ORDERS = 3


@pytest.fixture(scope="module")
def second_api(shop: Shop, shop_api: Server) -> Iterator[Server]:
    """Another api process on the same database; SQLite is for one alone."""
    if BACKEND == "sqlite":
        yield shop_api
        return
    with shop.api(port=free_port()) as server:
        yield server


@pytest.fixture(scope="module")
def last_places(shop: Shop) -> None:
    """Two vacancies of one place each that nobody else knows of."""
    shop.stock(last=1, very_last=1)


def order(shop: Shop, key: str, *, vacancy: str = "hall", qty: int = 2) -> dict[str, Any]:
    """Return what httpx needs to send this order."""
    headers = {"Authorization": f"Bearer {shop.key}", "Idempotency-Key": key}
    return {"headers": headers, "json": {"vacancy": shop.vacancies[vacancy], "qty": qty}}


async def all_at_once(urls: list[str], request: dict[str, Any]) -> list[httpx.Response]:
    """Send the same request from as many clients, over connections that are open already."""
    async with contextlib.AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(httpx.AsyncClient(base_url=urls[n % len(urls)]))
            for n in range(CLIENTS)
        ]
        await asyncio.gather(*(client.get("/health") for client in clients))
        return await asyncio.gather(*(client.post("/purchases", **request) for client in clients))


def purchases_of(shop: Shop, key: str) -> int:
    """Count what the database has under this key."""
    query = f"SELECT id FROM tickets_purchase WHERE idempotency_key = '{key}'"  # noqa: S608
    return len(shop.rows(query))


@pytest.mark.parametrize("processes", [1, 2] if BACKEND == "postgres" else [1])
async def test_twenty_twins_are_one_purchase_and_hear_the_same(
    shop: Shop, shop_api: Server, second_api: Server, processes: int
) -> None:
    """Status and body, byte for byte, whichever process answers."""
    urls = [shop_api.url, second_api.url][:processes]

    for number in range(ORDERS):
        key = f"twins-{processes}-{number}"
        answers = await all_at_once(urls, order(shop, key))

        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
        assert purchases_of(shop, key) == 1


def lose_the_answer(shop: Shop, server: Server, request: dict[str, Any]) -> None:
    """Send a purchase, and leave once it was made without reading what comes.

    Not earlier: who hangs up in the queue has bought nothing.
    """
    key = request["headers"]["Idempotency-Key"]
    body = json.dumps(request["json"]).encode()
    lines = [
        "POST /api/v1/purchases HTTP/1.1",
        f"Host: 127.0.0.1:{server.port}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in request["headers"].items()),
    ]
    with socket.create_connection(("127.0.0.1", server.port)) as line:
        line.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        wait_for(lambda: purchases_of(shop, key), what="the purchase")


@pytest.mark.usefixtures("last_places")
@pytest.mark.parametrize("vacancy", ["last", "very_last"])
def test_lost_answer_for_the_last_place_is_recovered_by_the_retry(
    shop: Shop, shop_api: Server, second_api: Server, vacancy: str
) -> None:
    """Hung up when it was theirs: sold out for everybody else, but not for them."""
    key = f"lost-{uuid.uuid4().hex}"
    lost = order(shop, key, vacancy=vacancy, qty=1)
    retried_at = second_api if vacancy == "very_last" else shop_api

    lose_the_answer(shop, shop_api, lost)
    with shop.client(retried_at) as client:
        other = buy(client, shop.vacancies[vacancy], key=f"other-{key}")
        retries = [client.post("/purchases", **lost) for _ in range(2)]

    assert other.json()["code"] == "sold-out"
    assert [retry.status_code for retry in retries] == [201, 201]
    assert retries[0].content == retries[1].content
    assert purchases_of(shop, key) == 1
