"""The short way to PostgreSQL: what nearly every batch is takes two statements from the event loop.

Note [Express]
    The till's thread has to win the interpreter's lock back from a busy event loop after each
    answer of the database; the loop gives it away and takes it again with every request, so both
    wake for nothing and wait for each other (docs/speed.md has what that cost). None of it is
    needed for a batch of fresh orders: one look at the stock and the keys, one statement that
    writes everything. So these two go over a connection that the event loop waits for as it does
    for any client, and no other thread runs meanwhile.

    Whatever is out of the ordinary is the thread's: repeats, confirmations, expired holds, sales
    that close with the last place, the default vacancy, anything that fails. It starts from
    nothing, or, if our write was sent and no good answer came, finds out what became of it, as
    it does with its own (tickets.selling).
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

import psycopg
import psycopg.errors
from django.db import connection

from tickets import repeats
from tickets.batch import Batch, Which
from tickets.wishes import Answer, Order, Wish
from vacancy import services as stock
from vacancy.trips import Changed, CommitLost, Trip, what_became_of_it

CONNECT_TIMEOUT_S = 2  # as the pool's
RETRY_S = 1.0
# A key that came meanwhile, and stock that went: see `vacancy.trips`.
EXPECTED = psycopg.IntegrityError | psycopg.errors.DivisionByZero

logger = logging.getLogger(__name__)


class NotServed(Exception):
    """This is not for the express; `begun` is what it tried, if anything was sent."""

    def __init__(self, begun: "Begun | None" = None) -> None:
        """Take what was tried along."""
        super().__init__("for the till's thread")
        self.begun = begun


class Begun:
    """Answers whose write was sent, and what came back instead of a result: a first attempt."""

    def __init__(self, answers: list[Answer], error: BaseException) -> None:
        """Do nothing yet."""
        self._error = error
        self.answers = answers

    def serve(self) -> None:
        """Raise what the attempt came to, in the words of the thread's own attempts."""
        with what_became_of_it(), connection.wrap_database_errors:
            if isinstance(self._error, psycopg.Error):
                raise self._error
            raise CommitLost(str(self._error)) from self._error


class Express:
    """One connection, used by one event loop at a time; nothing else may be under way on it."""

    def __init__(self) -> None:
        """Connect later."""
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._failed_at: float | None = None  # monotonic seconds

    @cached_property
    def is_possible(self) -> bool:
        """Say whether the database is one that it can speak to."""
        return connection.vendor == "postgresql"

    @property
    def is_open(self) -> bool:
        """Say whether there is a connection; it may be dead without our knowing."""
        return self._connection is not None and not self._connection.closed

    async def open(self) -> None:
        """Connect, or stay closed if that fails: the thread tells everybody what is wrong.

        Everybody waits meanwhile, so it is tried once in a while only.
        """
        if self._failed_at is not None and time.monotonic() - self._failed_at < RETRY_S:
            return
        try:
            self._connection = await self._connected()
        except (psycopg.Error, OSError) as error:
            if self._failed_at is None:
                logger.warning("the till's express is closed: %s", type(error).__name__)
            self._failed_at = time.monotonic()
        else:
            self._failed_at = None

    async def _connected(self) -> "psycopg.AsyncConnection[Any]":
        """Return a connection like Django's own."""
        parameters = {**connection.get_connection_params(), "cursor_factory": psycopg.AsyncCursor}
        parameters.pop("pool", None)  # Django's is made of its own connections
        parameters.setdefault("connect_timeout", CONNECT_TIMEOUT_S)
        opened = await psycopg.AsyncConnection.connect(**parameters, autocommit=True)
        # Django sets it after connecting, and reads every instant as if it were in this zone.
        zone = connection.timezone_name
        if opened.info.parameter_status("TimeZone") != zone:
            try:
                await opened.execute("SELECT set_config('TimeZone', %s, false)", [zone])
            except BaseException:
                await opened.close()
                raise
        return opened

    def close(self) -> None:
        """Close at once, from wherever; a statement that is under way is lost."""
        if self._connection is not None:
            self._connection.pgconn.finish()
        self._connection = None

    async def serve(
        self, *, wishes: Sequence[Wish], refused: Sequence[Wish], now: datetime
    ) -> list[Answer]:
        """Answer all `wishes`; `refused` are known to be too late unless they are repeats.

        Raises:
            NotServed: as named. It swallows a cancellation: work belongs to the line and not to
                whoever runs it.
        """
        batch, sent = Batch(wishes, now, careful=False, asks=False), False
        try:
            trip = await self._decide(batch, refused)
            if trip is not None:
                sent = True
                await self._run(*trip.statement(), keep_plan=True)
            return batch.answers
        except (Exception, asyncio.CancelledError) as error:
            self._look_at(error)
            raise NotServed(Begun(batch.answers, error) if sent else None) from error

    def _look_at(self, error: BaseException) -> None:
        """Close after an error of the connection, and say what should not happen."""
        if isinstance(error, NotServed | Changed | asyncio.CancelledError | EXPECTED):
            return
        if isinstance(error, psycopg.Error):
            logger.warning("the till's express is closed: %s", type(error).__name__)
            self.close()
        else:
            logger.warning("the till's express broke off", exc_info=error)

    async def _decide(self, batch: Batch, refused: Sequence[Wish]) -> Trip | None:
        """Return what is to be written for this batch, or None if nothing is."""
        if not all(map(_is_plain, batch.wishes)):
            raise NotServed
        groups = batch.by_vacancy()
        vacancies = await self._look(list(groups), [*batch.wishes, *refused])
        batch.decide(groups, vacancies, earlier={})
        if not batch.moving:
            return None
        if any(one.vacancy.close_when_sold_out for one in batch.moving):
            raise NotServed
        trip = Trip()
        batch.record.write(trip)
        stock.places_move(trip, granted=batch.moving)
        return trip

    async def _look(self, which: Sequence[Which], asking: Sequence[Wish]) -> list[stock.Vacancy]:
        """Read these vacancies, and make sure that none of those who ask was answered before.

        The last is read together with the keys, the others before: see tickets.repeats,
        Note [A repeat gets the first answer].
        """
        known, keys = repeats.question(asking)
        if not which:
            await self._first(f"SELECT {known}", keys)
        vacancies = []
        for at, (vacancy_id, rehearsal) in enumerate(which, 1):
            question, values = (known, keys) if at == len(which) else ("FALSE", [])
            look = stock.look(rehearsal=rehearsal)
            row = await self._first(
                f"SELECT {question}, look.* FROM ({look.sql}) AS look",  # noqa: S608  # all ours
                [*values, *look.values({"pk": vacancy_id})],
            )
            vacancies.append(look.made_of(row))
        return vacancies

    async def _first(self, question: str, values: Sequence[Any]) -> tuple[Any, ...]:
        """Return the row behind an answer of no; no row is out of the ordinary too."""
        # Without a plan that is kept: see `trips.run`.
        row = await (await self._run(question, values, keep_plan=False)).fetchone()
        if row is None or row[0]:
            raise NotServed
        return tuple(row[1:])

    async def _run(
        self, statement: str, values: Sequence[Any], *, keep_plan: bool
    ) -> "psycopg.AsyncCursor[Any]":
        if self._connection is None:
            raise NotServed
        return await self._connection.execute(statement, values, prepare=keep_plan)


def _is_plain(wish: Wish) -> bool:
    return isinstance(wish, Order) and (wish.vacancy_id or wish.bound_to) is not None
