"""One batch of wishes, one transaction: what the till does with those who wait.

Note [Three tries, each slower and surer]
    1. Together, without holding rows. The stock is read, then the keys, everybody is decided on
       in order of arrival, and then all is written at once (vacancy.trips): the row that everybody
       wants is locked for that long and no longer.
    2. If that update changed nothing, or a key collided, or places are short while expired
       holds sit on some: together again, with the vacancy's row held from the first look on.
       Expired holds are taken back here, in the same transaction.
    3. If that failed too, one by one, so that whoever is the trouble harms nobody else.

    A try that failed took everything back, so a later one starts from nothing. Only if the
    database is lost while it commits, its fate is unknown: it may have happened, or be happening,
    or happen later, when the server gets to what it was sent. So we raise the vacancy's fence,
    which waits for whoever is moving places and stops whoever would come later. After that either
    all of our rows are there, or none ever will be.
"""

import logging
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from django.db import DatabaseError, connection, transaction

from tickets import batch
from tickets.models import Hold, Purchase
from tickets.wishes import Answer, OutcomeUnknown, Sale, Wish
from vacancy import services as stock
from vacancy.lanes import close_dead
from vacancy.trips import Changed, CommitLost

ALONE_TRIES = 3  # a twin in another process may be in the way of the first

logger = logging.getLogger(__name__)


class Attempt(Protocol):
    """One try to serve a batch."""

    @property
    def answers(self) -> list[Answer]:
        """What each is told if all is committed; complete before that begins."""

    def serve(self) -> None:
        """Serve all. Raises as `tickets.batch.Batch.serve`."""


def serve_together(
    *, wishes: Sequence[Wish], now: datetime, begun: Attempt | None = None
) -> list[Answer]:
    """Serve several clients with one COMMIT; each gets an answer or an error of their own.

    First come, first served within a vacancy. Returns after COMMIT; never raises for one wish
    what belongs to another. Wants a connection that is open: each try would wait for one anew.
    `begun` is the first try, if somebody has begun it elsewhere.

    Raises:
        RuntimeError: a transaction is open: what is answered would not be committed.
    """
    if connection.in_atomic_block:
        raise RuntimeError("Buyers may be answered after a COMMIT only.")
    first = begun or batch.Batch(wishes, now, careful=False)
    answers = _try(wishes, first)
    if isinstance(answers, Exception):
        answers = _try(wishes, batch.Batch(wishes, now, careful=True))
    if not isinstance(answers, Exception):
        return answers
    return [_serve_alone(wish, now) for wish in wishes]


def _serve_alone(wish: Wish, now: datetime) -> Answer:
    error: Exception = Changed()
    for _ in range(ALONE_TRIES):
        try:
            answers = _try([wish], batch.Batch([wish], now, careful=True))
        except Exception as caught:  # whatever it is, it belongs to this wish alone
            return caught
        if not isinstance(answers, Exception):
            return answers[0]
        error = answers
    return error


def _try(wishes: Sequence[Wish], attempt: Attempt) -> list[Answer] | Exception:
    """Return the answers, or why nothing was changed: then another try makes sense.

    Raises:
        Exception: what a single wish ran into that no other try will mend.
    """
    try:
        attempt.serve()
    except Changed as changed:
        return changed
    except CommitLost as error:
        return _find_out(wishes, attempt.answers, error)
    except DatabaseError as error:
        return _reconnected(wishes, error)
    return attempt.answers


def _reconnected(wishes: Sequence[Wish], error: DatabaseError) -> list[Answer] | Exception:
    """Tell everybody at once if the database is gone: each would wait as long as the one before."""
    if connection.is_usable():
        return error
    close_dead()
    try:
        connection.ensure_connection()
    except DatabaseError:
        return [error for _ in wishes]
    return error


def _find_out(
    wishes: Sequence[Wish], answers: list[Answer], error: DatabaseError
) -> list[Answer] | Exception:
    """Say what became of a COMMIT that failed; an error: surely nothing, so trying is safe."""
    close_dead()
    try:
        stored = _are_stored(answers)
    except DatabaseError:
        return [outcome_unknown() for _ in wishes]
    logger.warning("a COMMIT failed (%s) and had %s", error, "happened" if stored else "not")
    return answers if stored else error


def outcome_unknown() -> OutcomeUnknown:
    """Return what is told to whom neither yes nor no can be said."""
    return OutcomeUnknown(
        "The database was lost in the middle of a COMMIT: repeat the request with the same "
        "Idempotency-Key to find out what became of it."
    )


@transaction.atomic
def _are_stored(answers: list[Answer]) -> bool:
    """Say whether every row is there: one that is repeated from an earlier sale proves nothing."""
    made = dict(_row_of(answer) for answer in answers if not isinstance(answer, Exception))
    stock.fence_raise(vacancy_ids=set(made.values()))
    sold, held = Purchase.objects.filter(pk__in=made), Hold.objects.filter(pk__in=made)
    return sold.count() + held.count() == len(made)


def _row_of(answer: Any) -> tuple[uuid.UUID, int]:
    """Return the id of the row that an answer stands for, and of its vacancy."""
    if isinstance(answer, Sale):
        return answer.id, answer.vacancy_id
    return answer.hold.pk, answer.hold.vacancy_id
