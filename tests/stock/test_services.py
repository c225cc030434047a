"""Every way a counter or a state may move, and every refusal."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from tests.conftest import make_vacancy
from tickets import services as tickets
from tickets.models import ApiKey, Purchase, Ticket
from vacancy import services as stock
from vacancy import trips
from vacancy.models import StockMovement, Vacancy
from vacancy.selectors import Counters, counters
from vacancy.trips import Changed

pytestmark = pytest.mark.django_db

NOW = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def look(vacancy: Vacancy, *, rehearsal: bool = False) -> Vacancy:
    """Return it as somebody who decides on it sees it."""
    seen = stock.vacancy_for_sale(vacancy_id=vacancy.pk, rehearsal=rehearsal)
    if seen is None:
        raise stock.VacancyNotFound("There is none of this kind.")
    return seen


def sell(vacancy: Vacancy, *, qty: int = 1, rehearsal: bool = False) -> Vacancy:
    """Sell at NOW."""
    seen = look(vacancy, rehearsal=rehearsal)
    granted = stock.places_grant(vacancy=seen, wishes=[stock.Wish(stock.Move.SELL, qty)], now=NOW)
    [outcome] = granted.outcomes
    if isinstance(outcome, stock.StockRefusal):
        raise outcome
    take(granted)
    return Vacancy.objects.get(pk=vacancy.pk)


def take(granted: stock.Granted) -> None:
    """Move what was granted at NOW; nobody writes down who has it."""
    stock.places_take(trips.new_trip(), granted=[granted], now=NOW)


def change(vacancy: Vacancy, by: int, actor: User | None = None) -> Vacancy:
    """Change capacity at NOW."""
    return stock.capacity_change(
        vacancy_id=vacancy.pk, by=by, reason="other chairs", actor=actor, now=NOW
    )


def row(vacancy: Vacancy) -> dict[str, Any]:
    """Return everything that is stored of a vacancy."""
    return dict(Vacancy.objects.filter(pk=vacancy.pk).values().get())


class TestSellingPlaces:
    """places_grant and places_take."""

    @pytest.mark.parametrize("qty", [1, 3, 10])
    def test_places_move_from_available_to_sold(self, qty: int) -> None:
        """Exactly as many as asked for; the answer says what the row says."""
        vacancy = make_vacancy(held=2, capacity=12, available=10)

        sold = sell(vacancy, qty=qty)

        assert counters(vacancy_id=vacancy.pk) == Counters(12, 10 - qty, 2, qty)
        assert (sold.available, sold.sold) == (10 - qty, qty)

    def test_other_vacancies_are_left_alone(self) -> None:
        """One row moves."""
        other = make_vacancy()
        before = row(other)

        sell(make_vacancy())

        assert row(other) == before

    @pytest.mark.parametrize(
        ("fields", "qty", "refusal"),
        [
            ({"state": "draft"}, 1, stock.NotOnSale),
            ({"state": "paused"}, 1, stock.NotOnSale),
            ({"state": "closed"}, 1, stock.NotOnSale),
            ({"on_sale_from": NOW + TICK}, 1, stock.NotOnSale),
            ({"on_sale_until": NOW}, 1, stock.NotOnSale),
            ({"on_sale_until": NOW - TICK}, 1, stock.NotOnSale),
            ({"max_per_purchase": 2}, 3, stock.OverPurchaseLimit),
            ({"available": 2, "held": 8}, 3, stock.SoldOut),
            ({"available": 0, "sold": 10}, 1, stock.SoldOut),
            ({"is_rehearsal": True}, 1, stock.VacancyNotFound),
        ],
        ids=repr,
    )
    def test_refusal_changes_nothing(
        self, fields: dict[str, Any], qty: int, refusal: type[Exception]
    ) -> None:
        """The row is afterwards what it was before."""
        vacancy = make_vacancy(**fields)
        before = row(vacancy)

        with pytest.raises(refusal):
            sell(vacancy, qty=qty)

        assert row(vacancy) == before

    @pytest.mark.parametrize(
        "window",
        [
            {"on_sale_from": NOW},
            {"on_sale_until": NOW + TICK},
            {"on_sale_from": NOW, "on_sale_until": NOW + TICK},
        ],
        ids=repr,
    )
    def test_first_instant_of_the_window_is_in_and_the_last_is_out(
        self, window: dict[str, Any]
    ) -> None:
        """To the microsecond."""
        assert sell(make_vacancy(**window)).sold == 1

    @pytest.mark.parametrize("flag", [True, False])
    def test_rehearsal_flag_must_match(self, flag: bool) -> None:
        """Real buyers and rehearsal buyers never meet."""
        vacancy = make_vacancy(is_rehearsal=flag)

        with pytest.raises(stock.VacancyNotFound):
            sell(vacancy, rehearsal=not flag)
        assert sell(vacancy, rehearsal=flag).sold == 1

    def test_refusals_say_what_was_asked_and_what_there_is(self) -> None:
        """For people; programs have the number."""
        vacancy = make_vacancy(available=2, sold=8, max_per_purchase=5)

        with pytest.raises(stock.SoldOut, match="3 asked for, 2 available") as sold_out:
            sell(vacancy, qty=3)
        with pytest.raises(stock.OverPurchaseLimit, match=r"6 places .* may have 5") as limit:
            sell(vacancy, qty=6)

        assert (sold_out.value.available, limit.value.available) == (2, 2)

    @pytest.mark.parametrize(
        "meanwhile",
        [
            {"state": "paused"},
            {"on_sale_until": NOW},
            {"available": 1, "sold": 9},
            {"capacity": 1, "available": 1},
        ],
        ids=repr,
    )
    def test_row_that_changed_after_the_look_is_not_moved(self, meanwhile: dict[str, Any]) -> None:
        """An operator, or another buyer, between look and update wins."""
        vacancy = make_vacancy()
        seen = look(vacancy)
        granted = stock.places_grant(vacancy=seen, wishes=[stock.Wish(stock.Move.SELL, 2)], now=NOW)
        Vacancy.objects.filter(pk=vacancy.pk).update(**meanwhile)
        before = row(vacancy)

        with pytest.raises(Changed), transaction.atomic():
            take(granted)
        assert row(vacancy) == before

    def test_wishes_are_granted_in_order_and_a_refusal_stops_nobody(self) -> None:
        """Seven do not fit behind four; three do."""
        seen = look(make_vacancy())
        wishes = [
            stock.Wish(stock.Move.SELL, 4),
            stock.Wish(stock.Move.HOLD, 7),
            stock.Wish(stock.Move.HOLD, 3),
        ]

        granted = stock.places_grant(vacancy=seen, wishes=wishes, now=NOW)

        assert [getattr(o, "available", o) for o in granted.outcomes] == [6, 6, 3]
        assert (granted.sold, granted.held, granted.confirmed) == (4, 3, 0)

    def test_confirmation_is_granted_though_the_sale_is_over(self) -> None:
        """What is held was promised."""
        vacancy = make_vacancy(state="closed", available=0, held=10)
        seen = look(vacancy)
        wishes = [stock.Wish(stock.Move.CONFIRM, 3)]

        granted = stock.places_grant(vacancy=seen, wishes=wishes, now=NOW)

        take(granted)
        assert counters(vacancy_id=vacancy.pk) == Counters(10, 0, 7, 3)


class TestClosingWhenSoldOut:
    """close_when_sold_out."""

    @pytest.mark.parametrize("flag", [True, False])
    def test_last_place_closes_the_sale_visibly(self, flag: bool) -> None:
        """Only where it was asked for, and with a line in the ledger."""
        vacancy = make_vacancy(capacity=2, close_when_sold_out=flag)

        sell(vacancy, qty=2)

        assert row(vacancy)["state"] == ("closed" if flag else "on_sale")
        lines = StockMovement.objects.values_list("kind", "qty", "reason")
        assert list(lines) == ([("state", 0, "Sold out: closed")] if flag else [])

    def test_places_that_are_held_are_not_sold(self) -> None:
        """They may come back."""
        vacancy = make_vacancy(capacity=3, available=2, held=1, close_when_sold_out=True)

        sell(vacancy, qty=2)

        assert row(vacancy)["state"] == "on_sale"


class TestChangingCapacity:
    """capacity_change."""

    @pytest.mark.parametrize("by", [5, -4, -7])
    def test_capacity_and_available_move_together(self, by: int) -> None:
        """What is sold or held stays, down to the last free place."""
        vacancy = make_vacancy(available=7, held=2, sold=1)

        changed = change(vacancy, by)

        assert counters(vacancy_id=vacancy.pk) == Counters(10 + by, 7 + by, 2, 1)
        assert (changed.capacity, changed.available) == (10 + by, 7 + by)

    def test_ledger_says_who_when_why_and_how_many(self, operator: User) -> None:
        """One line a change."""
        vacancy = make_vacancy()

        change(vacancy, -3, actor=operator)

        line = StockMovement.objects.get()
        assert (line.vacancy, line.kind, line.qty) == (vacancy, "capacity", -3)
        assert (line.actor, line.reason, line.at) == (operator, "other chairs", NOW)

    def test_too_low_says_by_how_much_and_changes_nothing(self) -> None:
        """The sentence has every number the operator needs."""
        vacancy = make_vacancy(available=3, held=2, sold=5)
        before = row(vacancy)

        with pytest.raises(stock.CapacityTooLow) as refusal:
            change(vacancy, -4)

        assert str(refusal.value) == (
            "5 sold and 2 held: capacity cannot go below 7. 4 were to go, at most 3 can."
        )
        assert row(vacancy) == before
        assert not StockMovement.objects.exists()

    def test_unknown_vacancy_is_not_found(self) -> None:
        """And no line is written."""
        with pytest.raises(stock.VacancyNotFound):
            stock.capacity_change(vacancy_id=7, by=1, reason="more", actor=None, now=NOW)

        assert not StockMovement.objects.exists()

    def test_change_without_a_reason_is_undone_whole(self) -> None:
        """Places never move without a line that says why."""
        vacancy = make_vacancy()

        with pytest.raises(IntegrityError), transaction.atomic():
            stock.capacity_change(vacancy_id=vacancy.pk, by=1, reason="", actor=None, now=NOW)

        assert counters(vacancy_id=vacancy.pk) == Counters(10, 10, 0, 0)

    def test_ledger_outlives_its_actor(self, operator: User) -> None:
        """A line stays when the operator's account goes."""
        change(make_vacancy(), 1, actor=operator)

        operator.delete()

        assert StockMovement.objects.get().actor is None


