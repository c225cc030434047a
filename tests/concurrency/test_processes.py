"""Several processes sell the same stock: what is sold is what was acknowledged.

SQLite has one writer at a time, and a till pauses to let others write; PostgreSQL locks rows.
"""

import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.shop import Shop
from tests.site import ROOT

PROCESSES = 3
ORDERS = 60  # of each process
MOST = 10  # places in one order
CAPACITIES = {"one": 120, "first": 40, "second": 70, "third": 90, "unguarded": 30}
Sold = list[tuple[int, int, str | None]]  # vacancy, quantity, purchase or sold out; in order


class Sellers:
    """The processes, started once and asked for one round after the other."""

    def __init__(self, shop: Shop) -> None:
        """Start them and wait until each has its connection."""
        self.processes = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.concurrency.sellers"],
                cwd=ROOT,
                env=shop.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(PROCESSES)
        ]
        assert self._listen() == ["ready"] * PROCESSES

    def sell(self, orders: list[list[list[int]]], *, guard: bool = True) -> list[Sold]:
        """Let each process sell a list of orders, all starting together."""
        for process, mine in zip(self.processes, orders, strict=True):
            assert process.stdin is not None
            process.stdin.write(json.dumps({"orders": mine, "guard": guard}) + "\n")
            process.stdin.flush()
        return [
            [(vacancy, qty, said) for (vacancy, qty), said in zip(mine, told, strict=True)]
            for mine, told in zip(orders, self._listen(), strict=True)
        ]

    def _listen(self) -> list[Any]:
        return [json.loads(process.stdout.readline()) for process in self.processes]  # type: ignore[union-attr]

    def end(self) -> None:
        """Leave nothing running."""
        for process in self.processes:
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def sellers(shop: Shop) -> Iterator[Sellers]:
    """Three tills and stock for them alone."""
    shop.stock(**CAPACITIES)
    running = Sellers(shop)
    yield running
    running.end()


def orders_for(vacancies: list[int]) -> list[list[list[int]]]:
    """Return each process's orders, 1 to 10 places each, always the same ones."""
    chance = random.Random(len(vacancies))
    return [
        [[chance.choice(vacancies), chance.randint(1, MOST)] for _ in range(ORDERS)]
        for _ in range(PROCESSES)
    ]


def assert_sold_is_what_was_acknowledged(shop: Shop, told: list[Sold]) -> None:
    """Compare the sum of what buyers were told with counters and rows, vacancy by vacancy."""
    said = [order for sold in told for order in sold if order[2] is not None]
    for vacancy in {vacancy for sold in told for vacancy, _, _ in sold}:
        acknowledged = sum(qty for where, qty, _ in said if where == vacancy)
        [[capacity, sold]] = shop.rows(
            f"SELECT capacity, sold FROM vacancy_vacancy WHERE id = {vacancy}"  # noqa: S608
        )
        [[rows]] = shop.rows(
            f"SELECT sum(qty) FROM tickets_purchase WHERE vacancy_id = {vacancy}"  # noqa: S608
        )
        assert acknowledged == sold == rows
        assert acknowledged <= capacity
    assert Counter(id_ for _, _, id_ in said).most_common(1)[0][1] == 1


def assert_first_come_first_served(sold: Sold) -> None:
    """After a refusal, nobody of the same process gets as many places of that vacancy."""
    refused: dict[int, int] = {}
    for vacancy, qty, purchase in sold:
        if purchase is None:
            refused[vacancy] = min(qty, refused.get(vacancy, qty))
        else:
            assert qty < refused.get(vacancy, qty + 1)


@pytest.mark.parametrize("names", [["one"], ["first", "second", "third"]], ids=len)
def test_processes_sell_what_there_is_and_in_order(
    shop: Shop, sellers: Sellers, names: list[str]
) -> None:
    """Groups of 1 to 10; sold out in the end; no deadlock, no place twice, none lost."""
    vacancies = [shop.vacancies[name] for name in names]

    told = sellers.sell(orders_for(vacancies))

    assert_sold_is_what_was_acknowledged(shop, told)
    for sold in told:
        assert_first_come_first_served(sold)
    left = shop.rows(
        "SELECT available FROM vacancy_vacancy"  # noqa: S608  # numbers of our own
        f" WHERE id IN ({', '.join(map(str, vacancies))})"
    )
    assert max(available for [available] in left) < MOST  # the largest group: all were wanted


def test_without_the_guard_the_same_processes_oversell(shop: Shop, sellers: Sellers) -> None:
    """The comparison is one that can fail: each process sells all that it saw."""
    vacancy = shop.vacancies["unguarded"]

    told = sellers.sell(orders_for([vacancy]), guard=False)

    try:
        acknowledged = sum(qty for sold in told for _, qty, purchase in sold if purchase)
        assert acknowledged > CAPACITIES["unguarded"]
        with pytest.raises(AssertionError):
            assert_sold_is_what_was_acknowledged(shop, told)
    finally:
        _forget(shop, vacancy)


def _forget(shop: Shop, vacancy: int) -> None:
    """Take out what the negative control left, or every later audit of this shop would fail."""
    purchases = f"SELECT id FROM tickets_purchase WHERE vacancy_id = {vacancy}"  # noqa: S608
    shop.write(f"DELETE FROM tickets_ticket WHERE purchase_id IN ({purchases})")  # noqa: S608
    shop.write(f"DELETE FROM tickets_purchase WHERE vacancy_id = {vacancy}")  # noqa: S608
