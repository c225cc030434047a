"""How the statements that run for every sale reach the database.

Note [One statement for a whole batch]
    The till's thread gives the interpreter's lock away each time it waits for the database, and
    must win it back from an event loop that is busy with other answers: 0.2 to 2 ms each time, at
    saturation. So everything that a batch writes is one statement, whose parts are the inserts and
    the updates (data-modifying WITH, section 7.8 of PostgreSQL's manual), and that commits itself:
    no BEGIN, no COMMIT, no look in between. An update that does not find its row as it should be
    makes the whole statement fail by a division by zero, and nothing of it stays.

    psycopg's pipeline also sends several statements at once, but it waits twice for each of them
    until the socket can be written to, and gives the lock away each time.

    And PostgreSQL takes longer to parse and plan such a statement than to run it. These are
    few and always the same text, so the server keeps their plans: for a batch of 25 purchases
    its processor time went from 140 to 78 µs for each. Values travel beside the text,
    for which psycopg's own cursor is needed: Django's writes them into it.

    SQLite is no journey away and knows no such statement; there the parts run in turn, in one
    transaction. What that costs is mostly what Python does around it, so they go to sqlite3 as
    they are, past Django's cursor and `atomic`, which rewrite placeholders, ask hooks and keep
    books. If a transaction is open already it stays Django's, and only the statements go so; if a
    hook is in use, or somebody wants a log, everything goes Django's way, except what the event
    loop serves (tickets.alone).
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import psycopg
from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    DataError,
    InterfaceError,
    OperationalError,
    connection,
    connections,
    transaction,
)
from psycopg.errors import DivisionByZero


class Changed(Exception):
    """Something moved between our look and our update; nothing of this try is kept."""


class CommitLost(OperationalError):
    """The database was lost while it committed: that may have happened or not."""


class Trip:
    """Gathers writes that happen all or not at all; see Note [One statement for a whole batch].

    This one is PostgreSQL's.
    """

    def __init__(self) -> None:
        """Write nothing yet."""
        self._parts: list[str] = []
        self._values: list[Any] = []
        self._counts: list[str] = []  # asking for it makes a part happen: in this order

    def write(self, statement: str, values: Sequence[Any]) -> None:
        """Take along an INSERT, UPDATE or DELETE whose result nobody needs."""
        self._counts.append(self._take_along(statement, values))

    def change_or_fail(self, update: str, values: Sequence[Any]) -> None:
        """Take along an update that must change something.

        Raises:
            Changed: it changed nothing; told by `send`.
        """
        self._counts.append(f"1 / {self._take_along(update, values)}")

    def _take_along(self, statement: str, values: Sequence[Any]) -> str:
        name = f"part_{len(self._parts)}"
        self._parts.append(f"{name} AS ({statement} RETURNING 1)")
        self._values += values
        return f"(SELECT COUNT(*) FROM {name})"  # noqa: S608  # the name is ours

    def statement(self) -> tuple[str, list[Any]]:
        """Return the one statement that does everything, and its values; for at least one write."""
        return f"WITH {', '.join(self._parts)} SELECT {', '.join(self._counts)}", self._values

    def send(self) -> None:
        """Make all of it happen, if there is anything: for good, if no transaction is open.

        Raises:
            django.db.DatabaseError: what a part ran into; nothing was written.
            Changed: an update changed nothing; nothing was written.
            CommitLost: as named.
        """
        if self._parts:
            with what_became_of_it():
                run(*self.statement())


class Steps(Trip):
    """SQLite's: makes one write after the other."""

    def __init__(self) -> None:
        """Write nothing yet."""
        self._steps: list[tuple[str, list[Any], bool]] = []  # the last: it must change a row

    def write(self, statement: str, values: Sequence[Any]) -> None:
        """Take it along."""
        self._take(statement, values, must_change=False)

    def change_or_fail(self, update: str, values: Sequence[Any]) -> None:
        """Take it along."""
        self._take(update, values, must_change=True)

    def _take(self, statement: str, values: Sequence[Any], *, must_change: bool) -> None:
        spelled = [
            value if type(value) in _KNOWN_TO_SQLITE else _spelled(value) for value in values
        ]
        self._steps.append((statement, spelled, must_change))

    def send(self) -> None:
        """Make them, in a transaction of their own if none is open. Raises as `Trip.send`."""
        if not self._steps:
            return
        straight = _straight_to_sqlite()
        if straight is not None and not straight.in_atomic_block:
            with straight.wrap_database_errors:
                self.make_for_good(straight)
            return
        with nullcontext() if connection.in_atomic_block else for_good():
            self._make(run)

    def _make(self, execute: Callable[[str, Sequence[Any]], Any]) -> None:
        for statement, values, must_change in self._steps:
            if not execute(statement, values).rowcount and must_change:
                raise Changed

    def make_for_good(self, own: Any) -> None:
        """Make them over this connection of Django's, in a transaction of their own.

        As `for_good` does, but past Django: see Note [One statement for a whole batch].

        Raises:
            sqlite3.Error: what a step ran into, in no words of Django's; nothing was written.
            Changed, CommitLost: as `Trip.send`.
        """
        execute, complete = own.connection.execute, False
        try:
            execute("BEGIN IMMEDIATE")
            self._make(lambda statement, values: execute(marked(statement), values))
            complete = True
            _commit(own.connection)
        except BaseException as error:
            _take_back(own)
            if complete and isinstance(error, sqlite3.Error):
                raise CommitLost(*error.args) from error
            raise


