"""The till's short way to SQLite: which orders the event loop serves itself, and what is kept."""

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from tests.backends import BACKEND
from tests.concurrency.asking import order
from tickets import alone, selling, till
from tickets.models import Hold, Purchase, Ticket
from tickets.selectors import Client
from tickets.waiting import Waiting
from tickets.wishes import Answer, Held, HoldOrder, IdempotencyKeyReused, Order, Sale
from vacancy import trips
from vacancy.lanes import LaneFull
from vacancy.models import Vacancy
from vacancy.services import NotOnSale, OverPurchaseLimit, SoldOut, VacancyNotFound

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_S = 60
REAL_COMMIT = trips._commit


@pytest.fixture
async def served_by_thread(
    stock: Vacancy, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[int, bool]]:
    """Let this test's loop serve; collect the size of each batch that the thread did.

    And whether it had been begun.
    """
    monkeypatch.setattr(alone, "SLOW_S", float("inf"))  # however busy this machine is
    till.TILL.home.alone._slow_until = 0.0
    till.serve_from_this_loop()
    await till.warm()
    await idle()
    seen: list[tuple[int, bool]] = []
    real = selling.serve_together

    def watched(*, wishes: Sequence[Any], begun: Any, **rest: Any) -> list[Answer]:
        assert threading.current_thread().name == "till"
        seen.append((len(wishes), begun is not None))
        return real(wishes=wishes, begun=begun, **rest)

    monkeypatch.setattr(selling, "serve_together", watched)
    till.TILL.line.crowd_until = 0.0  # of the test before
    return seen


async def idle() -> None:
    """Wait until the till's thread has nothing to do."""
    while not till.TILL.line.is_idle:  # noqa: ASYNC110  # it tells nobody
        await asyncio.sleep(0)


async def sell(wish: Order) -> Any:
    """Return the sale or the refusal, and leave the till idle."""
    [answer] = await asyncio.gather(till.sell(wish), return_exceptions=True)
    await idle()
    return answer


@database_sync_to_async
def stored(stock: Vacancy) -> tuple[int, int, int, int]:
    """Read what is available and sold, and count purchases and tickets."""
    stock.refresh_from_db()
    return stock.available, stock.sold, Purchase.objects.count(), Ticket.objects.count()


@database_sync_to_async
def change(stock: Vacancy, **fields: Any) -> None:
    """Change the row as somebody in another process might."""
    Vacancy.objects.filter(pk=stock.pk).update(**fields)


