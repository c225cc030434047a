"""Statements that travel together: each has its effect in order, and the first error is told."""

import pytest
from django.db import (
    DataError,
    IntegrityError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)
from psycopg.pq import TransactionStatus

from tests.backends import BACKEND
from tests.conftest import make_vacancy
from vacancy import trips
from vacancy.models import Vacancy

pytestmark = pytest.mark.django_db
RENAME = "UPDATE vacancy_vacancy SET name = %s WHERE id = %s"
NAME = "SELECT name FROM vacancy_vacancy WHERE id = %s"
BREAK = "UPDATE vacancy_vacancy SET sold = sold + %s WHERE id = %s"


def run_together(*steps: tuple[str, object], pk: int, commit: bool = False) -> None:
    with trips.together(commit=commit):
        for statement, value in steps:
            trips.run(statement, [value, pk])


def test_each_sees_what_those_before_it_did(vacancy):
    with trips.together():
        before = trips.run(NAME, [vacancy.pk])
        renamed = trips.run(RENAME, ["other", vacancy.pk])
        after = trips.run(NAME, [vacancy.pk])

    assert before.fetchone() == (vacancy.name,)
    assert renamed.rowcount == 1
    assert after.fetchone() == ("other",)


def test_an_error_is_djangos_and_leaves_nothing(vacancy):
    with pytest.raises(IntegrityError), transaction.atomic():
        run_together((RENAME, "other"), (BREAK, 1), (RENAME, "third"), pk=vacancy.pk)

    assert Vacancy.objects.get().name == vacancy.name


def test_the_orm_may_be_asked_on_the_way(vacancy):
    with trips.together():
        trips.run(RENAME, ["other", vacancy.pk])
        seen = Vacancy.objects.get()
        trips.run(RENAME, ["third", vacancy.pk])

    assert seen.name == "other"
    assert Vacancy.objects.get().name == "third"


def test_the_connection_works_after_an_error(vacancy):
    wrong = (ProgrammingError, OperationalError)  # PostgreSQL's word for it, and SQLite's
    with pytest.raises(wrong), transaction.atomic(), trips.together():
        trips.run("SELECT nothing FROM nowhere WHERE id = %s", [vacancy.pk])

    assert trips.run(NAME, [vacancy.pk]).fetchone() == (vacancy.name,)


class TestPlans:
    """What PostgreSQL remembers."""

    __test__ = BACKEND == "postgres"  # SQLite's driver keeps statements by itself

    def test_what_runs_often_is_planned_once(self, vacancy):
        other = make_vacancy()
        for pk in (vacancy.pk, other.pk):
            trips.run(NAME, [pk])

        with connection.cursor() as cursor:
            cursor.execute("SELECT statement FROM pg_prepared_statements")
            kept = [statement for (statement,) in cursor.fetchall()]
        assert kept.count(NAME.replace("%s", "$1")) == 1


class TestCommit:
    """A trip that ends the transaction."""

    __test__ = BACKEND == "postgres"  # elsewhere the COMMIT is atomic's, as ever
    pytestmark = pytest.mark.django_db(transaction=True)

    def test_commit_goes_along(self, vacancy):
        with transaction.atomic(durable=True):
            run_together((RENAME, "other"), pk=vacancy.pk, commit=True)
            status = connection.connection.info.transaction_status

        assert status == TransactionStatus.IDLE
        assert Vacancy.objects.get().name == "other"

    def test_nothing_is_committed_behind_an_update_that_changes_nothing(self, vacancy):
        with pytest.raises(trips.Changed), transaction.atomic(), trips.together(commit=True):
            trips.run(RENAME, ["other", vacancy.pk])
            trips.change_or_fail(RENAME, ["third", vacancy.pk + 1])

        assert Vacancy.objects.get().name == vacancy.name

    def test_somebody_elses_transaction_is_not_committed(self, vacancy):
        def run_inside() -> None:
            with transaction.atomic():
                run_together((RENAME, "other"), pk=vacancy.pk, commit=True)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError), transaction.atomic():
            run_inside()

        assert Vacancy.objects.get().name == vacancy.name

    def test_error_of_a_value_is_no_change(self, vacancy):
        with pytest.raises(DataError), transaction.atomic():
            run_together((RENAME, "x" * 1000), pk=vacancy.pk)
