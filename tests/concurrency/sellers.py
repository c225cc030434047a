"""One process of several that sell the same vacancies: orders in, what became of them out.

Run with a shop's environment: `python -m tests.concurrency.sellers`. It says `ready`; then each
line is a round, `{"orders": [[vacancy, qty], …], "guard": true}`, whose orders go into the till
all at once, and each answer is one line too. Without the guard it believes what it has read and
moves no counter for it: the negative control.
"""

import asyncio
import json
import sys
from typing import Any

import django

SMALL_BATCH = 10  # so that the processes meet often


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
        return str(sale.id)

    till.forget_everything()
    return await asyncio.gather(*(one(*order) for order in orders))


def say(answer: Any) -> None:
    """Print at once, though it is a pipe."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _take_nothing(trip: Any, **_: Any) -> None:
    trip.send()  # what was sold, without its places


def _move_nothing(*_: Any, **__: Any) -> None:
    """Take nothing along, in the event loop's own statement."""


async def main() -> None:
    """Be ready, then sell round after round until the input ends."""
    from tickets import line, till
    from vacancy import services as stock

    guarded = stock.places_take, stock.places_move
    line.BATCH_LIMIT = SMALL_BATCH
    till.serve_from_this_loop()
    await till.warm()
    say("ready")
    while text := await asyncio.to_thread(sys.stdin.readline):
        wanted = json.loads(text)
        unguarded = _take_nothing, _move_nothing
        stock.places_take, stock.places_move = guarded if wanted["guard"] else unguarded
        say(await answers(wanted["orders"]))


if __name__ == "__main__":
    django.setup()
    asyncio.run(main())
