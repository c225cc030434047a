"""How these tests ask the till, and what they look up afterwards."""

import asyncio
from collections.abc import Sequence
from typing import Any

from channels.db import database_sync_to_async

from tickets import till
from tickets.models import Purchase
from tickets.wishes import Order
from vacancy.models import Vacancy


def order(stock: Vacancy, qty: int = 1, **rest: Any) -> Order:
    """Ask for some of the stock, without a key if nothing else is said."""
    return Order(vacancy_id=stock.pk, qty=qty, **{"client": None} | rest)


async def all_answers(orders: Sequence[Order]) -> list[Any]:
    """Ask at the same moment; return sales and errors in the order of asking."""
    return await asyncio.gather(*(till.sell(one) for one in orders), return_exceptions=True)


async def idle_turns() -> None:
    """Let the event loop do what it would do at once."""
    for _ in range(5):
        await asyncio.sleep(0)


async def counters(stock: Vacancy) -> tuple[int, int]:
    """Read what is available and sold."""
    await database_sync_to_async(stock.refresh_from_db)()
    return stock.available, stock.sold


async def stored_ids() -> set[Any]:
    """Read the ids of all purchases."""
    rows = Purchase.objects.values_list("pk", flat=True)
    return await database_sync_to_async(lambda: set(rows))()
