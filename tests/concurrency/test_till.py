"""The till: many buyers, one COMMIT, and nobody pays for somebody else's trouble."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.db import DatabaseError, OperationalError, connection, transaction
from django.utils import timezone

from tests.conftest import make_vacancy
from tickets import services, till
from tickets.models import ApiKey, Purchase, Ticket
from tickets.selectors import Client
from tickets.services import Order, Sale
from vacancy import services as stock_services
from vacancy.lanes import LaneFull
from vacancy.models import Vacancy
from vacancy.services import SoldOut, VacancyNotFound

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stock(db: None) -> Vacancy:
    """Five places."""
    return make_vacancy(capacity=5)


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Collect the quantities of each batch that reaches the database."""
    seen: list[list[int]] = []
    real = services.buy_together

    def watched(*, orders: Sequence[Order], now: datetime) -> list[Sale | Exception]:
        seen.append([order.qty for order in orders])
        return real(orders=orders, now=now)

    monkeypatch.setattr(services, "buy_together", watched)
    return seen


def order(stock: Vacancy, qty: int = 1) -> Order:
    """Ask for some of the stock, without a key."""
    return Order(vacancy_id=stock.pk, qty=qty, client=None)


async def all_answers(orders: list[Order]) -> list[Any]:
    """Ask at the same moment; return sales and errors in the order of asking."""
    return await asyncio.gather(*(till.sell(one) for one in orders), return_exceptions=True)


async def counters(stock: Vacancy) -> tuple[int, int]:
    """Read what is available and sold."""
    await database_sync_to_async(stock.refresh_from_db)()
    return stock.available, stock.sold


async def test_those_who_wait_together_are_served_together(
    stock: Vacancy, batches: list[list[int]]
) -> None:
    """One transaction for all who came before it began."""
    answers = await all_answers([order(stock) for _ in range(4)])

    assert all(isinstance(answer, Sale) for answer in answers)
    assert [len(batch) for batch in batches] == [4]


async def test_first_come_first_served(stock: Vacancy) -> None:
    """The places go in the order of asking; a smaller wish behind a refusal still gets its own."""
    answers = await all_answers([order(stock, 3), order(stock, 4), order(stock, 2)])

    assert [type(answer) for answer in answers] == [Sale, SoldOut, Sale]
    assert await counters(stock) == (0, 5)


async def test_remaining_counts_down_inside_a_batch(stock: Vacancy) -> None:
    """Each answer says what was left right after it."""
    answers = await all_answers([order(stock) for _ in range(3)])

    assert [answer.remaining for answer in answers] == [4, 3, 2]


