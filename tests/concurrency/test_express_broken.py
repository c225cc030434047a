"""The till's short way to PostgreSQL: what happens if it breaks, or the event loop does."""

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NoReturn

import psycopg
import pytest
from channels.db import database_sync_to_async
from django.db import DataError, OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F
from django.utils import timezone

from tests.backends import BACKEND
from tests.concurrency.asking import all_answers, counters, idle_turns, order, stored_ids
from tests.conftest import make_vacancy
from tickets import repeats, till
from tickets.express import Express
from tickets.selectors import Client
from tickets.wishes import Order, OutcomeUnknown, Sale
from vacancy import trips
from vacancy.models import Vacancy
from vacancy.services import NotOnSale, SoldOut

pytestmark = pytest.mark.django_db(transaction=True)

Run = Callable[..., Any]
PATIENCE_S = 60
REAL_RUN: Run = Express._run


def break_write(monkeypatch: pytest.MonkeyPatch, how: Callable[[Run], Any]) -> None:
    """Let the next write of the express go another way; `how` may send it, or not."""
    broken: list[bool] = []

    async def run(self: Express, *statement: Any, keep_plan: bool) -> Any:
        async def real() -> Any:
            return await REAL_RUN(self, *statement, keep_plan=keep_plan)

        if not keep_plan or broken:
            return await real()
        broken.append(True)
        return await how(real)

    monkeypatch.setattr(Express, "_run", run)