class TestStates:
    """put_on_sale and pause."""

    @pytest.mark.parametrize(
        ("before", "moves", "after"),
        [
            ("draft", True, "on_sale"),
            ("paused", True, "on_sale"),
            ("on_sale", False, "on_sale"),
            ("closed", True, "on_sale"),
        ],
    )
    def test_put_on_sale(self, before: str, moves: bool, after: str) -> None:
        """From everywhere else: a sale that was closed can be opened again."""
        vacancy = make_vacancy(state=before)

        assert stock.put_on_sale(vacancy_id=vacancy.pk, now=NOW) is moves
        assert row(vacancy)["state"] == after

    @pytest.mark.parametrize(
        ("before", "moves", "after"),
        [
            ("draft", False, "draft"),
            ("paused", False, "paused"),
            ("on_sale", True, "paused"),
            ("closed", False, "closed"),
        ],
    )
    def test_pause(self, before: str, moves: bool, after: str) -> None:
        """From on sale only."""
        vacancy = make_vacancy(state=before)

        assert stock.pause(vacancy_id=vacancy.pk, now=NOW) is moves
        assert row(vacancy)["state"] == after

    def test_unknown_vacancy_does_not_move(self) -> None:
        """False, as for one in another state."""
        assert not stock.put_on_sale(vacancy_id=7, now=NOW)
        assert not stock.pause(vacancy_id=7, now=NOW)


