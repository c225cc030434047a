"""The till: many buyers, one COMMIT, and nobody pays for somebody else's trouble."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.db import DatabaseError, OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from tests.backends import BACKEND
from tests.conftest import make_vacancy
from tickets import batch, group_commit, line, selling, till
from tickets.models import ApiKey, Purchase, Ticket
from tickets.selectors import Client
from tickets.wishes import Answer, IdempotencyKeyReused, Order, OutcomeUnknown, Sale
from vacancy import services as stock_services
from vacancy import trips
from vacancy.lanes import LaneFull
from vacancy.models import Vacancy
from vacancy.services import SoldOut, VacancyNotFound
from vacancy.trips import Changed, Trip

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_S = 60


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Collect the quantities of each batch that reaches the database."""
    seen: list[list[int]] = []
    real = selling.serve_together

    def watched(*, wishes: Sequence[Any], **rest: Any) -> list[Answer]:
        seen.append([wish.qty for wish in wishes])
        return real(wishes=wishes, **rest)

    monkeypatch.setattr(selling, "serve_together", watched)
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


@pytest.mark.parametrize("error", [OperationalError("deadlock detected"), ValueError("a bug")])
async def test_one_that_fails_harms_nobody_else(
    stock: Vacancy, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """An error of one buyer is that buyer's, whatever it is; the others have their places."""
    real = stock_services.places_grant

    def fails_for_two(*, wishes: Sequence[Any], **rest: Any) -> stock_services.Granted:
        if any(wish.qty == 2 for wish in wishes):
            raise error
        return real(wishes=wishes, **rest)

    monkeypatch.setattr(stock_services, "places_grant", fails_for_two)
    answers = await all_answers([order(stock, 1), order(stock, 2), order(stock, 1)])

    assert [type(answer) for answer in answers] == [Sale, type(error), Sale]
    assert await counters(stock) == (3, 2)


async def test_bug_met_alone_at_one_vacancy_harms_nobody_at_another(
    stock: Vacancy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The only buyer of the one vacancy gets the error, those of the other their places."""
    other = await database_sync_to_async(make_vacancy)(capacity=1)
    real = stock_services.places_grant

    def fails_for_other(*, vacancy: Vacancy, **rest: Any) -> stock_services.Granted:
        if vacancy.pk == other.pk:
            raise ValueError("a bug")
        return real(vacancy=vacancy, **rest)

    monkeypatch.setattr(stock_services, "places_grant", fails_for_other)

    answers = await all_answers([order(stock), order(other), order(stock)])

    assert [type(answer) for answer in answers] == [Sale, ValueError, Sale]
    assert await counters(stock) == (3, 2)


LEAVE = "SELECT pg_terminate_backend(pg_backend_pid())"


class _LostCommit:
    """Stands for a COMMIT: fails once, before or after the database has done it."""

    def __init__(self, real: Callable[..., None], error: Exception, *, done: bool) -> None:
        self.real, self.error, self.done = real, error, done
        self.calls = 0

    def __call__(self, *args: Any) -> None:
        self.calls += 1
        if self.done or self.calls > 1:
            self.real(*args)
        if self.calls == 1:
            raise self.error


def lose_statement(monkeypatch: pytest.MonkeyPatch, *, done: bool) -> list[Trip]:
    """Let the server leave before or after the next batch's statement; return it when it is."""
    real = Trip.send
    lost: list[Trip] = []

    def send(self: Trip) -> None:
        if lost:
            real(self)
            return
        lost.append(self)
        if done:
            real(self)
        with trips.what_became_of_it():
            trips.run(LEAVE, [])

    monkeypatch.setattr(Trip, "send", send)
    return lost


@pytest.fixture
def lose_commit(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Let the COMMIT of the next batch get lost; `alone`: which was sent by itself."""
    lost: list[_LostCommit] = []
    statements: list[list[Trip]] = []

    def arrange(*, done: bool, alone: bool = False) -> None:
        if alone:
            lost.append(_LostCommit(_django_commit, OperationalError("connection lost"), done=done))
            monkeypatch.setattr(batch.Batch, "serve", with_lost_commit)
        elif BACKEND == "postgres":
            statements.append(lose_statement(monkeypatch, done=done))
        else:
            error = sqlite3.OperationalError("disk I/O error")
            lost.append(_LostCommit(trips._commit, error, done=done))
            monkeypatch.setattr(trips, "_commit", lost[0])

    real = batch.Batch.serve

    def with_lost_commit(self: batch.Batch) -> None:
        # Set in the till's thread: the name stands for another connection in each.
        connections["default"]._commit = lost[0]  # type: ignore[attr-defined]
        real(self)

    yield arrange
    asyncio.run(till.run(lambda: connections["default"].__dict__.pop("_commit", None)))
    assert all(one.calls for one in lost), "nothing was lost, so nothing was tested"
    assert all(statements), "nothing was lost, so nothing was tested"


def _django_commit() -> None:
    BaseDatabaseWrapper._commit(connections["default"])  # type: ignore[attr-defined]


@pytest.mark.parametrize("done", [True, False])
async def test_lost_commit_is_looked_up_before_anything_is_answered(
    stock: Vacancy, lose_commit: Callable[..., None], done: bool
) -> None:
    """Whether the database had done it or not: each is sold to once, and is told so."""
    lose_commit(done=done)

    answers = await all_answers([order(stock), order(stock)])

    assert [type(answer) for answer in answers] == [Sale, Sale]
    assert await counters(stock) == (3, 2)
    stored = await database_sync_to_async(
        lambda: set(Purchase.objects.values_list("pk", flat=True))
    )()
    assert {answer.id for answer in answers} == stored


class TestLate:
    """A statement that the server gets to when nobody waits for it any more."""

    __test__ = BACKEND == "postgres"  # SQLite has no server that could be late

    async def test_it_sells_nothing(self, stock: Vacancy, monkeypatch: pytest.MonkeyPatch) -> None:
        """It was sent before the connection was lost; all others have been served since."""
        lost = lose_statement(monkeypatch, done=False)
        answers = await all_answers([order(stock), order(stock)])

        with pytest.raises(Changed):
            await database_sync_to_async(lost[0].send)()

        assert [type(answer) for answer in answers] == [Sale, Sale]
        assert await counters(stock) == (3, 2)


@pytest.mark.parametrize("done", [True, False])
async def test_commit_that_goes_alone_is_looked_up_too(
    lose_commit: Callable[..., None], done: bool
) -> None:
    """Where something is left to do after the places moved, the COMMIT is a trip of its own."""
    closing = await database_sync_to_async(make_vacancy)(capacity=2, close_when_sold_out=True)
    lose_commit(done=done, alone=True)

    answers = await all_answers([order(closing), order(closing)])

    assert [type(answer) for answer in answers] == [Sale, Sale]
    assert await counters(closing) == (0, 2)
    assert closing.state == Vacancy.State.CLOSED


async def test_repeat_in_the_batch_is_no_proof_of_a_commit_that_was_lost(
    stock: Vacancy, key_row: ApiKey, lose_commit: Callable[..., None]
) -> None:
    """The row of an earlier sale is there anyway; whoever is told yes now has their own."""
    client = Client(key_row.pk, "shop", frozenset({"buy"}), None)
    earlier = Order(vacancy_id=stock.pk, qty=1, client=client, idempotency_key="earlier")
    await till.sell(earlier)
    lose_commit(done=False)

    answers = await all_answers([earlier, order(stock)])

    stored = await database_sync_to_async(
        lambda: set(Purchase.objects.values_list("pk", flat=True))
    )()
    assert {answer.id for answer in answers} == stored
    assert await counters(stock) == (3, 2)


async def test_nobody_is_told_yes_or_no_while_the_database_cannot_be_asked(
    stock: Vacancy, lose_commit: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one answer after which something may have been sold says so."""

    def away(*_: Any) -> bool:
        raise OperationalError("could not connect")

    lose_commit(done=True)
    monkeypatch.setattr(selling, "_are_stored", away)

    answers = await all_answers([order(stock), order(stock)])

    assert [type(answer) for answer in answers] == [OutcomeUnknown, OutcomeUnknown]


async def test_database_that_is_away_is_waited_for_once_by_all_who_wait(
    stock: Vacancy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One try to connect, and all are told: batch after batch and job after job would add up."""
    tries: list[int] = []

    def away(_: BaseDatabaseWrapper) -> None:
        tries.append(1)
        raise OperationalError("could not connect")

    monkeypatch.setattr(line, "BATCH_LIMIT", 2)
    await till.run(lambda: connections["default"].close())  # noqa: PLW0108  # the name is another in that thread
    with monkeypatch.context() as while_away:
        while_away.setattr(BaseDatabaseWrapper, "ensure_connection", away)
        job = asyncio.ensure_future(till.run(int))
        answers = await all_answers([order(stock) for _ in range(5)])
        [error] = await asyncio.gather(job, return_exceptions=True)

    assert {type(answer) for answer in (error, *answers)} == {OperationalError}
    assert len(tries) == 1
    assert isinstance(await till.sell(order(stock)), Sale)


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
    monkeypatch.setattr(till.TILL.line, "limit", 2)

    answers = await all_answers([order(stock) for _ in range(3)])

    assert [type(answer) for answer in answers] == [Sale, Sale, LaneFull]
    assert await counters(stock) == (3, 2)


async def test_batch_is_bounded(
    stock: Vacancy, batches: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long queue is served in several transactions, in order."""
    monkeypatch.setattr(line, "BATCH_LIMIT", 2)

    await all_answers([order(stock) for _ in range(5)])

    assert [len(batch) for batch in batches] == [2, 2, 1]


async def test_twins_in_one_batch_get_one_purchase(stock: Vacancy, key_row: ApiKey) -> None:
    """The same idempotency key twice at the same moment: one sale, one answer, nobody else hurt."""
    client = Client(key_row.pk, "shop", frozenset({"buy"}), None)
    twin: Order = Order(vacancy_id=stock.pk, qty=1, client=client, idempotency_key="same")

    answers = await all_answers([twin, order(stock), twin])

    assert answers[0].id == answers[2].id
    assert answers[0].codes == answers[2].codes
    assert await counters(stock) == (3, 2)


async def test_reused_key_in_a_batch_is_refused_alone(stock: Vacancy, key_row: ApiKey) -> None:
    """Another request under an answered key gets its own refusal; its neighbours are served."""
    client = Client(key_row.pk, "shop", frozenset({"buy"}), None)
    first = Order(vacancy_id=stock.pk, qty=1, client=client, idempotency_key="same")
    await till.sell(first)

    answers = await all_answers([order(stock), replace(first, qty=2), order(stock)])

    assert [type(answer) for answer in answers] == [Sale, IdempotencyKeyReused, Sale]
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
    [answer] = selling.serve_together(wishes=[order(stock)], now=timezone.now())

    assert isinstance(answer, Sale)
    assert answer.remaining == 4


def test_batch_refuses_to_hide_in_another_transaction(stock: Vacancy) -> None:
    """An answer leaves after COMMIT; inside somebody else's transaction it could not."""
    orders = [order(stock), order(stock)]

    with transaction.atomic(), pytest.raises((RuntimeError, DatabaseError)):
        selling.serve_together(wishes=orders, now=timezone.now())


@pytest.mark.parametrize(("count", "pauses"), [(2, 0), (4, 2)])
async def test_only_a_crowd_pauses_for_other_processes(
    monkeypatch: pytest.MonkeyPatch, count: int, pauses: int
) -> None:
    """Two who meet by chance do not: SQLite was free for others right before them.

    Each of these jobs begins while the one before it is served, like a batch.
    """
    paused: list[float] = []
    now = time.perf_counter() + 1  # a second after whatever was served before, and then it stands
    clock = SimpleNamespace(perf_counter=lambda: now, sleep=paused.append)
    monkeypatch.setattr(group_commit, "time", clock)
    began, end = threading.Event(), threading.Event()

    def first() -> None:
        began.set()
        end.wait(PATIENCE_S)

    jobs = [asyncio.create_task(till.run(first))]
    await asyncio.to_thread(began.wait, PATIENCE_S)
    jobs += [asyncio.create_task(till.run(lambda: None)) for _ in range(1, count)]
    await asyncio.sleep(0)  # they stand in line
    end.set()
    await asyncio.gather(*jobs)

    expected = pauses if BACKEND == "sqlite" else 0
    assert paused == [group_commit.SQLITE_PAUSE_S] * expected