class TestBroken:
    """It was lost, or somebody else was faster: nobody is told anything that is not so."""

    __test__ = BACKEND == "postgres"

    async def test_connection_that_died_while_idle_is_noticed_by_nobody(
        self, express: Express, stock: Vacancy, in_thread: list[list[int]]
    ) -> None:
        """The thread serves that batch; the next one goes by express again."""
        assert express._connection is not None
        died = express._connection.info.backend_pid
        await database_sync_to_async(_end_backend)(died)

        first, second = await till.sell(order(stock)), await till.sell(order(stock))

        assert isinstance(first, Sale)
        assert isinstance(second, Sale)
        assert in_thread == [[1]]
        assert express._connection.info.backend_pid != died

    @pytest.mark.parametrize("done", [True, False])
    async def test_write_that_was_lost_is_looked_up_before_anything_is_answered(
        self, express: Express, stock: Vacancy, monkeypatch: pytest.MonkeyPatch, done: bool
    ) -> None:
        """Whether the database had done it or not: each is sold to once, and is told so."""

        async def lose(real: Run) -> NoReturn:
            if done:
                await real()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

        break_write(monkeypatch, lose)
        answers = await all_answers([order(stock), order(stock)])

        assert [type(answer) for answer in answers] == [Sale, Sale]
        assert await counters(stock) == (3, 2)
        assert {answer.id for answer in answers} == await stored_ids()

    async def test_write_that_runs_late_sells_nothing(
        self, express: Express, stock: Vacancy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It was sent before the connection was lost; all others have been served since."""
        sent: list[Any] = []

        async def run(self: Express, *statement: Any, keep_plan: bool) -> Any:
            if keep_plan and not sent:
                sent.extend(statement)
                raise psycopg.OperationalError("server closed the connection unexpectedly")
            return await REAL_RUN(self, *statement, keep_plan=keep_plan)

        monkeypatch.setattr(Express, "_run", run)
        [answer] = await all_answers([order(stock)])

        with pytest.raises(DataError, match="division by zero"):
            await database_sync_to_async(trips.run)(*sent)
        assert isinstance(answer, Sale)
        assert await counters(stock) == (4, 1)

    async def test_stock_that_went_meanwhile_is_not_sold(
        self, express: Express, stock: Vacancy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Somebody in another process was faster."""

        async def be_late(real: Run) -> Any:
            rows = Vacancy.objects.filter(pk=stock.pk)
            await database_sync_to_async(rows.update)(available=0, sold=F("capacity"))
            return await real()

        break_write(monkeypatch, be_late)
        [answer] = await all_answers([order(stock)])

        assert isinstance(answer, SoldOut)
        assert await stored_ids() == set()

    async def test_key_that_came_meanwhile_gets_the_first_answer(
        self,
        express: Express,
        stock: Vacancy,
        client: Client,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A twin in another process had not committed when we looked; the constraint tells."""
        wish = Order(vacancy_id=stock.pk, qty=1, client=client, idempotency_key="same")
        sale = await till.sell(wish)
        monkeypatch.setattr(repeats, "question", lambda _: ("FALSE", []))

        again = await till.sell(wish)

        assert again.id == sale.id
        assert await counters(stock) == (4, 1)

    async def test_bug_of_one_harms_nobody_else(
        self, express: Express, stock: Vacancy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is the thread that finds out whose it is."""
        real = Sale.__new__

        def fails_for_two(*words: Any, **given: Any) -> Any:
            if given.get("qty") == 2:
                raise ValueError("a bug")
            return real(*words, **given)

        monkeypatch.setattr("tickets.recording.Sale", lambda **given: fails_for_two(Sale, **given))
        answers = await all_answers([order(stock, 1), order(stock, 2), order(stock, 1)])

        assert [type(answer) for answer in answers] == [Sale, ValueError, Sale]
        assert await counters(stock) == (3, 2)

    async def test_without_a_database_for_it_the_thread_serves(
        self, express: Express, stock: Vacancy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As when the server has no connection left."""

        tries: list[bool] = []
        clock = [100.0]

        async def none_left(*_: Any, **__: Any) -> NoReturn:
            tries.append(True)
            raise psycopg.OperationalError("too many clients already")

        express.close()
        monkeypatch.setattr("tickets.express.time.monotonic", lambda: clock[0])
        with monkeypatch.context() as full:
            full.setattr(psycopg.AsyncConnection, "connect", none_left)
            answers = [await till.sell(order(stock)) for _ in range(3)]
        clock[0] += 1
        answers += [await till.sell(order(stock)), await till.sell(order(stock))]

        assert [type(answer) for answer in answers] == [Sale] * 5
        assert len(tries) == 1  # each would keep everybody waiting
        assert express.is_open

    async def test_write_that_was_lost_with_the_database_is_neither_yes_nor_no(
        self, express: Express, stock: Vacancy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nobody can be asked whether it happened."""

        async def lose(real: Run) -> NoReturn:
            await real()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

        def away(_: BaseDatabaseWrapper) -> NoReturn:
            raise OperationalError("could not connect")

        break_write(monkeypatch, lose)
        with monkeypatch.context() as while_away:
            while_away.setattr(BaseDatabaseWrapper, "ensure_connection", away)
            answers = await all_answers([order(stock), order(stock)])

        assert {type(answer) for answer in answers} <= {OutcomeUnknown, OperationalError}
        assert isinstance(answers[0], OutcomeUnknown)

    async def test_zone_of_the_database_is_no_matter(
        self,
        express: Express,
        stock: Vacancy,
        in_thread: list[list[int]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A sale begins and ends at its own instants, wherever the server believes to be."""
        monkeypatch.setenv("PGTZ", "Europe/Berlin")
        express.close()
        await till.warm()
        now, hour = timezone.now(), timedelta(hours=1)
        here = Vacancy.objects.filter(pk=stock.pk).update
        await database_sync_to_async(here)(on_sale_from=now - hour, on_sale_until=now + hour)
        early = await database_sync_to_async(make_vacancy)(on_sale_from=now + hour / 2)

        answers = await all_answers([order(stock), order(early)])

        assert [type(answer) for answer in answers] == [Sale, NotOnSale]
        assert in_thread == []


class TestLoops:
    """A server's loop lasts; others end whenever they like, also in the middle of a batch."""

    __test__ = BACKEND == "postgres"

    async def test_driver_that_was_cancelled_before_it_began_is_no_loss(
        self, express: Express, stock: Vacancy
    ) -> None:
        """Then not a line of it runs, and the thread goes on."""
        waiting = asyncio.ensure_future(till.sell(order(stock)))
        while (driver := till.TILL.home.driver) is None:  # noqa: ASYNC110  # turn by turn
            await asyncio.sleep(0)
        driver.cancel()

        assert isinstance(await waiting, Sale)

    async def test_thread_is_not_overtaken_where_a_driver_was_cancelled(
        self, express: Express, stock: Vacancy
    ) -> None:
        """It still serves what that driver handed over, so nobody else begins."""
        began, end = threading.Event(), threading.Event()

        def job() -> None:
            began.set()
            end.wait(PATIENCE_S)

        running = asyncio.create_task(till.run(job))
        await asyncio.to_thread(began.wait)
        driver = till.TILL.home.driver
        assert driver is not None
        driver.cancel()
        await asyncio.wait({driver})
        waiting = asyncio.create_task(till.sell(order(stock)))
        await idle_turns()
        is_idle, last_driver = till.TILL.line.is_idle, till.TILL.home.driver
        end.set()

        assert isinstance(await waiting, Sale)
        await running
        assert (is_idle, last_driver) == (False, driver)

    async def test_loop_that_ends_is_no_loss_to_those_who_wait_elsewhere(
        self, express: Express, stock: Vacancy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its tasks are cancelled, ours among them: the thread says what became of the batch."""
        sending = threading.Event()

        async def run(self: Express, *statement: Any, keep_plan: bool) -> Any:
            if keep_plan and not sending.is_set():
                sending.set()
                await asyncio.sleep(60)  # until the loop ends
            return await REAL_RUN(self, *statement, keep_plan=keep_plan)

        async def leave_while_it_is_sent() -> None:
            till.serve_from_this_loop()
            leaving = asyncio.ensure_future(till.sell(order(stock)))
            await asyncio.to_thread(sending.wait)
            leaving.cancel()

        monkeypatch.setattr(Express, "_run", run)
        elsewhere = asyncio.to_thread(asyncio.run, leave_while_it_is_sent())
        _, sale = await asyncio.gather(elsewhere, self._sell_once(sending, stock))

        assert isinstance(sale, Sale)
        assert await counters(stock) == (3, 2)  # the one who left has bought all the same

    async def _sell_once(self, sending: threading.Event, stock: Vacancy) -> Sale:
        await asyncio.to_thread(sending.wait)
        return await till.sell(order(stock))

    async def test_loop_that_stands_still_is_waited_for_by_nobody(
        self, express: Express, stock: Vacancy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It was stopped in the middle of a batch, and the next who comes is served."""
        loop = asyncio.new_event_loop()

        async def run(self: Express, *statement: Any, keep_plan: bool) -> Any:
            if keep_plan and asyncio.get_running_loop() is loop:
                loop.stop()
                await asyncio.sleep(60)
            return await REAL_RUN(self, *statement, keep_plan=keep_plan)

        def stop_while_it_is_sent() -> "asyncio.Task[Sale]":
            loop.call_soon(till.serve_from_this_loop)
            task = loop.create_task(till.sell(order(stock)))
            loop.run_forever()
            return task

        def go_on(task: "asyncio.Task[Sale]") -> None:
            tasks = asyncio.all_tasks(loop)
            for driver in tasks - {task}:
                driver.cancel()
            loop.run_until_complete(asyncio.wait(tasks))
            loop.close()

        monkeypatch.setattr(Express, "_run", run)
        standing = await asyncio.to_thread(stop_while_it_is_sent)
        [answer] = await all_answers([order(stock)])

        assert isinstance(answer, Sale)
        assert await counters(stock) == (4, 1)

        await asyncio.to_thread(go_on, standing)  # and it can go on where it stood

        assert isinstance(standing.result(), Sale)
        assert await counters(stock) == (3, 2)


def _end_backend(pid: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