_KNOWN_TO_SQLITE = frozenset({str, int, bool, float, type(None)})


def _spelled(value: Any) -> Any:
    """Spell what SQLite does not know as Django's own fields store it."""
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, datetime):
        return str(value.astimezone(UTC).replace(tzinfo=None))
    return value


def _take_back(own: Any) -> None:
    try:
        if own.connection.in_transaction:  # a full disk may have ended it
            own.connection.execute("ROLLBACK")
    except sqlite3.Error:
        own.connection.close()  # what is open ends with it
        own.connection = None  # Django's `close` may not be called by an event loop


def _commit(database: sqlite3.Connection) -> None:
    database.execute("COMMIT")  # by a name of its own, so that a test can let it get lost


def new_trip() -> Trip:
    """Gather writes for the database that is used here."""
    return Trip() if connection.vendor == "postgresql" else Steps()


@contextmanager
def what_became_of_it() -> Iterator[None]:
    """Tell of the error that a trip's statement ran into what it means. Raises as `Trip.send`."""
    try:
        yield
    except DataError as error:
        if isinstance(error.__cause__, DivisionByZero):
            raise Changed from error
        raise
    except (InterfaceError, OperationalError) as error:
        if not connection.in_atomic_block:
            raise CommitLost(*error.args) from error
        raise


@contextmanager
def for_good() -> Iterator[None]:
    """Open a transaction that tells a COMMIT that failed from everything that fails before it.

    Raises:
        CommitLost: as named.
    """
    complete = False
    try:
        with transaction.atomic(durable=True):
            yield
            complete = True
    except DatabaseError as error:
        if complete:
            raise CommitLost(*error.args) from error
        raise


def run(statement: str, values: Sequence[Any], *, keep_plan: bool = True) -> Any:
    """Run a statement and return its cursor.

    Keep no plan of what searches a table that grows: one that was made while it was small
    may read all of it, later too.
    """
    if (straight := _straight_to_sqlite()) is not None:
        with straight.wrap_database_errors:
            return straight.connection.execute(marked(statement), values)
    cursor = _remembering() if keep_plan else connection.cursor()
    cursor.execute(statement, values)
    return cursor


def first_row(statement: str, values: Sequence[Any], *, keep_plan: bool = True) -> Any:
    """Run a statement and return its first row, or None."""
    if (straight := _straight_to_sqlite()) is not None:
        with straight.wrap_database_errors:  # sqlite3's own cursor does not, while it is read
            return straight.connection.execute(marked(statement), values).fetchone()
    return run(statement, values, keep_plan=keep_plan).fetchone()


def _straight_to_sqlite() -> Any:
    """Return Django's connection if nothing of its cursor would be missed, else None."""
    own: Any = connections[DEFAULT_DB_ALIAS]
    if own.vendor != "sqlite" or own.execute_wrappers or own.queries_logged or own.needs_rollback:
        return None
    if own.connection is None:
        own.ensure_connection()
    return own


@lru_cache(maxsize=256)
def marked(statement: str) -> str:
    """Write placeholders as sqlite3 wants them; none of our statements has another percent sign."""
    return statement.replace("%s", "?")


def _remembering() -> Any:
    if connection.vendor != "postgresql":
        return connection.cursor()
    connection.ensure_connection()
    own: Any = connection
    # Wrapped as Django wraps its own: its errors, its log of queries, its hooks.
    return own._prepare_cursor(psycopg.Cursor(connection.connection))
