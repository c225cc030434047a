"""The till's short way to PostgreSQL: who takes it, who does not, and what happens if it breaks."""

import asyncio
import threading
from collections.abc import Callable, Sequence
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
from tests.conftest import make_vacancy
from tickets import repeats, selling, till
from tickets.express import Express
from tickets.models import Hold, Purchase, Ticket
from tickets.selectors import Client
from tickets.wishes import (
    Answer,
    Confirmation,
    Held,
    HoldOrder,
    IdempotencyKeyReused,
    Order,
    OutcomeUnknown,
    Sale,
)
from vacancy import trips
from vacancy.models import Vacancy
from vacancy.services import NotOnSale, SoldOut, VacancyNotFound

pytestmark = pytest.mark.django_db(transaction=True)

Run = Callable[..., Any]
PATIENCE_S = 60
REAL_RUN: Run = Express._run


@pytest.fixture
async def express(stock: Vacancy) -> Express:
    """The express of this test's event loop, connected."""
    till.serve_from_this_loop()
    await till.warm()
    if (driver := till.TILL.home.driver) is not None:
        await asyncio.wait({driver})  # nobody is served any more
    opened = till.TILL.home.express
    assert opened.is_open
    return opened


@pytest.fixture
def in_thread(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Collect the quantities of each batch that the thread served."""
    seen: list[list[int]] = []
    real = selling.serve_together

    def watched(*, wishes: Sequence[Any], **rest: Any) -> list[Answer]:
        seen.append([getattr(wish, "qty", 0) for wish in wishes])
        return real(wishes=wishes, **rest)

    monkeypatch.setattr(selling, "serve_together", watched)
    return seen


def order(stock: Vacancy, qty: int = 1) -> Order:
    """Ask for some of the stock, without a key."""
    return Order(vacancy_id=stock.pk, qty=qty, client=None)


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


class TestPlain:
    """What nearly every batch is."""

    __test__ = BACKEND == "postgres"

    async def test_is_served_without_the_thread(
        self, express: Express, stock: Vacancy, client: Client, in_thread: list[list[int]]
    ) -> None:
        """Orders with and without a key, and holds: rows and counters say the same."""
        keyed = Order(vacancy_id=stock.pk, qty=2, client=client, idempotency_key="one")
        kept = HoldOrder(vacancy_id=stock.pk, qty=1, client=client, idempotency_key="h", seconds=60)

        answers = await all_answers([order(stock), keyed, kept])

        assert [type(answer) for answer in answers] == [Sale, Sale, Held]
        assert in_thread == []
        assert await counters(stock) == (1, 3)
        rows = await database_sync_to_async(
            lambda: (Purchase.objects.count(), Ticket.objects.count(), Hold.objects.count())
        )()
        assert rows == (2, 3, 1)

    async def test_goes_in_the_order_of_asking(
        self, express: Express, stock: Vacancy, in_thread: list[list[int]]
    ) -> None:
        """First come, first served; a smaller wish behind a refusal still gets its own."""
        answers = await all_answers([order(stock, 3), order(stock, 4), order(stock), order(stock)])

        assert [type(answer) for answer in answers] == [Sale, SoldOut, Sale, Sale]
        assert [answer.remaining for answer in answers if isinstance(answer, Sale)] == [2, 1, 0]
        assert in_thread == []

    async def test_may_be_for_several_vacancies(
        self, express: Express, stock: Vacancy, in_thread: list[list[int]]
    ) -> None:
        """One statement for all of them."""
        other = await database_sync_to_async(make_vacancy)(capacity=1)

        answers = await all_answers([order(other), order(stock), order(other)])

        assert [type(answer) for answer in answers] == [Sale, Sale, SoldOut]
        assert (await counters(other), await counters(stock)) == ((0, 1), (4, 1))
        assert in_thread == []

    async def test_is_half_of_who_waits_so_that_halves_take_turns(
        self, express: Express, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """While one half is in the database, the loop works for the other."""
        hall = await database_sync_to_async(make_vacancy)(capacity=100)
        sizes: list[int] = []
        real = Express.serve

        async def watched(self: Express, **given: Any) -> list[Answer]:
            sizes.append(len(given["wishes"]))
            return await real(self, **given)

        monkeypatch.setattr(Express, "serve", watched)
        await till.sell(order(hall))
        await all_answers([order(hall) for _ in range(20)])

        assert sizes[:3] == [1, 11, 9]

    async def test_leaves_out_who_left(self, express: Express, stock: Vacancy) -> None:
        """Hung up in the queue: not sold, and in nobody's way."""
        leaving = asyncio.ensure_future(till.sell(order(stock, 2)))
        staying = asyncio.ensure_future(till.sell(order(stock, 1)))
        await asyncio.sleep(0)  # both are in the queue now, and nobody was served yet
        leaving.cancel()

        await staying

        assert await counters(stock) == (4, 1)

    async def test_waits_for_a_job_that_came_before(self, express: Express, stock: Vacancy) -> None:
        """What changes stock without selling stands in the same line."""
        close = Vacancy.objects.filter(pk=stock.pk).update

        answers = await asyncio.gather(
            till.sell(order(stock)),
            till.run(close, state=Vacancy.State.CLOSED),
            till.sell(order(stock)),
            return_exceptions=True,
        )

        assert [getattr(answer, "code", "sold") for answer in answers[::2]] == [
            "sold",
            "not-on-sale",
        ]


class TestOutOfTheOrdinary:
    """What the thread serves, as if there were no express."""

    __test__ = BACKEND == "postgres"

    async def test_repeat_gets_the_first_answer(
        self, express: Express, stock: Vacancy, client: Client
    ) -> None:
        """Also in a batch with others, and a reused key is refused alone."""
        first = Order(vacancy_id=stock.pk, qty=1, client=client, idempotency_key="same")
        sale = await till.sell(first)
        reused = Order(vacancy_id=stock.pk, qty=2, client=client, idempotency_key="same")

        [again], [other, refused] = (
            await all_answers([first]),
            await all_answers([order(stock), reused]),
        )

        assert (again.id, again.codes) == (sale.id, sale.codes)
        assert [type(other), type(refused)] == [Sale, IdempotencyKeyReused]
        assert await counters(stock) == (3, 2)

    async def test_repeat_of_a_hold_gets_the_first_answer(
        self, express: Express, stock: Vacancy, client: Client
    ) -> None:
        """Holds have a table of their own."""
        wish = HoldOrder(vacancy_id=stock.pk, qty=1, client=client, idempotency_key="h", seconds=60)

        first, again = await till.hold(wish), await till.hold(wish)

        assert first.hold.pk == again.hold.pk

    async def test_retry_of_who_got_the_last_place_gets_it(
        self, express: Express, client: Client
    ) -> None:
        """Though the stock is known to be sold out by then."""
        last = await database_sync_to_async(make_vacancy)(capacity=1)
        mine = Order(vacancy_id=last.pk, qty=1, client=client, idempotency_key="mine")
        sale = await till.sell(mine)
        [late] = await all_answers([order(last)])

        again, other = await all_answers(
            [mine, Order(vacancy_id=last.pk, qty=1, client=client, idempotency_key="other")]
        )

        assert isinstance(late, SoldOut)
        assert again.id == sale.id
        assert isinstance(other, SoldOut)

    async def test_vacancy_that_closes_with_the_last_place_does(self, express: Express) -> None:
        """The ledger's line is one more statement."""
        closing = await database_sync_to_async(make_vacancy)(capacity=1, close_when_sold_out=True)

        await till.sell(order(closing))

        assert await counters(closing) == (0, 1)
        assert closing.state == Vacancy.State.CLOSED

    async def test_hold_is_confirmed(
        self, express: Express, stock: Vacancy, client: Client
    ) -> None:
        """Its own row changes, too."""
        wish = HoldOrder(vacancy_id=stock.pk, qty=2, client=client, idempotency_key="h", seconds=60)
        held = await till.hold(wish)

        sale = await till.confirm(
            Confirmation(hold_id=held.hold.pk, client=client, idempotency_key="c")
        )

        assert sale.qty == 2
        assert await counters(stock) == (3, 2)

    async def test_places_of_expired_holds_are_sold(
        self, express: Express, stock: Vacancy, client: Client
    ) -> None:
        """They are taken back first."""
        wish = HoldOrder(vacancy_id=stock.pk, qty=5, client=client, idempotency_key="h", seconds=60)
        await till.hold(wish)
        before = timezone.now() - timedelta(seconds=2)
        over = {"created_at": before, "expires_at": before + timedelta(seconds=1)}
        await database_sync_to_async(Hold.objects.update)(**over)

        [answer] = await all_answers([order(stock, 4)])

        assert isinstance(answer, Sale)
        assert await counters(stock) == (1, 4)

    async def test_unknown_and_default_vacancies_are_told_of(
        self, express: Express, stock: Vacancy
    ) -> None:
        """Whoever is in the batch with them gets their places."""
        nowhere = Order(vacancy_id=4711, qty=1, client=None)
        default = Order(vacancy_id=None, qty=1, client=None)

        answers = await all_answers([order(stock), nowhere, default])

        assert [type(answer) for answer in answers[:2]] == [Sale, VacancyNotFound]
        assert isinstance(answers[2], Sale | VacancyNotFound)


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
