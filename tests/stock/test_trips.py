"""Writes that travel together: all happen or none, and what went wrong is told."""

from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from tests.backends import BACKEND
from tests.conftest import make_vacancy
from vacancy import trips
from vacancy.models import Vacancy
from vacancy.trips import Changed, CommitLost

pytestmark = pytest.mark.django_db(transaction=True)
RENAME = "UPDATE vacancy_vacancy SET name = %s WHERE id = %s"
NAME = "SELECT name FROM vacancy_vacancy WHERE id = %s"
BREAK = "UPDATE vacancy_vacancy SET sold = sold + %s WHERE id = %s"
LEAVE = "DELETE FROM vacancy_stockmovement WHERE pg_terminate_backend(pg_backend_pid())"
NOWHERE = 4711


@pytest.fixture
def other(vacancy: Vacancy) -> Vacancy:
    """A second row, later in id order."""
    return make_vacancy(name="other")


def write(*writes: tuple[str, list[Any]], last: tuple[str, list[Any]]) -> None:
    """Make these writes; the last is an update that must change something."""
    with trips.together() as trip:
        for statement, values in writes:
            trip.write(statement, values)
        trip.change_or_fail(*last)


def names() -> list[str]:
    """Read what is committed, on a connection of its own."""
    connection.close()
    return list(Vacancy.objects.order_by("pk").values_list("name", flat=True))


def test_all_of_it_is_committed(vacancy, other):
    write((RENAME, ["first", vacancy.pk]), last=(RENAME, ["second", other.pk]))

    assert names() == ["first", "second"]


def test_nothing_is_if_an_update_finds_nothing(vacancy):
    with pytest.raises(Changed):
        write((RENAME, ["first", vacancy.pk]), last=(RENAME, ["second", NOWHERE]))

    assert names() == [vacancy.name]


def test_nothing_is_if_a_constraint_is_broken(vacancy, other):
    with pytest.raises(IntegrityError):
        write((RENAME, ["first", vacancy.pk]), last=(BREAK, [1, other.pk]))

    assert names() == [vacancy.name, other.name]


def test_in_a_transaction_it_is_not_committed(vacancy):
    def write_and_break() -> None:
        with transaction.atomic():
            write(last=(RENAME, ["first", vacancy.pk]))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_break()

    assert names() == [vacancy.name]


def test_no_writes_are_no_statement(db, django_assert_num_queries):
    with transaction.atomic(), django_assert_num_queries(0), trips.together():
        pass


class TestOneStatement:
    """What PostgreSQL makes of it."""

    __test__ = BACKEND == "postgres"  # SQLite gets each part in turn

    def test_one_is_all_that_is_sent(self, vacancy, other, django_assert_num_queries):
        with django_assert_num_queries(1):
            write((RENAME, ["first", vacancy.pk]), last=(RENAME, ["second", other.pk]))

    def test_error_of_a_value_is_no_change(self, vacancy):
        with pytest.raises(DataError):
            write(last=(RENAME, ["x" * 1000, vacancy.pk]))

        assert names() == [vacancy.name]  # and the connection works

    def test_connection_that_is_lost_on_the_way_says_so(self, vacancy, ledger_line):
        with pytest.raises(CommitLost):
            write((LEAVE, []), last=(RENAME, ["first", vacancy.pk]))

        assert names() == [vacancy.name]

    def test_what_runs_often_is_planned_once(self, vacancy, other):
        for pk in (vacancy.pk, other.pk):
            trips.run(NAME, [pk])

        with connection.cursor() as cursor:
            cursor.execute("SELECT statement FROM pg_prepared_statements")
            kept = [statement for (statement,) in cursor.fetchall()]
        assert kept.count(NAME.replace("%s", "$1")) == 1

    @pytest.fixture
    def ledger_line(self, vacancy):
        """Something to be deleted, or nobody would ask who is there."""
        return vacancy.movements.create(kind="state", qty=0, reason="why", at=vacancy.created_at)
