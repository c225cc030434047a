"""What is known to be sold out, and who finds out whether it still is: nobody who waits."""

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.db import OperationalError
from django.utils import timezone

from tests.conftest import make_vacancy
from tickets import selling, sold_out, till
from tickets.batch import Batch
from tickets.models import ApiKey, Hold, Purchase
from tickets.selectors import Client
from tickets.wishes import Order, Sale
from vacancy.lanes import READS
from vacancy.models import Vacancy
from vacancy.services import NotOnSale, SoldOut

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stock(db: None) -> Vacancy:
    """Ten places, all of them sold."""
    return make_vacancy(capacity=10, available=0, sold=10)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds under the test's control, for what is remembered."""
    now = [100.0]
    monkeypatch.setattr(sold_out, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(till, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count who looks at the stock without wanting any."""
    seen: list[int] = []
    real = sold_out._would_be_told

    def watched(wish: Order) -> Any:
        seen.append(wish.qty)
        return real(wish)

    monkeypatch.setattr(sold_out, "_would_be_told", watched)
    return seen


async def told(stock: Vacancy, *, qty: int = 1, client: Client | None = None) -> type:
    """Ask for places; return what kind of answer came."""
    try:
        answer = await till.sell(Order(vacancy_id=stock.pk, qty=qty, client=client))
    except Exception as error:
        return type(error)
    return type(answer)


async def found_out() -> None:
    """Return once nobody is looking any more."""
    await asyncio.gather(*sold_out._asking)


async def change(stock: Vacancy, **fields: Any) -> None:
    """Change the row behind this process's back."""
    await database_sync_to_async(Vacancy.objects.filter(pk=stock.pk).update)(**fields)


async def known_at(stock: Vacancy, clock: list[float], at: float) -> None:
    """Learn at 100.0 that it is sold out, and go on to this second."""
    assert await told(stock) is SoldOut
    clock[0] = at


async def test_whoever_makes_us_look_is_refused_at_once(
    stock: Vacancy, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the lane that looks busy, and nobody to sell."""
    await known_at(stock, clock, 100.75)
    busy = threading.Event()
    waiting = asyncio.create_task(READS.run(busy.wait))
    monkeypatch.setattr(till.TILL, "serve", None)

    try:
        assert await told(stock) is SoldOut
    finally:
        busy.set()
    await waiting
    await found_out()


async def test_places_that_came_back_are_sold_within_the_second(
    stock: Vacancy, clock: list[float], looks: list[int]
) -> None:
    """From when it was seen on; one look for all who ask meanwhile."""
    await known_at(stock, clock, 100.749)
    await change(stock, available=3, sold=7)
    answers = [await told(stock)]

    clock[0] = 100.75
    answers += [await told(stock), await told(stock)]
    await found_out()
    answers += [await told(stock)]

    assert answers == [SoldOut, SoldOut, SoldOut, Sale]
    assert looks == [1]


async def test_looking_takes_nothing(stock: Vacancy, clock: list[float]) -> None:
    """It is for nobody."""
    await known_at(stock, clock, 100.75)
    await change(stock, available=3, sold=7)

    await told(stock)
    await found_out()

    await database_sync_to_async(stock.refresh_from_db)()
    assert (stock.available, stock.sold) == (3, 7)
    assert not await database_sync_to_async(Purchase.objects.exists)()


async def test_nothing_new_begins_another_second(
    stock: Vacancy, clock: list[float], looks: list[int]
) -> None:
    """So the sale stays closed and nobody waits; the second counts from before the look."""
    await known_at(stock, clock, 100.8)
    await told(stock)
    await found_out()
    await change(stock, available=3, sold=7)

    clock[0] = 101.54
    at_once = await told(stock)
    clock[0] = 101.8
    later = await told(stock)

    assert (at_once, later) == (SoldOut, Sale)
    assert looks == [1]


async def test_fewer_that_came_back_are_known_by_number(stock: Vacancy, clock: list[float]) -> None:
    """Two are sold to whoever wants two; three were asked for."""
    assert await told(stock, qty=3) is SoldOut
    clock[0] = 100.75
    await change(stock, available=2, sold=8)

    await told(stock, qty=3)
    await found_out()

    assert await told(stock, qty=3) is SoldOut
    assert await told(stock, qty=2) is Sale


async def test_cancellation_that_comes_first_is_not_forgotten(
    stock: Vacancy, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look that began before it would bring what was true then."""
    await known_at(stock, clock, 100.75)
    looking, may_answer = threading.Event(), threading.Event()
    real = sold_out._would_be_told

    def slow(wish: Order) -> Any:
        answer = real(wish)
        looking.set()
        may_answer.wait()
        return answer

    monkeypatch.setattr(sold_out, "_would_be_told", slow)
    await told(stock)
    await asyncio.to_thread(looking.wait)
    await change(stock, available=1, sold=9)
    await till.run(lambda: None)  # as a cancellation does
    may_answer.set()
    await found_out()

    assert await told(stock) is Sale


async def test_expired_holds_are_for_whoever_comes_next(stock: Vacancy, clock: list[float]) -> None:
    """The till takes them back; a look could not."""
    await change(stock, sold=9, held=1)
    hold = Hold(vacancy=stock, qty=1, unit_price=0, currency="EUR", expires_at=timezone.now())
    hold.created_at = hold.expires_at - timedelta(minutes=1)
    hold.expires_at += timedelta(hours=1)
    await database_sync_to_async(hold.save)()
    await known_at(stock, clock, 100.75)
    hold.expires_at -= timedelta(hours=1)
    await database_sync_to_async(hold.save)()

    at_once = await told(stock)
    await found_out()

    assert (at_once, await told(stock)) == (SoldOut, Sale)


async def test_pause_is_told_to_whoever_comes_next(stock: Vacancy, clock: list[float]) -> None:
    """A better reason than the one that is remembered."""
    await known_at(stock, clock, 100.75)
    await change(stock, state=Vacancy.State.PAUSED)

    at_once = await told(stock)
    await found_out()

    assert (at_once, await told(stock)) == (SoldOut, NotOnSale)


async def test_database_that_is_away_changes_nothing(
    stock: Vacancy, clock: list[float], monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """The second runs out, and whoever comes then is told what is wrong."""
    await known_at(stock, clock, 100.75)

    def fail(*_: Any, **__: Any) -> None:
        raise OperationalError("secret of the driver")

    with monkeypatch.context() as patch:
        patch.setattr(Batch, "look_and_decide", fail)
        assert await told(stock) is SoldOut
        await found_out()
        assert await told(stock) is SoldOut
        clock[0] = 101.0
        assert await told(stock) is OperationalError

    assert "OperationalError" in caplog.text
    assert "secret" not in caplog.text


async def test_retry_of_the_last_place_makes_nobody_ask_the_database(
    stock: Vacancy, clock: list[float], key_row: ApiKey, looks: list[int]
) -> None:
    """The buyer's own key is answered with the purchase; that says nothing about the stock."""
    client = Client(key_row.pk, key_row.name, frozenset({"buy"}), None)
    await change(stock, available=1, sold=9)
    mine = Order(vacancy_id=stock.pk, qty=1, client=client, idempotency_key="k-1")
    first = await till.sell(mine)
    await known_at(stock, clock, 100.75)

    again = await till.sell(mine)
    await found_out()

    assert again.id == first.id
    assert looks == [1]
    assert sold_out.known(Order(vacancy_id=stock.pk, qty=1, client=None))


async def test_bound_key_and_stranger_are_remembered_apart(
    clock: list[float], key_row: ApiKey, unanswered: Callable[..., None]
) -> None:
    """A rehearsal that is sold out says nothing to those who buy in earnest."""
    rehearsal = await database_sync_to_async(make_vacancy)(
        capacity=10, available=0, sold=10, is_rehearsal=True
    )
    bound = Client(key_row.pk, key_row.name, frozenset({"buy"}), rehearsal.pk)

    assert await told(rehearsal, client=bound) is SoldOut
    unanswered()
    assert await told(rehearsal, client=bound) is SoldOut
    with pytest.raises(AssertionError):
        await till.sell(Order(vacancy_id=rehearsal.pk, qty=1, client=None))


@pytest.fixture
def unanswered(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let nobody be served by the database from a call on."""

    def arrange() -> None:
        def nobody(**_: Any) -> None:
            raise AssertionError("somebody was served")

        monkeypatch.setattr(selling, "serve_together", nobody)

    return arrange
