"""The till's short way to PostgreSQL: who takes it, and who does not."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.utils import timezone

from tests.backends import BACKEND
from tests.concurrency.asking import all_answers, counters, order
from tests.conftest import make_vacancy
from tickets import till
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
    Sale,
)
from vacancy.models import Vacancy
from vacancy.services import SoldOut, VacancyNotFound

pytestmark = pytest.mark.django_db(transaction=True)


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
