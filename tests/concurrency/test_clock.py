"""The clock jumps, back and forward: no place is sold twice, and what was said stands."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from limits import parse

from tests.conftest import make_vacancy
from tickets import auditing, selling
from tickets import services as tickets
from tickets.models import ApiKey, Purchase
from tickets.selectors import Client
from tickets.wishes import Answer, Confirmation, Held, HoldExpired, HoldOrder, Order, Sale, Wish
from ticketsite.rates import Limiter
from vacancy.models import Vacancy
from vacancy.services import NotOnSale, SoldOut

pytestmark = pytest.mark.django_db(transaction=True)
NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def place() -> Vacancy:
    """One place, on sale until noon and an hour."""
    return make_vacancy(capacity=1, on_sale_until=NOON + HOUR)


@pytest.fixture
def client(key_row: ApiKey) -> Client:
    """The shop."""
    return Client(key_row.pk, key_row.name, frozenset({"buy"}), None)


def at(now: datetime, wish: Wish) -> Answer:
    """Let the till serve one wish when its clock shows this."""
    [answer] = selling.serve_together(wishes=[wish], now=now)
    return answer


def order(client: Client, place: Vacancy, key: str, **more: Any) -> Order:
    """Ask for the place."""
    return Order(client=client, vacancy_id=place.pk, qty=1, idempotency_key=key, **more)


def hold(client: Client, place: Vacancy) -> HoldOrder:
    """Ask for the place for ten minutes."""
    return HoldOrder(client=client, vacancy_id=place.pk, qty=1, seconds=600, idempotency_key="hold")


def test_sale_window_follows_the_clock_as_it_is(client: Client, place: Vacancy) -> None:
    """Too late after a jump forward; on sale once more when the clock is put right."""
    late = at(NOON + 2 * HOUR, order(client, place, "late"))
    put_right = at(NOON, order(client, place, "late"))

    assert (type(late), type(put_right)) == (NotOnSale, Sale)
    assert auditing.audit() == []


def test_hold_that_a_jump_forward_ended_stays_ended(client: Client, place: Vacancy) -> None:
    """Its place went to somebody else meanwhile; the jump back does not sell it twice."""
    held = at(NOON, hold(client, place))
    assert isinstance(held, Held)
    other = at(NOON + HOUR / 2, order(client, place, "other"))

    confirmed = at(NOON, Confirmation(client=client, hold_id=held.hold.pk, idempotency_key="c"))

    assert (type(other), type(confirmed)) == (Sale, HoldExpired)
    assert Purchase.objects.count() == 1
    assert auditing.audit() == []


def test_hold_lives_longer_after_a_jump_back_and_is_given_back_once(
    client: Client, place: Vacancy
) -> None:
    """The place is nobody else's until the hold's own instant has come."""
    held = at(NOON, hold(client, place))
    early = at(NOON - HOUR, order(client, place, "early"))
    swept = [tickets.holds_expire(now=NOON + HOUR * n) for n in (-1, 1, 2)]

    place.refresh_from_db()
    assert (type(held), type(early)) == (Held, SoldOut)
    assert swept == [0, 1, 0]
    assert (place.available, place.held) == (1, 0)


@pytest.mark.parametrize("jump", [-HOUR * 30, HOUR / 2], ids=["back", "forward"])
def test_repeat_is_known_whatever_the_clock_shows(
    client: Client, place: Vacancy, jump: timedelta
) -> None:
    """A retry after a jump gets the purchase that was made before it."""
    first = at(NOON, order(client, place, "order"))

    again = at(NOON + jump, order(client, place, "order"))

    assert isinstance(first, Sale)
    assert isinstance(again, Sale)
    assert again.id == first.id
    assert Purchase.objects.count() == 1


@pytest.mark.parametrize("jump_s", [-86_400.0, 86_400.0], ids=["back", "forward"])
def test_rate_limit_begins_a_new_window_after_a_jump(jump_s: float) -> None:
    """Nobody is locked out for longer than a window, whichever way the clock went."""
    shown = [NOON.timestamp()]
    limiter = Limiter(parse("1/second"), clock=lambda: shown[0])
    refused = [limiter.hit(1).allowed, limiter.hit(1).allowed]

    shown[0] += jump_s
    afterwards = limiter.hit(1)

    assert refused == [True, False]
    assert afterwards.allowed
    assert afterwards.reset_s == 1
