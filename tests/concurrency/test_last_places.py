"""More buyers than places, all at once: what is sold is what there was.

The naive ways at the end oversell under the same crowd: they show that these tests can fail.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from django.db import IntegrityError, connection, models, transaction
from django.db.models import F
from django.utils import timezone

from tests.concurrency.crowd import crowd
from tests.conftest import make_vacancy
from tests.sales import serve
from tickets import selling
from tickets import services as tickets
from tickets.models import ApiKey, Purchase, Ticket
from tickets.selectors import Client, sales_of
from tickets.wishes import Order, Sale
from vacancy import services as stock
from vacancy.models import StockMovement, Vacancy

pytestmark = pytest.mark.django_db(transaction=True)

BUYERS = 200
PLACES = 50


def buy(vacancy: Vacancy, *, qty: int = 1, **order: Any) -> Sale:
    """Buy as the till does."""
    sale: Sale = serve(Order(vacancy_id=vacancy.pk, qty=qty, **{"client": None, **order}))
    return sale


def kinds(outcomes: list[Any]) -> Counter[str]:
    """Count what became of the crowd by the name of the type."""
    return Counter(type(outcome).__name__ for outcome in outcomes)


def assert_rows_equal_counters(vacancy: Vacancy) -> None:
    """Compare what was counted with what was stored, one by one."""
    sales = sales_of(vacancy_id=vacancy.pk)
    assert sales is not None
    counted = sales.counters
    assert counted.available + counted.held + counted.sold == counted.capacity
    assert counted.available >= 0
    assert counted.sold == sales.purchased_qty == sales.ticket_count


class TestLastPlaces:
    """Fifty places, two hundred buyers."""

    def test_every_place_is_sold_once_and_everybody_else_is_refused(self) -> None:
        """Fifty sales, a hundred and fifty times sold out, no other error."""
        vacancy = make_vacancy(capacity=PLACES)

        outcomes = crowd(BUYERS, lambda _: buy(vacancy))

        assert kinds(outcomes) == {"Sale": PLACES, "SoldOut": BUYERS - PLACES}
        assert Purchase.objects.count() == PLACES
        assert_rows_equal_counters(vacancy)

    def test_no_code_is_issued_twice(self) -> None:
        """Each buyer's tickets are their own, and all of them are stored."""
        vacancy = make_vacancy(capacity=20)

        outcomes = crowd(20, lambda _: buy(vacancy))

        issued = [code for sale in outcomes for code in sale.codes]
        assert sorted(issued) == sorted(Ticket.objects.values_list("code", flat=True))
        assert len(set(issued)) == 20

    def test_groups_of_one_to_five_never_oversell(self) -> None:
        """Some groups no longer fit; whoever is refused could not have been served."""
        vacancy = make_vacancy(capacity=PLACES)

        outcomes = crowd(60, lambda number: buy(vacancy, qty=1 + number % 5))

        refused = [1 + n % 5 for n, was in enumerate(outcomes) if isinstance(was, stock.SoldOut)]
        vacancy.refresh_from_db()
        assert set(kinds(outcomes)) == {"Sale", "SoldOut"}
        assert min(refused) > vacancy.available
        assert_rows_equal_counters(vacancy)

    def test_two_vacancies_do_not_disturb_each_other(self) -> None:
        """Half the crowd wants one, half the other."""
        first, second = make_vacancy(capacity=10), make_vacancy(capacity=15)

        crowd(60, lambda number: buy(first if number % 2 else second))

        assert_rows_equal_counters(first)
        assert_rows_equal_counters(second)
        assert list(Vacancy.objects.values_list("available", flat=True)) == [0, 0]


