"""The short way to SQLite: the event loop itself serves an order that nobody else waits with.

Note [Alone]
    To wake the till's thread for one order, and the event loop again for its answer, took longer
    than to decide on it: both had slept, on a processor that has done something else meanwhile.
    So the loop does it at once, over a connection of its own, and everybody else waits for as
    long: 0.6 ms, half of it COMMIT (docs/speed.md). They must not wait for more. The
    connection waits for no lock; after an order that took long the thread serves for a
    while; and SQLite's log is moved into the database by the thread's connection only, which
    serves one order in fifty for that.

    Whatever is out of the ordinary is the thread's: refusals, repeats, confirmations, sales that
    close with the last place, the default vacancy, anything that fails. A crowd is too, because
    one COMMIT is enough for all of it.

Note [As it was left]
    On SQLite one process sells, so the row that it wrote last is nearly always the row that is
    there. It is not read again: the update insists on every column that was decided by
    (vacancy.services.places), and if one differs it changes nothing, and the thread looks.
"""

import logging
import sqlite3
import time
from contextlib import suppress
from datetime import datetime
from typing import Any, cast

from django.db import DEFAULT_DB_ALIAS, Error, connection, connections

from tickets.express import Begun, NotServed
from tickets.recording import Record
from tickets.wishes import Answer, Order
from vacancy import services as stock
from vacancy import trips

BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_SNAPSHOT, sqlite3.SQLITE_BUSY_RECOVERY}
SLOW_S = 0.005
THREAD_AFTER_SLOW_S = 1.0
IN_A_ROW = 49

logger = logging.getLogger(__name__)


class Alone:
    """A connection for one event loop, and when it is not to be used.

    One thread at a time may call it, whichever that is.
    """

    def __init__(self) -> None:
        """Connect later."""
        self._own: Any = None  # Django's wrapper, which the loop must not let connect or close
        self._left: dict[tuple[int, bool], stock.Vacancy] = {}  # by id and whether for rehearsal
        self._in_a_row = 0
        self._slow_until = 0.0  # monotonic seconds

    def start_over(self) -> None:
        """Connect if need be, and remember nothing: for a thread, when it has served somebody."""
        self._left.clear()
        self._in_a_row = 0
        if self._own is not None or connection.vendor != "sqlite":
            return
        own: Any = connections.create_connection(DEFAULT_DB_ALIAS)
        with suppress(Error), own.wrap_database_errors:  # the thread tells everybody what is wrong
            own.connect()
            own.connection.execute("PRAGMA busy_timeout = 0")
            own.connection.execute("PRAGMA wal_autocheckpoint = 0")
            self._own = own

    def close(self) -> None:
        """Give the connection back."""
        if self._own is not None and self._own.connection is not None:
            self._own.connection.close()
        self._own = None

    def is_for(self, order: Order) -> bool:
        """Say whether this can be tried here, now."""
        wanted = order.vacancy_id or order.bound_to
        return (
            self._own is not None
            and wanted is not None
            and order.bound_to in {None, wanted}
            and self._in_a_row < IN_A_ROW
            and time.monotonic() >= self._slow_until
        )

    def serve(self, order: Order, *, now: datetime) -> Answer:
        """Sell or hold, and return when it is committed; blocks.

        Raises:
            NotServed: as named.
        """
        begun_at = time.monotonic()
        answer: Answer | None = None
        try:
            granted = self._grant(order, now)
            record, trip = Record(now), trips.Steps()
            (remaining,) = granted.outcomes
            answer = record.add(granted.vacancy, order, None, remaining=cast(int, remaining))
            record.write(trip)
            stock.places_move(trip, granted=[granted])
            trip.make_for_good(self._own)
        except Exception as error:
            self._look_at(error)
            is_lost = isinstance(error, trips.CommitLost)
            raise NotServed(Begun([answer], error) if answer and is_lost else None) from error
        finally:
            self._in_a_row += 1
            ended_at = time.monotonic()
            if ended_at - begun_at >= SLOW_S:
                self._slow_until = ended_at + THREAD_AFTER_SLOW_S
        self._leave(granted)
        return answer

    def _grant(self, order: Order, now: datetime) -> stock.Granted:
        """Decide, or leave it to the thread; changes nothing.

        Keys are not looked up: one that is known meets its constraint, and nothing is written.
        """
        which = (cast(int, order.vacancy_id or order.bound_to), order.bound_to is not None)
        vacancy = self._left.pop(which, None) or self._look(*which)
        if vacancy is None or vacancy.close_when_sold_out:
            raise NotServed
        asked = [stock.Wish(order.move, order.qty)]
        granted = stock.places_grant(vacancy=vacancy, wishes=asked, now=now)
        if not granted.moves_any:
            raise NotServed
        return granted

    def _look(self, vacancy_id: int, rehearsal: bool) -> stock.Vacancy | None:
        look = stock.look(rehearsal=rehearsal)
        values = look.values({"pk": vacancy_id})
        row = self._own.connection.execute(trips.marked(look.sql), values).fetchone()
        return None if row is None else look.made_of(row)

    def _look_at(self, error: Exception) -> None:
        """Close after an error of the connection, and say what should not happen."""
        if isinstance(error, NotServed | trips.Changed | sqlite3.IntegrityError):
            return
        if getattr(error, "sqlite_errorcode", None) in BUSY:
            return
        if isinstance(error, sqlite3.Error | trips.CommitLost):
            logger.warning("the till's own connection is closed: %s", error)
            self.close()
        else:
            logger.warning("an order alone broke off", exc_info=error)

    def _leave(self, granted: stock.Granted) -> None:
        vacancy = granted.vacancy
        vacancy.available -= granted.taken
        vacancy.held += granted.held
        self._left[vacancy.pk, vacancy.is_rehearsal] = vacancy
