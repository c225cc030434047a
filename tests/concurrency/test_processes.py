"""Several processes sell the same stock: what is sold is what was acknowledged.

SQLite has one writer at a time, and a till pauses to let others write; PostgreSQL locks rows.
"""

import json
import random
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack

import pytest

from tests.shop import Shop
from tests.site import ROOT

PROCESSES = 3
ORDERS = 60  # of each process
PATIENCE_S = 40.0  # a deadlock ends the test, not whoever waits for it
Sold = list[tuple[int, int, str | None]]  # vacancy, quantity, purchase or sold out; in order


def sell_at_once(shop: Shop, orders: list[list[list[int]]], *, guard: bool = True) -> list[Sold]:
    """Let one process for each list of orders sell, all starting together."""
    with ExitStack() as stack:
        sellers = [stack.enter_context(_seller(shop, mine, guard=guard)) for mine in orders]
        stack.callback(lambda: [seller.kill() for seller in sellers])
        for seller in sellers:
            assert seller.stdout is not None
            assert seller.stdout.readline() == "ready\n"
        told = _start_and_listen(sellers)
    return [
        [(vacancy, qty, said) for (vacancy, qty), said in zip(mine, answers, strict=True)]
        for mine, answers in zip(orders, told, strict=True)
    ]


def _start_and_listen(sellers: "list[subprocess.Popen[str]]") -> list[list[str | None]]:
    for seller in sellers:
        assert seller.stdin is not None
        seller.stdin.write("go\n")
        seller.stdin.flush()
    return [json.loads(seller.communicate(timeout=PATIENCE_S)[0]) for seller in sellers]


def _seller(shop: Shop, orders: list[list[int]], *, guard: bool) -> "subprocess.Popen[str]":
    wanted = json.dumps({"orders": orders, "guard": guard})
    return subprocess.Popen(
        [sys.executable, "-m", "tests.concurrency.sellers", wanted],
        cwd=ROOT,
        env=shop.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def orders_for(vacancies: list[int], *, most: int = 10) -> list[list[list[int]]]:
    """Return each process's orders, 1 to `most` places each, always the same ones."""
    chance = random.Random(len(vacancies))
    return [
        [[chance.choice(vacancies), chance.randint(1, most)] for _ in range(ORDERS)]
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


@pytest.mark.parametrize(
    "capacities", [[120], [40, 70, 90]], ids=["one vacancy", "several vacancies"]
)
def test_processes_sell_what_there_is_and_in_order(shop: Shop, capacities: list[int]) -> None:
    """Groups of 1 to 10; sold out in the end; no deadlock, no place twice, none lost."""
    names = {f"of {len(capacities)}, {n}": capacity for n, capacity in enumerate(capacities)}
    shop.stock(**names)
    vacancies = [shop.vacancies[name] for name in names]

    told = sell_at_once(shop, orders_for(vacancies))

    assert_sold_is_what_was_acknowledged(shop, told)
    for sold in told:
        assert_first_come_first_served(sold)
    left = shop.rows(
        "SELECT available FROM vacancy_vacancy"  # noqa: S608  # numbers of our own
        f" WHERE id IN ({', '.join(map(str, vacancies))})"
    )
    assert max(available for [available] in left) < 10  # the largest group: all were wanted


def test_without_the_guard_the_same_processes_oversell(shop: Shop) -> None:
    """The comparison is one that can fail: each process sells all that it saw."""
    shop.stock(unguarded=30)

    told = sell_at_once(shop, orders_for([shop.vacancies["unguarded"]]), guard=False)

    assert sum(qty for sold in told for _, qty, purchase in sold if purchase) > 30
    with pytest.raises(AssertionError):
        assert_sold_is_what_was_acknowledged(shop, told)
    _forget(shop, shop.vacancies["unguarded"])


def _forget(shop: Shop, vacancy: int) -> None:
    """Take out what the negative control left, or every later audit of this shop would fail."""
    purchases = f"SELECT id FROM tickets_purchase WHERE vacancy_id = {vacancy}"  # noqa: S608
    shop.write(f"DELETE FROM tickets_ticket WHERE purchase_id IN ({purchases})")  # noqa: S608
    shop.write(f"DELETE FROM tickets_purchase WHERE vacancy_id = {vacancy}")  # noqa: S608
