"""How purchase attempts end, by minute: counted in memory, written down every two seconds.

Note [Counting off the hot path]
    A refusal leaves no row, so nothing in the database tells how many buyers were turned away.
    Each api process counts attempts in a dictionary (one addition for each) and adds what it
    counted to a small table at most every two seconds, in a lane of its own. A process that is
    killed loses the last two seconds of this count; sales themselves are never counted from it.
    Rehearsals are left out: their buyers' keys are bound to rehearsal stock.
"""

import asyncio
import contextvars
import logging
import time
from collections import Counter
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from django.db.models import F

from tickets.models import AttemptMinute
from tickets.selectors import Client
from tickets.wishes import OutcomeUnknown, SaleRefusal
from vacancy.lanes import Lane
from vacancy.services import SoldOut, StockRefusal

FLUSH_S = 2.0
KEPT = timedelta(hours=48)
PRUNE_EVERY_S = 3600.0
TALLY = Lane("tally", limit=10)

Outcome = AttemptMinute.Outcome
Counts = dict[tuple[int, str], int]  # (minutes since 1970, outcome): attempts
T = TypeVar("T")

logger = logging.getLogger(__name__)


class Tally:
    """Counts the attempts of this process and writes them down by itself."""

    def __init__(self) -> None:
        """Start nothing: the first attempt starts the timer."""
        self._counts: Counter[tuple[int, str]] = Counter()
        # A strong reference: the event loop alone would let the task be collected.
        self._task: asyncio.Task[None] | None = None
        self._pruned_at: float | None = None

    async def watch(self, attempt: Awaitable[T], *, client: Client | None) -> T:
        """Await one attempt, count how it ended, and pass on its answer or its error."""
        if client is not None and client.vacancy_id is not None:
            return await attempt
        try:
            answer = await attempt
        except Exception as error:
            self.count(outcome_of(error))
            raise
        self.count(Outcome.BOUGHT)
        return answer

    def count(self, outcome: str) -> None:
        """Count one attempt; call it from the event loop."""
        self._counts[int(time.time() // 60), outcome] += 1
        loop = asyncio.get_running_loop()
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            # An empty context: the task serves everybody, and must not spend on the account of
            # the request that happened to start it (vacancy.timing).
            context = contextvars.Context()
            self._task = loop.create_task(self._flush_later(), context=context)

    async def flush(self) -> None:
        """Write down what was counted; what cannot be written is kept for the next time."""
        counts, self._counts = self._counts, Counter()
        try:
            await TALLY.run(add, dict(counts), prune_before=self._due_pruning())
        except Exception:
            self._counts.update(counts)
            logger.exception("the tally of purchase attempts was not written")

    async def _flush_later(self) -> None:
        while self._counts:
            await asyncio.sleep(FLUSH_S)
            await self.flush()

    def _due_pruning(self) -> datetime | None:
        if self._pruned_at is not None and time.monotonic() - self._pruned_at < PRUNE_EVERY_S:
            return None
        self._pruned_at = time.monotonic()
        return datetime.now(UTC) - KEPT

    def forget(self) -> None:
        """Drop what was counted and not written, as between tests."""
        self._counts.clear()


def outcome_of(error: Exception) -> str:
    """Say which outcome an error stands for: what the buyer was told, or a fault of ours."""
    if isinstance(error, SoldOut):
        return Outcome.SOLD_OUT
    if isinstance(error, StockRefusal | SaleRefusal) and not isinstance(error, OutcomeUnknown):
        return Outcome.REFUSED
    return Outcome.FAULT


def add(counts: Counts, *, prune_before: datetime | None = None) -> None:
    """Add to the stored counts; several processes may do it at the same time."""
    rows = [
        AttemptMinute(minute=_instant(minute), outcome=outcome)
        for minute, outcome in sorted(counts)
    ]
    AttemptMinute.objects.bulk_create(rows, ignore_conflicts=True)
    for row in rows:
        number = counts[int(row.minute.timestamp() // 60), row.outcome]
        same = AttemptMinute.objects.filter(minute=row.minute, outcome=row.outcome)
        same.update(count=F("count") + number)
    if prune_before is not None:
        AttemptMinute.objects.filter(minute__lt=prune_before).delete()


def _instant(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)


ATTEMPTS = Tally()
