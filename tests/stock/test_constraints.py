"""The database itself refuses a wrong state, whoever writes it."""

from datetime import timedelta

import pytest
from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from tests.conftest import make_vacancy
from tickets.models import ApiKey, Hold, Purchase, Ticket
from vacancy.models import StockMovement, Vacancy

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"available": 9}, id="a place vanishes"),
        pytest.param({"available": 11}, id="a place appears"),
        pytest.param({"sold": 1}, id="sold without taking"),
        pytest.param({"available": -1, "sold": 11}, id="oversold"),
        pytest.param({"held": -1, "available": 11}, id="held below zero"),
        pytest.param({"capacity": -1, "available": -1}, id="capacity below zero"),
        pytest.param({"max_per_purchase": 0}, id="nobody may buy one"),
        pytest.param({"state": "open"}, id="unknown state"),
        pytest.param({"currency": "EURO"}, id="currency of four letters"),
        pytest.param({"currency": "E"}, id="currency of one letter"),
        pytest.param({"is_rehearsal": True, "is_default": True}, id="rehearsal as default"),
    ],
)
def test_vacancy_with_wrong_numbers_is_refused(wrong: dict[str, object]) -> None:
    """Counters never go below zero and always add up."""
    vacancy = make_vacancy()

    # PostgreSQL refuses a fourth letter by the column's type, before any constraint is asked.
    with pytest.raises((IntegrityError, DataError)), transaction.atomic():
        Vacancy.objects.filter(pk=vacancy.pk).update(**wrong)


def test_sale_that_ends_before_it_begins_is_refused() -> None:
    """A window has a length."""
    now = timezone.now()

    with pytest.raises(IntegrityError):
        make_vacancy(on_sale_from=now, on_sale_until=now)


def test_second_default_vacancy_is_refused() -> None:
    """There is one default, or none."""
    make_vacancy(is_default=True)

    with pytest.raises(IntegrityError):
        make_vacancy(is_default=True)


@pytest.mark.parametrize(
    "wrong", [{"qty": 0, "total": 0}, {"total": 1}, {"status": "lost"}], ids=str
)
def test_purchase_with_wrong_figures_is_refused(wrong: dict[str, object]) -> None:
    """A purchase has places, and its total is what they cost."""
    right = {"qty": 2, "unit_price": 4500, "total": 9000, "currency": "EUR"}

    with pytest.raises(IntegrityError):
        Purchase.objects.create(vacancy=make_vacancy(), **{**right, **wrong})


def test_second_purchase_with_one_idempotency_key_is_refused(key_row: ApiKey) -> None:
    """One key of one client stands for one purchase."""
    same = {"qty": 1, "unit_price": 0, "total": 0, "currency": "EUR", "idempotency_key": "k"}
    vacancy = make_vacancy()
    Purchase.objects.create(vacancy=vacancy, client=key_row, **same)

    with pytest.raises(IntegrityError):
        Purchase.objects.create(vacancy=vacancy, client=key_row, **same)


def test_second_purchase_of_one_hold_is_refused() -> None:
    """What is held is sold once; sales without a hold do not count."""
    same = {"qty": 1, "unit_price": 0, "total": 0, "currency": "EUR"}
    vacancy = make_vacancy()
    hold = Hold.objects.create(
        vacancy=vacancy,
        qty=1,
        unit_price=0,
        currency="EUR",
        expires_at=timezone.now() + timedelta(minutes=1),
    )
    for of_hold in (None, None, hold):
        Purchase.objects.create(vacancy=vacancy, hold=of_hold, **same)

    with pytest.raises(IntegrityError):
        Purchase.objects.create(vacancy=vacancy, hold=hold, **same)


def test_two_tickets_with_one_code_are_refused() -> None:
    """A code admits once."""
    purchase = Purchase.objects.create(
        vacancy=make_vacancy(), qty=2, unit_price=0, total=0, currency="EUR"
    )
    Ticket.objects.create(purchase=purchase, code="A" * 20)

    with pytest.raises(IntegrityError):
        Ticket.objects.create(purchase=purchase, code="A" * 20)


def test_key_in_clear_is_refused() -> None:
    """Only a digest may stand where a key would."""
    with pytest.raises(IntegrityError):
        ApiKey.objects.create(name="shop", digest="tsk_in_clear")


@pytest.mark.parametrize("wrong", [{"qty": 0}, {"reason": ""}], ids=str)
def test_movement_that_says_nothing_is_refused(wrong: dict[str, object]) -> None:
    """A line of the ledger moves something and says why."""
    right = {"kind": "capacity", "qty": 1, "reason": "more chairs", "at": timezone.now()}

    with pytest.raises(IntegrityError):
        StockMovement.objects.create(vacancy=make_vacancy(), **{**right, **wrong})