class TestCreating:
    """vacancy_create and its rehearsal twin."""

    def test_new_vacancy_is_a_draft_with_all_places_free(self) -> None:
        """Nobody sells by accident."""
        vacancy = stock.vacancy_create(name="Play", capacity=7, price=100, now=NOW)

        assert counters(vacancy_id=vacancy.pk) == Counters(7, 7, 0, 0)
        assert (vacancy.state, vacancy.is_rehearsal, vacancy.created_at) == ("draft", False, NOW)

    def test_rehearsal_sells_at_once_and_is_never_default(self) -> None:
        """A run does not wait for an operator."""
        vacancy = stock.vacancy_create_rehearsal(name="Run 1", capacity=7, now=NOW)

        assert (vacancy.state, vacancy.is_rehearsal) == ("on_sale", True)
        assert not vacancy.is_default


class TestDeletingRehearsals:
    """vacancy_delete_rehearsal and rehearsal_delete."""

    @staticmethod
    def sold_to_a_bound_key(vacancy: Vacancy) -> None:
        """Sell a place of this vacancy to a key that is bound to it."""
        key, _ = tickets.key_create(name="run", vacancy_id=vacancy.pk, now=NOW)
        purchase = Purchase.objects.create(
            vacancy=vacancy, client=key, qty=1, unit_price=0, total=0, currency="EUR"
        )
        Ticket.objects.create(purchase=purchase)

    def test_rehearsal_goes_with_everything_it_owned(self) -> None:
        """Purchases, tickets and the key."""
        rehearsal = make_vacancy(is_rehearsal=True)
        self.sold_to_a_bound_key(rehearsal)

        tickets.rehearsal_delete(vacancy_id=rehearsal.pk)

        left = [model.objects.count() for model in (Vacancy, Purchase, Ticket, ApiKey)]
        assert left == [0, 0, 0, 0]

    def test_real_stock_is_never_touched(self) -> None:
        """Whatever id is given."""
        vacancy = make_vacancy()
        self.sold_to_a_bound_key(vacancy)

        tickets.rehearsal_delete(vacancy_id=vacancy.pk)
        stock.vacancy_delete_rehearsal(vacancy_id=vacancy.pk)

        left = [model.objects.count() for model in (Vacancy, Purchase, Ticket, ApiKey)]
        assert left == [1, 1, 1, 1]

    def test_other_rehearsals_stay(self) -> None:
        """One run ends, another goes on."""
        other = make_vacancy(is_rehearsal=True)
        self.sold_to_a_bound_key(other)
        ended = make_vacancy(is_rehearsal=True)

        tickets.rehearsal_delete(vacancy_id=ended.pk)

        assert Vacancy.objects.get() == other
        assert Purchase.objects.count() == 1

    def test_unknown_id_is_no_error(self) -> None:
        """Two workers may clear away the same run."""
        tickets.rehearsal_delete(vacancy_id=7)
        stock.vacancy_delete_rehearsal(vacancy_id=7)