async def test_one_that_fails_harms_nobody_else(
    stock: Vacancy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database error of one buyer is that buyer's; the others have their places."""
    real = stock_services.places_sell_in_order

    def fails_for_two(*, qtys: Sequence[int], **rest: Any) -> stock_services.Granted:
        if 2 in qtys:
            raise OperationalError("deadlock detected")
        return real(qtys=qtys, **rest)

    monkeypatch.setattr(stock_services, "places_sell_in_order", fails_for_two)
    answers = await all_answers([order(stock, 1), order(stock, 2), order(stock, 1)])

    assert [type(answer) for answer in answers] == [Sale, OperationalError, Sale]
    assert await counters(stock) == (3, 2)


class _LoseOnce:
    """Fails at the first COMMIT and works from then on."""

    def __init__(self, wrapper: Any) -> None:
        self.commit = wrapper._commit
        self.lost = False

    def __call__(self) -> None:
        if self.lost:
            self.commit()
            return
        self.lost = True
        raise OperationalError("server closed the connection unexpectedly")


async def test_failed_commit_tells_nobody_yes(
    stock: Vacancy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a lost COMMIT sold or not is unknown: nobody is served a second time for it."""

    def first_commit_is_lost(*, orders: Sequence[Order], now: datetime) -> list[Sale | Exception]:
        # Set and undone in the lane's own thread, whose connection the name stands for there.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(connection, "_commit", _LoseOnce(connection))
            return real(orders=orders, now=now)

    real = services.buy_together
    monkeypatch.setattr(services, "buy_together", first_commit_is_lost)
    answers = await all_answers([order(stock), order(stock)])

    assert [type(answer) for answer in answers] == [OperationalError, OperationalError]
    assert await counters(stock) == (5, 0)


async def test_waiter_who_left_before_their_turn_buys_nothing(
    stock: Vacancy, batches: list[list[int]]
) -> None:
    """Hung up in the queue: skipped, not sold, and in nobody's way."""
    leaving = asyncio.ensure_future(till.sell(order(stock, 2)))
    staying = asyncio.ensure_future(till.sell(order(stock, 1)))
    await asyncio.sleep(0)  # both are in the queue now, and nobody was served yet
    leaving.cancel()

    await staying

    assert batches == [[1]]
    assert await counters(stock) == (4, 1)


async def test_full_queue_is_said_at_once(stock: Vacancy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit: overloaded, and nothing sold."""
    monkeypatch.setattr(till, "QUEUE_LIMIT", 2)

    answers = await all_answers([order(stock) for _ in range(3)])

    assert [type(answer) for answer in answers] == [Sale, Sale, LaneFull]
    assert await counters(stock) == (3, 2)


async def test_batch_is_bounded(
    stock: Vacancy, batches: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long queue is served in several transactions, in order."""
    monkeypatch.setattr(till, "BATCH_LIMIT", 2)

    await all_answers([order(stock) for _ in range(5)])

    assert [len(batch) for batch in batches] == [2, 2, 1]


async def test_twins_in_one_batch_get_one_purchase(stock: Vacancy, key_row: ApiKey) -> None:
    """The same idempotency key twice at the same moment: one sale, one answer, nobody else hurt."""
    client = Client(key_row.pk, "shop", frozenset({"buy"}), None)
    twin = Order(vacancy_id=stock.pk, qty=1, client=client, idempotency_key="same")

    answers = await all_answers([twin, order(stock), twin])

    assert answers[0].purchase.pk == answers[2].purchase.pk
    assert answers[0].codes == answers[2].codes
    assert await counters(stock) == (3, 2)


async def test_reused_key_in_a_batch_is_refused_alone(stock: Vacancy, key_row: ApiKey) -> None:
    """Another request under an answered key gets its own refusal; its neighbours are served."""
    client = Client(key_row.pk, "shop", frozenset({"buy"}), None)
    first = Order(vacancy_id=stock.pk, qty=1, client=client, idempotency_key="same")
    await till.sell(first)

    answers = await all_answers([order(stock), replace(first, qty=2), order(stock)])

    assert [type(answer) for answer in answers] == [Sale, services.IdempotencyKeyReused, Sale]
    assert await counters(stock) == (2, 3)


async def test_batch_for_several_vacancies_serves_each(stock: Vacancy) -> None:
    """One COMMIT for all; who asks for what is not there hurts nobody."""
    other = await database_sync_to_async(make_vacancy)(capacity=1)
    nowhere = Order(vacancy_id=4711, qty=1, client=None)

    answers = await all_answers([order(other), order(stock), nowhere, order(other)])

    assert [type(answer) for answer in answers] == [Sale, Sale, VacancyNotFound, SoldOut]
    assert (await counters(other), await counters(stock)) == ((0, 1), (4, 1))


async def test_batch_leaves_rows_that_equal_the_counters(stock: Vacancy) -> None:
    """A ticket for each place, a purchase for each buyer."""
    await all_answers([order(stock, 2), order(stock, 1), order(stock, 1), order(stock, 3)])

    rows = await database_sync_to_async(
        lambda: (Purchase.objects.count(), Ticket.objects.count())
    )()
    assert rows == (3, 4)
    assert await counters(stock) == (1, 4)


def test_alone_and_together_answer_alike(stock: Vacancy) -> None:
    """A batch of one is the same sale."""
    [answer] = services.buy_together(orders=[order(stock)], now=timezone.now())

    assert isinstance(answer, Sale)
    assert answer.remaining == 4


def test_batch_refuses_to_hide_in_another_transaction(stock: Vacancy) -> None:
    """An answer leaves after COMMIT; inside somebody else's transaction it could not."""
    orders = [order(stock), order(stock)]

    with transaction.atomic(), pytest.raises((RuntimeError, DatabaseError)):
        services.buy_together(orders=orders, now=timezone.now())
