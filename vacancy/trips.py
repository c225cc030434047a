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

    SQLite is no journey away and knows no such statement; there each part simply runs in turn, in
    one transaction.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from typing import Any

import psycopg
from django.db import (
    DatabaseError,
    DataError,
    InterfaceError,
    OperationalError,
    connection,
    transaction,
)
from psycopg.errors import DivisionByZero


class Changed(Exception):
    """Something moved between our look and our update; nothing of this try is kept."""


class CommitLost(OperationalError):
    """The database was lost while it committed: that may have happened or not."""


class Trip:
    """Writes that happen all or not at all; see Note [One statement for a whole batch].

    This one is PostgreSQL's: it gathers them. The other one makes them in turn.
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
            Changed: it changed nothing; told at once, or at the end of `together`.
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
        """Run it, if there is anything to write."""
        if self._parts:
            run(*self.statement())


class InTurn(Trip):
    """Makes each write at once, in a transaction that the caller has opened."""

    def write(self, statement: str, values: Sequence[Any]) -> None:
        """Make it."""
        run(statement, values)

    def change_or_fail(self, update: str, values: Sequence[Any]) -> None:
        """Make it, and say if it changed nothing."""
        adapt = connection.ops.adapt_datetimefield_value
        plain = [adapt(value) if isinstance(value, datetime) else value for value in values]
        if not run(update, plain).rowcount:
            raise Changed


@contextmanager
def together() -> Iterator[Trip]:
    """Gather writes, and make all of them or none at the end: for good, if nothing is open.

    Raises:
        django.db.DatabaseError: what a part ran into; nothing was written.
        Changed: an update changed nothing; nothing was written.
        CommitLost: as named.
    """
    if connection.vendor != "postgresql":
        with nullcontext() if connection.in_atomic_block else for_good():
            yield InTurn()
        return
    trip = Trip()
    yield trip
    with what_became_of_it():
        trip.send()


@contextmanager
def what_became_of_it() -> Iterator[None]:
    """Tell of the error that a trip's statement ran into what it means. Raises as `together`."""
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
    cursor = _remembering() if keep_plan else connection.cursor()
    cursor.execute(statement, values)
    return cursor


def _remembering() -> Any:
    if connection.vendor != "postgresql":
        return connection.cursor()
    connection.ensure_connection()
    own: Any = connection
    # Wrapped as Django wraps its own: its errors, its log of queries, its hooks.
    return own._prepare_cursor(psycopg.Cursor(connection.connection))
