"""From request to end: each move of a run, see Note [States of a run] in `loadlab.states`."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from loadlab import states
from loadlab.models import Run
from loadlab.sentence import Sentence

LEASE = timedelta(seconds=10)
# Judging reads every second of a run, about a millisecond each: a day outlasts any usual lease.
JUDGING_SHARE = 1 / 20


REASON_LENGTH = 500


def reason_columns(reason: Sentence | None) -> dict[str, Any]:
    """Return the columns that say why a run ended: in English, and for other languages."""
    return {
        "reason": str(reason or "")[:REASON_LENGTH],
        "reason_sentence": reason.as_json() if reason else None,
    }


def ours(run_id: int, worker: str) -> QuerySet[Run]:
    """Select the run as long as it is active and this worker's."""
    return Run.objects.filter(pk=run_id, worker=worker, slot=1)


def _move(run_id: int, worker: str, to: str, **fields: Any) -> bool:
    """Move a run of ours. False if it is not ours any more, which is a normal outcome.

    Raises:
        IllegalMove: it is ours, and in a state from which this move does not exist.
    """
    mine = ours(run_id, worker)
    if mine.filter(state__in=states.sources(to)).update(state=to, **fields):
        return True
    came_from = mine.values_list("state", flat=True).first()
    if came_from is None:
        return False
    raise states.IllegalMove(run_id=run_id, came_from=came_from, to=to)


def run_begin(*, run_id: int, worker: str, at: datetime) -> bool:
    """Note that the first buyer starts at `at`. False if the run is no longer ours.

    Raises:
        IllegalMove: it was not starting.
    """
    return _move(run_id, worker, states.RUNNING, started_at=at)


def run_stopping(*, run_id: int, worker: str) -> bool:
    """Note that the users were asked to finish. False if the run is no longer ours.

    Raises:
        IllegalMove: it was neither starting nor running.
    """
    return _move(run_id, worker, states.STOPPING)


def lease_renew(
    *, run_id: int, worker: str, now: datetime, busy_for: timedelta = timedelta()
) -> bool:
    """Say that the supervisor lives. False if somebody else has ended the run meanwhile.

    `busy_for` is how long it may be unable to say so again, on top of the usual lease.
    """
    return bool(ours(run_id, worker).update(lease_until=now + LEASE + busy_for))


def run_end(
    *,
    run_id: int,
    worker: str,
    state: str,
    reason: Sentence | None,
    summary: Mapping[str, Any] | None,
    verdicts: list[dict[str, Any]] | None,
    now: datetime,
    comparison: Mapping[str, Any] | None = None,
) -> bool:
    """End an active run of ours for good. False if it was ended by somebody else.

    Raises:
        IllegalMove: it cannot end like this from where it is.
    """
    return _move(
        run_id,
        worker,
        state,
        slot=None,
        ended_at=now,
        lease_until=None,
        **reason_columns(reason),
        summary=summary,
        verdicts=verdicts,
        comparison=comparison,
    )