class TestWhoIsServed:
    """By the loop: fresh orders that are alone. Everybody else by the thread."""

    __test__ = BACKEND == "sqlite"

    async def test_order_alone_needs_no_thread(
        self, served_by_thread: list[tuple[int, bool]], stock: Vacancy
    ) -> None:
        """Nor does the next; each is committed when it is answered."""
        first = await till.sell(order(stock, qty=2))
        assert await stored(stock) == (3, 2, 1, 2)

        second = await till.sell(order(stock))

        assert await stored(stock) == (2, 3, 2, 3)
        assert (first.remaining, second.remaining) == (3, 2)
        assert served_by_thread == []

    async def test_keyed_order_and_hold_need_none_either(
        self, served_by_thread: list[tuple[int, bool]], stock: Vacancy, client: Client
    ) -> None:
        """They are remembered as any."""
        keyed = order(stock, client=client, idempotency_key="k-1")
        sale = await sell(keyed)
        hold = HoldOrder(vacancy_id=stock.pk, qty=2, seconds=60, client=client)
        held = await till.hold(hold)
        await idle()

        assert isinstance(held, Held)
        assert served_by_thread == []
        assert await Hold.objects.acount() == 1
        assert (await stored(stock))[:2] == (2, 1)

        assert await sell(keyed) == sale  # a repeat, which is the thread's
        other = order(stock, qty=2, client=client, idempotency_key="k-1")
        assert isinstance(await sell(other), IdempotencyKeyReused)
        assert served_by_thread == [(1, False)] * 2
        assert (await stored(stock))[:2] == (2, 1)

    async def test_crowd_is_served_together(
        self, served_by_thread: list[tuple[int, bool]], stock: Vacancy
    ) -> None:
        """All but the first, with one COMMIT; and whoever comes right after it joins the thread."""
        answers = await asyncio.gather(*(till.sell(order(stock)) for _ in range(4)))
        assert [answer.remaining for answer in answers] == [4, 3, 2, 1]
        assert served_by_thread == [(3, False)]
        assert till.TILL.line.crowd_until > 0

        till.TILL.line.crowd_until = float("inf")
        assert isinstance(await sell(order(stock)), Sale)
        till.TILL.line.crowd_until = 0.0

        assert served_by_thread == [(3, False), (1, False)]
        assert await stored(stock) == (0, 5, 5, 5)

    async def test_refusal_is_the_threads(
        self, served_by_thread: list[tuple[int, bool]], stock: Vacancy
    ) -> None:
        """Whatever the reason, and nothing is changed."""
        assert isinstance(await sell(order(stock, qty=11)), OverPurchaseLimit)
        assert isinstance(await sell(order(stock, qty=6)), SoldOut)
        missing = Order(vacancy_id=stock.pk + 1, qty=1, client=None)
        assert isinstance(await sell(missing), VacancyNotFound)
        for_rehearsal = order(stock, client=Client(1, "lab", frozenset({"buy"}), stock.pk))
        assert isinstance(await sell(for_rehearsal), VacancyNotFound)

        assert len(served_by_thread) == 4
        assert await stored(stock) == (5, 0, 0, 0)

    async def test_default_vacancy_and_one_that_closes_are_the_threads(
        self, served_by_thread: list[tuple[int, bool]], stock: Vacancy
    ) -> None:
        """One must be looked up, the other may have to be closed."""
        await change(stock, is_default=True)
        assert isinstance(await sell(Order(vacancy_id=None, qty=1, client=None)), Sale)
        await change(stock, close_when_sold_out=True)
        assert isinstance(await sell(order(stock, qty=4)), Sale)

        assert served_by_thread == [(1, False)] * 2
        await database_sync_to_async(stock.refresh_from_db)()
        assert (stock.state, stock.sold) == (Vacancy.State.CLOSED, 5)

    async def test_thread_serves_one_now_and_then(
        self,
        served_by_thread: list[tuple[int, bool]],
        stock: Vacancy,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Its connection alone moves SQLite's log into the database."""
        monkeypatch.setattr(alone, "IN_A_ROW", 2)
        seen = [len(served_by_thread) for _ in range(5) if await sell(order(stock))]
        assert seen == [0, 0, 1, 1, 1]

        own = till.TILL.home.alone._own.connection
        assert own.execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)

    async def test_slow_disk_is_the_threads(
        self,
        served_by_thread: list[tuple[int, bool]],
        stock: Vacancy,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """After an order that took long, others do not wait with the next."""
        with monkeypatch.context() as patch:
            patch.setattr(alone, "SLOW_S", 0.0)
            await sell(order(stock))
        assert served_by_thread == []

        await sell(order(stock))
        assert served_by_thread == [(1, False)]

        till.TILL.home.alone._slow_until = 0.0
        await sell(order(stock))
        assert served_by_thread == [(1, False)]

    async def test_turn_of_a_loop_that_was_stopped_ends(
        self, served_by_thread: list[tuple[int, bool]], stock: Vacancy
    ) -> None:
        """Others need not wait for it."""
        stopped = asyncio.new_event_loop()
        stopped.close()
        till.TILL.line.begin(stopped)

        assert isinstance(await sell(order(stock)), Sale)

    async def test_turn_of_a_loop_that_was_stopped_ends_behind_a_full_line_too(
        self,
        served_by_thread: list[tuple[int, bool]],
        stock: Vacancy,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Who finds it full is refused, and lets the thread go on for those who come later."""
        line, stopped = till.TILL.line, asyncio.new_event_loop()
        stopped.close()
        line.begin(stopped)
        monkeypatch.setattr(line, "limit", 1)
        line.waiting.append(first := Waiting(order(stock)))

        async with asyncio.timeout(PATIENCE_S):
            assert isinstance(await sell(order(stock)), LaneFull)
            assert isinstance(await first.answer, Sale)
            assert isinstance(await sell(order(stock)), Sale)


class TestAsItWasLeft:
    """The row is not read again, so what changed it meanwhile must be noticed all the same."""

    __test__ = BACKEND == "sqlite"

    async def test_row_is_read_once(
        self,
        served_by_thread: list[tuple[int, bool]],
        stock: Vacancy,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """As long as the loop serves."""
        looks: list[int] = []
        real = alone.Alone._look

        def watched(self: alone.Alone, *which: Any) -> Vacancy | None:
            looks.append(which[0])
            return real(self, *which)

        monkeypatch.setattr(alone.Alone, "_look", watched)
        for _ in range(3):
            await sell(order(stock))

        assert looks == [stock.pk]
        assert await stored(stock) == (2, 3, 3, 3)

    @pytest.mark.parametrize(
        ("changed", "outcome"),
        [
            ({"state": Vacancy.State.PAUSED}, NotOnSale),
            ({"on_sale_from": timezone.now() + timedelta(days=1)}, NotOnSale),
            ({"on_sale_until": timezone.now() - timedelta(days=1)}, NotOnSale),
            ({"max_per_purchase": 1}, OverPurchaseLimit),
            ({"available": 1, "held": 3}, SoldOut),
            ({"price": 1}, 2),
            ({"currency": "USD"}, 9000),
            ({"fence": 7}, 9000),
        ],
        ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
    )
    async def test_change_by_somebody_else_counts(
        self,
        served_by_thread: list[tuple[int, bool]],
        stock: Vacancy,
        changed: dict[str, Any],
        outcome: Any,
    ) -> None:
        """The thread looks, and decides by what is there."""
        await till.sell(order(stock))
        await change(stock, **changed)

        answer = await sell(order(stock, qty=2))

        if isinstance(outcome, int):
            assert isinstance(answer, Sale)
            assert answer.total == outcome
            assert answer.currency == changed.get("currency", "EUR")
        else:
            assert isinstance(answer, outcome)
            assert (await stored(stock))[2:] == (1, 1)
        assert served_by_thread == [(1, False)]

    async def test_places_that_came_back_are_sold(
        self, served_by_thread: list[tuple[int, bool]], stock: Vacancy
    ) -> None:
        """Nobody is refused by what is remembered."""
        await till.sell(order(stock, qty=5))
        await change(stock, available=1, sold=4)

        assert isinstance(await sell(order(stock)), Sale)
        assert (await stored(stock))[:2] == (0, 5)


class TestTrouble:
    """What the loop cannot finish, the thread does, once."""

    __test__ = BACKEND == "sqlite"

    async def test_loop_waits_for_no_lock(
        self,
        served_by_thread: list[tuple[int, bool]],
        stock: Vacancy,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """The thread does, while the loop goes on."""
        own = till.TILL.home.alone._own.connection
        assert own.execute("PRAGMA busy_timeout").fetchone() == (0,)
        other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        selling_one = asyncio.create_task(till.sell(order(stock)))
        await asyncio.sleep(0)
        assert not selling_one.done()
        other.close()  # which takes its transaction back

        assert isinstance(await selling_one, Sale)
        assert served_by_thread == [(1, False)]
        assert await stored(stock) == (4, 1, 1, 1)
        assert caplog.records == []

    @pytest.mark.parametrize("happened", [True, False])
    @pytest.mark.parametrize("closes", [True, False])
    async def test_lost_commit_is_found_out_about(
        self,
        served_by_thread: list[tuple[int, bool]],
        stock: Vacancy,
        monkeypatch: pytest.MonkeyPatch,
        happened: bool,
        closes: bool,
    ) -> None:
        """It is sold once, whether that COMMIT happened or not, and the next is alone again."""
        await till.sell(order(stock))

        def lose(database: sqlite3.Connection) -> None:
            monkeypatch.setattr(trips, "_commit", REAL_COMMIT)
            if happened:
                REAL_COMMIT(database)
            if closes:
                database.close()
            raise sqlite3.OperationalError("disk I/O error")

        monkeypatch.setattr(trips, "_commit", lose)
        answer = await sell(order(stock, qty=2))
        assert isinstance(answer, Sale)
        assert await stored(stock) == (2, 3, 2, 3)
        assert await Purchase.objects.filter(pk=answer.id).aexists()
        assert served_by_thread == [(1, True)]

        assert isinstance(await sell(order(stock)), Sale)
        assert served_by_thread == [(1, True)]

    async def test_thread_goes_on_if_there_is_no_other_connection(
        self,
        served_by_thread: list[tuple[int, bool]],
        stock: Vacancy,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """And tries to make one each time that it served somebody."""

        def fail(self: BaseDatabaseWrapper) -> None:
            raise OperationalError("unable to open database file")

        till.TILL.home.alone.close()
        with monkeypatch.context() as patch:
            patch.setattr(BaseDatabaseWrapper, "connect", fail)
            seen = [len(served_by_thread) for _ in range(2) if await sell(order(stock))]
        seen += [len(served_by_thread) for _ in range(2) if await sell(order(stock))]

        assert seen == [1, 2, 3, 3]
        assert await stored(stock) == (1, 4, 4, 4)

    async def test_connection_that_cannot_read_is_replaced(
        self,
        served_by_thread: list[tuple[int, bool]],
        stock: Vacancy,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Once, and it is said."""
        till.TILL.home.alone._own.connection.close()
        seen = [len(served_by_thread) for _ in range(3) if await sell(order(stock))]

        assert seen == [1, 1, 1]
        assert [record.name for record in caplog.records] == [alone.__name__]
        assert await stored(stock) == (2, 3, 3, 3)

    async def test_bug_is_said(
        self,
        served_by_thread: list[tuple[int, bool]],
        stock: Vacancy,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """The thread sells all the same."""
        monkeypatch.setattr(alone.Alone, "_grant", lambda *_: 1 / 0)

        assert isinstance(await sell(order(stock)), Sale)
        assert served_by_thread == [(1, False)]
        assert [record.exc_info is not None for record in caplog.records] == [True]

    async def test_write_that_fails_keeps_nothing(
        self,
        served_by_thread: list[tuple[int, bool]],
        stock: Vacancy,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A bug or a full disk: the thread starts from nothing."""

        def fail(*_: Any) -> None:
            monkeypatch.undo()
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr(trips.Steps, "_make", fail)
        [answer] = await asyncio.gather(till.sell(order(stock)), return_exceptions=True)

        assert isinstance(answer, Sale)
        assert await stored(stock) == (4, 1, 1, 1)
