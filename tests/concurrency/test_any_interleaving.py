"""Any interleaving of everything that moves a counter agrees with a model in plain Python.

Hypothesis makes up the steps, always the same ones, on the real database and with a clock that
jumps both ways. After each step: counters as in the model, and the product's own audit, which
compares them with rows and ledger, finds nothing.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from types import ModuleType
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.concurrency.model import BoxOffice, Stock, Wish
from tests.conftest import make_vacancy
from tickets import auditing, selling
from tickets import services as tickets
from tickets.models import ApiKey, Hold, Purchase
from tickets.selectors import Client
from tickets.wishes import Answer, Confirmation, Held, HoldOrder, Order, Sale, SaleRefusal
from tickets.wishes import Wish as RealWish
from vacancy import services as stock
from vacancy.models import Vacancy
from vacancy.services import ledger, places

pytestmark = pytest.mark.django_db(transaction=True)
EXAMPLES, STEPS = 10, 30
OPENED = datetime(2030, 5, 1, 10, tzinfo=UTC)
SALE = timedelta(hours=3)
QTYS = st.integers(1, 4)
SECONDS = st.sampled_from([1, 60, 600])
PROFILE = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[
        Phase.generate
    ],  # to shrink a failure takes minutes; add Phase.shrink when there is one
)


def outcome(act: Callable[[], Any]) -> str | None:
    """Return the name of the refusal, or None."""
    try:
        act()
    except (stock.StockRefusal, SaleRefusal) as refusal:
        return type(refusal).__name__
    return None


class Interleaving(RuleBasedStateMachine):
    """Two vacancies: one with room, one small that closes when it is sold out."""

    client: ClassVar[Client]

    def __init__(self) -> None:
        """Begin with everything available."""
        super().__init__()
        self.now = OPENED
        self.keys = 0
        self.answered: dict[str, tuple[RealWish, Answer]] = {}  # by idempotency key

    @initialize(capacity=st.integers(1, 4))
    def open_the_box_office(self, capacity: int) -> None:
        """Put both on sale."""
        until = OPENED + SALE
        large = make_vacancy(capacity=12, on_sale_until=until)
        small = make_vacancy(
            capacity=capacity, max_per_purchase=3, on_sale_until=until, close_when_sold_out=True
        )
        self.model = BoxOffice(
            {
                large.pk: Stock(12, most=10, until=until, closes=False),
                small.pk: Stock(capacity, most=3, until=until, closes=True),
            }
        )

    @property
    def vacancies(self) -> list[int]:
        """The ids of both."""
        return list(self.model.stocks)

    # ------------------------------------------------------------------- through the till

    @rule(data=st.data(), size=st.integers(1, 4))
    def serve_together(self, data: st.DataObject, size: int) -> None:
        """A batch: buy, hold and confirm in any mixture."""
        self._serve([self._wish(data) for _ in range(size)])

    @rule(small=st.booleans(), qty=QTYS)
    def serve_one(self, small: bool, qty: int) -> None:
        """A lone buyer, so that places run out often."""
        self._serve([Wish("buy", self.vacancies[small], qty)])

    def _serve(self, wishes: list[Wish]) -> None:
        confirmed = [wish.hold for wish in wishes if wish.what == "confirm"]
        if len(set(confirmed)) < len(confirmed):
            return  # one hold twice in a batch is served one by one: another rule of the game
        real = [self._real(wish) for wish in wishes]
        expected = self.model.decide(wishes, self.now)

        answers = selling.serve_together(wishes=real, now=self.now)

        assert [type(answer).__name__ for answer in answers] == expected
        names = [_name(answer) for answer in answers]
        self.model.serve(wishes, names, self.now)
        for wish, answer, name in zip(real, answers, names, strict=True):
            if name is not None:
                self.answered[wish.idempotency_key or ""] = (wish, answer)

    def _wish(self, data: st.DataObject) -> Wish:
        kinds = ["buy", "hold"] + (["confirm"] if self.model.holds else [])
        what = data.draw(st.sampled_from(kinds))
        if what == "confirm":
            return Wish("confirm", hold=data.draw(st.sampled_from(list(self.model.holds))))
        vacancy, qty = data.draw(st.sampled_from(self.vacancies)), data.draw(QTYS)
        if what == "buy":
            return Wish("buy", vacancy, qty)
        return Wish("hold", vacancy, qty, data.draw(SECONDS))

    def _real(self, wish: Wish) -> RealWish:
        self.keys += 1
        common: dict[str, Any] = {"client": self.client, "idempotency_key": self._key(self.keys)}
        if wish.what == "confirm":
            return Confirmation(hold_id=Hold.objects.get(pk=wish.hold).pk, **common)
        common |= {"vacancy_id": wish.vacancy, "qty": wish.qty}
        return HoldOrder(seconds=wish.seconds, **common) if wish.what == "hold" else Order(**common)

    def _key(self, number: int) -> str:
        return f"{self.vacancies[0]}-{number}"

    @precondition(lambda self: self.answered)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """The same request under the same key: the same answer, and nothing else happens."""
        wish, first = self.answered[data.draw(st.sampled_from(list(self.answered)))]

        [again] = selling.serve_together(wishes=[wish], now=self.now)

        assert _name(again) == _name(first)
        if isinstance(first, Sale) and isinstance(again, Sale):
            assert again.codes == first.codes

    @precondition(lambda self: self.answered)
    @rule(data=st.data())
    def reuse(self, data: st.DataObject) -> None:
        """Another request under the key of an answered one is refused."""
        wish, _ = self.answered[data.draw(st.sampled_from(list(self.answered)))]
        other = replace(wish, buyer_name="Somebody else")

        [answer] = selling.serve_together(wishes=[other], now=self.now)

        assert type(answer).__name__ == "IdempotencyKeyReused"

    # ------------------------------------------------------------------------ one at a time

    @precondition(lambda self: self.model.holds)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        """A client gives a hold back."""
        hold = data.draw(st.sampled_from(list(self.model.holds)))
        real = Hold.objects.get(pk=hold)

        told = outcome(
            partial(tickets.hold_release, hold_id=real.pk, client=self.client, now=self.now)
        )

        assert told == self.model.release(hold, self.now)

    @rule()
    def expire(self) -> None:
        """The sweep comes by."""
        tickets.holds_expire(now=self.now)

        self.model.sweep(self.now)

    @precondition(lambda self: self.model.purchases)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """A client takes a purchase back."""
        name = data.draw(st.sampled_from(list(self.model.purchases)))
        pk = Purchase.objects.get(pk=name).pk

        told = outcome(
            partial(
                tickets.purchase_cancel,
                purchase_id=pk,
                client=self.client,
                actor=None,
                reason="",
                now=self.now,
            )
        )

        assert told == self.model.cancel(name)

    @precondition(lambda self: self.model.purchases)
    @rule(data=st.data())
    def admit(self, data: st.DataObject) -> None:
        """Somebody comes to the door."""
        name = data.draw(st.sampled_from(list(self.model.purchases)))
        ticket = Purchase.objects.get(pk=name).tickets.order_by("pk")[0]

        told = outcome(
            partial(tickets.ticket_check_in, code=ticket.code, client=self.client, now=self.now)
        )

        assert told == self.model.admit(name)

    # ---------------------------------------------------------------------------- operators

    @rule(data=st.data(), by=st.integers(-6, 6).filter(bool))
    def change_capacity(self, data: st.DataObject, by: int) -> None:
        """More places, or fewer."""
        vacancy = data.draw(st.sampled_from(self.vacancies))

        told = outcome(
            partial(
                stock.capacity_change,
                vacancy_id=vacancy,
                by=by,
                reason="stage",
                actor=None,
                now=self.now,
            )
        )

        assert told == self.model.change_capacity(vacancy, by)

    @rule(data=st.data(), to=st.sampled_from(["paused", "on_sale", "on_sale", "closed"]))
    def switch(self, data: st.DataObject, to: str) -> None:
        """Pause, resume or close."""
        ways = {"paused": stock.pause, "on_sale": stock.put_on_sale, "closed": stock.close}
        vacancy = data.draw(st.sampled_from(self.vacancies))

        moved = ways[to](vacancy_id=vacancy, now=self.now)

        assert moved == self.model.switch(vacancy, to)

    @rule(seconds=st.sampled_from([-3600, -60, 1, 59, 60, 600, 900]))
    def pass_time(self, seconds: int) -> None:
        """The clock goes on, or jumps back."""
        self.now += timedelta(seconds=seconds)

    # --------------------------------------------------------------------------- invariants

    @invariant()
    def counters_equal_the_model(self) -> None:
        """Capacity, available, held, sold and state, of both."""
        fields = ("pk", "capacity", "available", "held", "sold", "state")
        rows = Vacancy.objects.filter(pk__in=self.vacancies).values_list(*fields)
        real = {pk: tuple(rest) for pk, *rest in rows}
        assert real == {pk: self.model.counters(pk) for pk in self.vacancies}

    @invariant()
    def audit_finds_nothing(self) -> None:
        """Counters equal rows, and the ledger explains every other movement."""
        for vacancy in self.vacancies:
            assert auditing.audit(vacancy_id=vacancy) == []

    def teardown(self) -> None:
        """Each hold and each purchase ended as in the model."""
        holds = Hold.objects.filter(vacancy__in=self.vacancies).values_list("pk", "status")
        sales = Purchase.objects.filter(vacancy__in=self.vacancies).values_list("pk", "status")
        assert {str(pk): s for pk, s in holds} == {k: h.status for k, h in self.model.holds.items()}
        assert {str(pk): s for pk, s in sales} == {
            k: sale.status for k, sale in self.model.purchases.items()
        }


def _name(answer: Answer) -> str | None:
    """Return the id of what was made, or None if it was refused."""
    if isinstance(answer, Sale):
        return str(answer.id)
    return str(answer.hold.pk) if isinstance(answer, Held) else None


@pytest.fixture
def machine(key_row: ApiKey) -> type[Interleaving]:
    """The interleavings of one client."""
    Interleaving.client = Client(key_row.pk, key_row.name, frozenset({"buy", "check_in"}), None)
    return Interleaving


def test_any_interleaving_agrees_with_the_model(machine: type[Interleaving]) -> None:
    """Counters, rows, ledger and answers, step by step."""
    run_state_machine_as_test(machine, settings=PROFILE)


@pytest.mark.parametrize(
    ("where", "broken", "instead"),
    [
        (stock, "places_take", lambda trip, **_: trip.send()),
        (stock, "places_give_back", lambda **_: None),
        (ledger, "write_down", lambda *_: None),
        (places, "_close_if_sold_out", lambda *_: None),
    ],
)
def test_broken_stock_does_not_agree(
    machine: type[Interleaving],
    monkeypatch: pytest.MonkeyPatch,
    where: ModuleType,
    broken: str,
    instead: Callable[..., Any],
) -> None:
    """The comparison is one that can fail: each way to move a counter, broken, is found."""
    monkeypatch.setattr(where, broken, instead)

    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=PROFILE)