class TestTwins:
    """One order sent many times at once."""

    @pytest.fixture
    def client(self, key_row: ApiKey) -> Client:
        """The shop."""
        return Client(key_row.pk, key_row.name, frozenset({"buy"}), None)

    @pytest.mark.parametrize("capacity", [1, 10])
    def test_twenty_twins_get_one_purchase_and_one_answer(
        self, client: Client, capacity: int
    ) -> None:
        """Also when it takes the last place: sold out is for others."""
        vacancy = make_vacancy(capacity=capacity)

        outcomes = crowd(20, lambda _: buy(vacancy, client=client, idempotency_key="order-7"))

        assert kinds(outcomes) == {"Sale": 20}
        assert len({(sale.id, *sale.codes) for sale in outcomes}) == 1
        assert Purchase.objects.count() == 1
        assert_rows_equal_counters(vacancy)

    def test_of_twins_that_differ_one_wins(self, client: Client) -> None:
        """The others are told that the key stands for another request."""
        vacancy = make_vacancy(capacity=PLACES)

        outcomes = crowd(
            10, lambda n: buy(vacancy, qty=1 + n, client=client, idempotency_key="order-7")
        )

        assert kinds(outcomes) == {"Sale": 1, "IdempotencyKeyReused": 9}
        assert_rows_equal_counters(vacancy)

    @pytest.mark.parametrize("what", ["paused", "sold out"])
    def test_twin_is_answered_though_the_sale_ended_in_between(
        self, client: Client, monkeypatch: pytest.MonkeyPatch, what: str
    ) -> None:
        """Whoever looked before the winner's commit and sold after it finds the purchase."""
        vacancy = make_vacancy(capacity=1 if what == "sold out" else 10)
        won: list[Sale] = []
        begin = selling._try

        def winner_comes_first(*args: Any, **kwargs: Any) -> Any:
            monkeypatch.setattr(selling, "_try", begin)
            won.append(buy(vacancy, client=client, idempotency_key="order-7"))
            if what == "paused":
                stock.pause(vacancy_id=vacancy.pk, now=timezone.now())
            return begin(*args, **kwargs)

        monkeypatch.setattr(selling, "_try", winner_comes_first)

        sale = buy(vacancy, client=client, idempotency_key="order-7")

        assert sale.id == won[0].id


class TestOperatorsInBetween:
    """The sale goes on while somebody changes it."""

    def test_capacity_cut_while_selling_keeps_the_numbers_lawful(self) -> None:
        """Each cut happens whole or not at all, and none takes a place that was sold."""
        vacancy = make_vacancy(capacity=60)

        def act(number: int) -> Any:
            if number % 5:
                return buy(vacancy)
            return stock.capacity_change(
                vacancy_id=vacancy.pk, by=-7, reason="cut", actor=None, now=timezone.now()
            )

        outcomes = crowd(60, act)

        cuts = StockMovement.objects.count()
        vacancy.refresh_from_db()
        assert set(kinds(outcomes)) <= {"Sale", "SoldOut", "Vacancy", "CapacityTooLow"}
        assert vacancy.capacity == 60 - 7 * cuts
        assert kinds(outcomes)["Vacancy"] == cuts
        assert_rows_equal_counters(vacancy)

    def test_nothing_is_sold_after_a_pause_was_answered(self) -> None:
        """Whoever paused can rely on the numbers from then on."""
        vacancy = make_vacancy(capacity=60)
        sold_at_pause: list[int] = []

        def act(number: int) -> Any:
            if number != 30:
                return buy(vacancy)
            stock.pause(vacancy_id=vacancy.pk, now=timezone.now())
            sold_at_pause.append(Vacancy.objects.get(pk=vacancy.pk).sold)
            return None

        outcomes = crowd(60, act)

        vacancy.refresh_from_db()
        assert set(kinds(outcomes)) <= {"Sale", "NotOnSale", "NoneType"}
        assert vacancy.sold == sold_at_pause[0]
        assert_rows_equal_counters(vacancy)

    def test_rehearsal_that_is_removed_while_it_sells_leaves_nothing(self) -> None:
        """Late buyers are refused, and no row of theirs stays."""
        vacancy = make_vacancy(capacity=60, is_rehearsal=True)
        key, _ = tickets.key_create(name="run", vacancy_id=vacancy.pk, now=timezone.now())
        client = Client(key.pk, key.name, frozenset({"buy"}), vacancy.pk)

        def act(number: int) -> Any:
            if number != 20:
                return buy(vacancy, client=client)
            return tickets.rehearsal_delete(vacancy_id=vacancy.pk)

        outcomes = crowd(40, act)

        assert set(kinds(outcomes)) <= {"Sale", "NotOnSale", "VacancyNotFound", "NoneType"}
        assert not Vacancy.objects.exists()
        assert not Purchase.objects.exists()


