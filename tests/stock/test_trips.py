"""Writes that travel together: all happen or none, and what went wrong is told."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from django.db import DataError, IntegrityError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.backends import BACKEND
from tests.conftest import make_vacancy
from vacancy import trips
from vacancy.models import Vacancy
from vacancy.trips import Changed, CommitLost

pytestmark = pytest.mark.django_db(transaction=True)
RENAME = "UPDATE vacancy_vacancy SET name = %s WHERE id = %s"
NAME = "SELECT name FROM vacancy_vacancy WHERE id = %s"
FILL = "UPDATE vacancy_vacancy SET venue = %s WHERE id = %s"
BREAK = "UPDATE vacancy_vacancy SET sold = sold + %s WHERE id = %s"
LEAVE = "DELETE FROM vacancy_stockmovement WHERE pg_terminate_backend(pg_backend_pid())"
NOWHERE = 4711


@pytest.fixture
def other(vacancy: Vacancy) -> Vacancy:
    """A second row, later in id order."""
    return make_vacancy(name="other")


def write(*writes: tuple[str, list[Any]], last: tuple[str, list[Any]]) -> None:
    """Make these writes; the last is an update that must change something."""
    trip = trips.new_trip()
    for statement, values in writes:
        trip.write(statement, values)
    trip.change_or_fail(*last)
    trip.send()


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
    with transaction.atomic(), django_assert_num_queries(0):
        trips.new_trip().send()


class TestSqlite:
    """What becomes of it there: past Django, and yet as if it were Django's."""

    __test__ = BACKEND == "sqlite"

    def test_commit_that_fails_says_so(self, vacancy, monkeypatch):
        def fail(_: object) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        monkeypatch.setattr(trips, "_commit", fail)
        with pytest.raises(CommitLost):
            write(last=(RENAME, ["first", vacancy.pk]))

        assert not connection.connection.in_transaction
        assert names() == [vacancy.name]

    def test_somebody_else_who_writes_is_no_lost_commit(self, vacancy):
        """Nothing was begun: it can be tried again without finding out anything."""
        connection.ensure_connection()
        connection.connection.execute("PRAGMA busy_timeout = 0")
        with closing(sqlite3.connect(connection.settings_dict["NAME"])) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(OperationalError, match="locked") as raised:
                write(last=(RENAME, ["first", vacancy.pk]))

        assert not isinstance(raised.value, CommitLost)
        assert names() == [vacancy.name]

    def test_commit_that_cannot_even_be_taken_back_says_so(self, vacancy, monkeypatch):
        """Then the connection is closed, and with it ends what was open."""

        def lose(database: sqlite3.Connection) -> None:
            database.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)  # from now on nothing works
            raise sqlite3.OperationalError("disk I/O error")

        with monkeypatch.context() as patch:
            patch.setattr(trips, "_commit", lose)
            with pytest.raises(CommitLost):
                write(last=(RENAME, ["first", vacancy.pk]))

        write(last=(RENAME, ["second", vacancy.pk]))
        assert names() == ["second"]

    def test_disk_that_is_full_midway_keeps_nothing(self, vacancy, other):
        """It may end the transaction by itself."""
        connection.ensure_connection()
        database = connection.connection
        [pages] = database.execute("PRAGMA page_count").fetchone()
        database.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(OperationalError, match="full") as raised:
            write((RENAME, ["first", vacancy.pk]), last=(FILL, ["x" * 10_000_000, other.pk]))

        assert not isinstance(raised.value, CommitLost)
        assert not database.in_transaction
        assert names() == [vacancy.name, other.name]

    def test_error_in_the_middle_of_an_answer_is_one_of_django(self, db):
        """Whoever catches it need not know whose cursor it was."""
        connection.ensure_connection()

        def fail(_: int) -> None:
            raise ZeroDivisionError

        connection.connection.create_function("fail", 1, fail)
        with pytest.raises(OperationalError):
            trips.first_row("SELECT 1 UNION ALL SELECT fail(2)", [])

    def test_transaction_that_must_be_taken_back_takes_no_more(self, vacancy):
        """As with Django's own cursor."""

        def write_and_go_on() -> None:
            with transaction.atomic():
                transaction.set_rollback(True)
                trips.run(RENAME, ["first", vacancy.pk])

        with pytest.raises(transaction.TransactionManagementError):
            write_and_go_on()

    def test_transaction_that_failed_does_not_stay_open(self, vacancy):
        with pytest.raises(IntegrityError):
            write(last=(BREAK, [1, vacancy.pk]))

        assert not connection.connection.in_transaction
        write(last=(RENAME, ["first", vacancy.pk]))
        assert names() == ["first"]

    def test_whoever_wants_a_log_gets_one(self, vacancy, other):
        """Django's way then, which writes it."""
        with CaptureQueriesContext(connection) as log:
            write((RENAME, ["first", vacancy.pk]), last=(RENAME, ["second", other.pk]))

        assert [entry["sql"].split()[0] for entry in log] == ["BEGIN", "UPDATE", "UPDATE", "COMMIT"]
        assert names() == ["first", "second"]

    def test_hooks_see_every_statement(self, vacancy):
        """As those of a tool that traces queries."""
        seen: list[str] = []

        def watch(execute: Any, sql: str, *rest: Any) -> Any:
            seen.append(sql)
            return execute(sql, *rest)

        with connection.execute_wrapper(watch):
            write((RENAME, ["first", vacancy.pk]), last=(BREAK, [0, vacancy.pk]))

        assert [sql for sql in seen if sql.startswith("UPDATE")] == [RENAME, BREAK]


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
