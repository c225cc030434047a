"""One process of several that sell the same vacancies: orders into its till, answers to stdout.

Run with a shop's environment: `python -m tests.concurrency.sellers '{"orders": [[1, 2], …]}'`,
each order a vacancy and a quantity. It says `ready`, waits for a line, and sells all of them at
once. With `"guard": false` it believes what it has read and moves no counter for it: the negative
control.
"""

import asyncio
import json
import sys
from typing import Any

import django


async def answers(orders: list[list[int]]) -> list[str | None]:
    """Return what became of each order: a purchase's id, or None for sold out."""
    from tickets import till
    from tickets.wishes import Order
    from vacancy.services import SoldOut

    async def one(vacancy: int, qty: int) -> str | None:
        try:
            sale = await till.sell(Order(client=None, vacancy_id=vacancy, qty=qty))
        except SoldOut:
            return None
        return str(sale.purchase.pk)

    return await asyncio.gather(*(one(*order) for order in orders))


def switch_the_guard_off() -> None:
    """Let every sale through that looked possible when the row was read."""
    from vacancy import services as stock

    stock.places_take = lambda **_: True


async def main(wanted: dict[str, Any]) -> None:
    """Be ready, wait for the start, sell, tell."""
    from tickets import till

    if not wanted.get("guard", True):
        switch_the_guard_off()
    await till.warm()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    json.dump(await answers(wanted["orders"]), sys.stdout)


if __name__ == "__main__":
    django.setup()
    asyncio.run(main(json.loads(sys.argv[1])))
