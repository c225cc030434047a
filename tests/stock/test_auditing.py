"""The audit finds every way in which counters, rows and ledger can disagree."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from django.utils import timezone

from tests.conftest import make_vacancy
from tests.sales import serve
from tickets import services
from tickets.auditing import Drift, audit
from tickets.models import Hold, Purchase, Ticket
from tickets.selectors import Client
from tickets.wishes import Confirmation, HoldOrder, Order
from vacancy import services as stock
from vacancy.models import StockMovement, Vacancy

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def busy(key_row: Any) -> Vacancy:
    """A vacancy to which everything happened that can happen."""
    vacancy, now = make_vacancy(capacity=30), timezone.now()
    client = Client(key_row.pk, "shop", frozenset({"buy"}), None)

    def keep(seconds: int) -> Hold:
        order = HoldOrder(vacancy_id=vacancy.pk, qty=2, client=client, seconds=seconds)
        hold: Hold = serve(order, now=now).hold
        return hold

    sale = serve(Order(vacancy_id=vacancy.pk, qty=3, client=client), now=now)
    serve(Order(vacancy_id=vacancy.pk, qty=1, client=client), now=now)
    keep(600)
    keep(1)
    serve(Confirmation(hold_id=keep(600).pk, client=client), now=now)
    services.hold_release(hold_id=keep(600).pk, client=client, now=now)
    services.holds_expire(now=now + timedelta(seconds=2))
    services.purchase_cancel(purchase_id=sale.id, client=client, actor=None, reason="ill", now=now)
    stock.capacity_change(vacancy_id=vacancy.pk, by=-5, reason="fewer", actor=None, now=now)
    stock.pause(vacancy_id=vacancy.pk, now=now)
    return vacancy


def test_everything_that_can_happen_leaves_no_drift(busy: Vacancy) -> None:
    """Sold 3, held 2, of 25."""
    busy.refresh_from_db()

    assert audit() == []
    assert (busy.capacity, busy.available, busy.held, busy.sold) == (25, 20, 2, 3)


BREAK: dict[str, Callable[[Vacancy], object]] = {
    "sold": lambda v: _move(v, available=1, sold=-1),
    "held": lambda v: _move(v, available=1, held=-1),
    "capacity": lambda v: _move(v, capacity=1, available=1),
    "tickets": lambda v: Ticket.objects.filter(purchase__status="confirmed").first().delete(),  # type: ignore[union-attr]
    "released": lambda v: StockMovement.objects.filter(kind="released").update(qty=9),
    "expired": lambda v: StockMovement.objects.filter(kind="expired").delete(),
    "cancelled": lambda v: Purchase.objects.filter(status="cancelled").update(qty=1, total=4500),
}


def _move(vacancy: Vacancy, **by: int) -> None:
    changes = {name: F(name) + amount for name, amount in by.items()}
    Vacancy.objects.filter(pk=vacancy.pk).update(**changes)


@pytest.mark.parametrize("figure", BREAK)
def test_each_figure_that_is_wrong_is_named(busy: Vacancy, figure: str) -> None:
    """The negative control of the audit itself."""
    BREAK[figure](busy)

    drifts = audit(vacancy_id=busy.pk)

    assert figure in {drift.figure for drift in drifts}
    assert all(drift.recorded != drift.counted for drift in drifts)


def test_other_vacancies_are_not_blamed(busy: Vacancy) -> None:
    """Each drift names its vacancy."""
    other = make_vacancy()
    _move(other, available=-1, sold=1)

    assert audit(vacancy_id=busy.pk) == []
    assert {drift.vacancy_id for drift in audit()} == {other.pk}


@pytest.mark.parametrize("number", [0, 4711, 10**30])
def test_command_does_not_praise_a_vacancy_that_is_not_there(db: None, number: int) -> None:
    """An audit of nothing finds nothing, which a script would take for a good sign."""
    with pytest.raises(CommandError, match=f"There is no vacancy {number}") as refusal:
        call_command("audit_stock", vacancy=number)

    assert refusal.value.returncode == 2


def test_command_prints_the_drift_and_exits_1(
    busy: Vacancy, capsys: pytest.CaptureFixture[str]
) -> None:
    """For scripts and for people."""
    call_command("audit_stock")
    BREAK["sold"](busy)

    with pytest.raises(SystemExit) as end:
        call_command("audit_stock", vacancy=busy.pk)

    printed = capsys.readouterr().out
    assert end.value.code == 1
    assert "Counters, rows and ledger agree." in printed
    assert f"vacancy {busy.pk}: sold is 2, the rows say 3" in printed


def test_drift_is_a_sentence() -> None:
    """With both numbers."""
    assert str(Drift(7, "held", 2, 3)) == "vacancy 7: held is 2, the rows say 3"


def test_expire_command_says_how_many(busy: Vacancy, capsys: pytest.CaptureFixture[str]) -> None:
    """And there is nothing left for a second one."""
    past = timezone.now() - timedelta(hours=1)
    Hold.objects.filter(status="active").update(
        created_at=past, expires_at=past + timedelta(seconds=1)
    )

    call_command("expire_holds")
    call_command("expire_holds")

    assert capsys.readouterr().out.splitlines() == ["1 holds expired.", "0 holds expired."]
    assert audit() == []