class Unguarded(models.Model):
    """A vacancy as a beginner would write it: no constraint, no conditional update."""

    available = models.IntegerField()
    sold = models.IntegerField(default=0)

    objects: ClassVar[models.Manager["Unguarded"]] = models.Manager()

    class Meta:
        """No migration knows it: the test makes the table and drops it."""

        app_label = "naive"

    def __str__(self) -> str:
        """Name it."""
        return f"unguarded {self.pk}"


class TestNegativeControl:
    """The same crowd against code that everybody writes once."""

    @pytest.fixture
    def unguarded(self) -> Iterator[Unguarded]:
        """One place, in a table without constraints."""
        with connection.schema_editor() as editor:
            editor.create_model(Unguarded)
        yield Unguarded.objects.create(available=1)
        with connection.schema_editor() as editor:
            editor.delete_model(Unguarded)

    def test_check_before_the_update_oversells(self, unguarded: Unguarded) -> None:
        """Ten see the last place and all of them get it: the crowd is a real one."""
        everyone_has_looked = threading.Barrier(10)

        def naive(_: int) -> str:
            seen = Unguarded.objects.get()
            connection.close()
            everyone_has_looked.wait(10)
            if seen.available < 1:
                return "refused"
            with transaction.atomic():
                Unguarded.objects.update(available=F("available") - 1, sold=F("sold") + 1)
            return "sold"

        outcomes = crowd(10, naive)

        unguarded.refresh_from_db()
        assert Counter(outcomes) == {"sold": 10}
        assert (unguarded.available, unguarded.sold) == (-9, 10)

    def test_read_and_save_loses_sales(self, unguarded: Unguarded) -> None:
        """Ten sales, one is counted: nothing in the row shows that it was oversold."""
        everyone_has_looked = threading.Barrier(10)

        def naive(_: int) -> str:
            seen = Unguarded.objects.get()
            connection.close()
            everyone_has_looked.wait(10)
            seen.available -= 1
            seen.sold += 1
            seen.save()
            return "sold"

        outcomes = crowd(10, naive)

        unguarded.refresh_from_db()
        assert Counter(outcomes) == {"sold": 10}
        assert (unguarded.available, unguarded.sold) == (0, 1)

    def test_constraints_are_the_last_word_on_naive_code(self) -> None:
        """On the real table the second naive sale is an error, not a place sold twice."""
        vacancy = make_vacancy(capacity=1)
        everyone_has_looked = threading.Barrier(10)

        def naive(_: int) -> str:
            seen = Vacancy.objects.get(pk=vacancy.pk)
            connection.close()
            everyone_has_looked.wait(10)
            if seen.available < 1:
                return "refused"
            with transaction.atomic():
                Vacancy.objects.filter(pk=vacancy.pk).update(
                    available=F("available") - 1, sold=F("sold") + 1
                )
            return "sold"

        outcomes = crowd(10, naive)

        vacancy.refresh_from_db()
        errors = [outcome for outcome in outcomes if isinstance(outcome, IntegrityError)]
        assert (outcomes.count("sold"), len(errors)) == (1, 9)
        assert (vacancy.available, vacancy.sold) == (0, 1)
