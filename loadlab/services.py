"""Every write of the load lab: requesting, claiming, recording and ending runs.

Note [States of a run]

    requested ──► starting ──► running ──► finished
        │            │            ├──────► stopped   (asked for; also from requested, starting)
        │            │            └──────► failed    (with a reason)
        └────────────┴───── a stop that was asked for passes through stopping

    Every move is one conditional update on the old state; "no row changed" means that somebody
    else moved it first, which is a normal outcome and not an error.
"""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import QuerySet

from loadlab import percentiles, wire
from loadlab.models import LabWorker, Run, RunSecond, Sample
from loadlab.scenarios import SCENARIOS, Field, Scenario
from tickets import services as tickets
from vacancy import services as stock

LEASE = timedelta(seconds=10)
WORKER_FORGOTTEN_AFTER = timedelta(hours=1)
KEY_OUTLIVES_RUN = timedelta(minutes=10)

logger = logging.getLogger(__name__)


class LabRefusal(Exception):
    """An expected refusal: no run was made. The message is a sentence for people."""

    code: ClassVar[str] = "refused"


class UnknownScenario(LabRefusal):
    """There is no scenario of this name."""


class OutOfBounds(LabRefusal):
    """A setting is outside what this site allows."""


class TargetNotAllowed(LabRefusal):
    """The load may not go there."""


class RunLost(LabRefusal):
    """The run is no longer this worker's: its lease lapsed and somebody ended it."""


class RunActive(LabRefusal):
    """Another run is active; `run_id` names it."""

    def __init__(self, run_id: int | None) -> None:
        """Keep the other run's number beside the sentence."""
        which = f"Run {run_id}" if run_id else "Another run"
        super().__init__(f"{which} is still active: one run at a time.")
        self.run_id = run_id


@dataclass(frozen=True)
class Rehearsal:
    """What a run sells: a vacancy of its own and the only key that sees it."""

    vacancy_id: int
    key: str


def run_request(
    *,
    scenario: str,
    values: Mapping[str, float],
    requested_by: User | None,
    now: datetime,
    claim_for: str = "",
) -> Run:
    """Store a run for a worker to claim; with `claim_for` it is claimed for that one at once.

    `values` are settings by the names of the scenario's fields; what is not there gets its default.

    Raises:
        UnknownScenario, OutOfBounds, TargetNotAllowed: as named.
        RunActive: another run waits or runs.
    """
    if scenario not in SCENARIOS:
        raise UnknownScenario(f"There is no scenario {scenario!r}.")
    checked = values_check(scenario=SCENARIOS[scenario], values=values)
    columns = {name: checked.pop(name, 0) for name in Run.COLUMNS}
    target_check(settings.LOADLAB_TARGET)
    runs_end_lapsed(now=now)
    try:
        with transaction.atomic():
            return Run.objects.create(
                scenario=scenario,
                **columns,
                settings=checked,
                target=settings.LOADLAB_TARGET,
                requested_by=requested_by,
                requested_at=now,
                state=Run.State.STARTING if claim_for else Run.State.REQUESTED,
                worker=claim_for,
                lease_until=now + LEASE if claim_for else None,
            )
    except IntegrityError:  # see Note [One run at a time]
        active = Run.objects.filter(slot=1).values_list("pk", flat=True).first()
        raise RunActive(active) from None


def bounds(field: Field) -> tuple[float, float]:
    """Return the least and the most that this site allows for a scenario's setting."""
    caps = {
        "user_count": settings.LOADLAB_MAX_USERS,
        "duration_s": settings.LOADLAB_MAX_DURATION_S,
    }
    return field.minimum, min(field.maximum, caps.get(field.name, field.maximum))


def values_check(*, scenario: Scenario, values: Mapping[str, float]) -> dict[str, Any]:
    """Return a value for each field of the scenario.

    Raises:
        OutOfBounds: a value that the scenario does not have, or one outside its bounds.
    """
    unknown = sorted(set(values) - set(scenario.defaults()))
    if unknown:
        raise OutOfBounds(f"Scenario {scenario.name!r} has no setting {', '.join(unknown)}.")
    return {field.name: _checked(field, values) for field in scenario.fields}


def _checked(field: Field, values: Mapping[str, float]) -> float:
    value = values.get(field.name, field.default)
    low, high = bounds(field)
    if not low <= value <= high:
        raise OutOfBounds(f"{field.label}: {value:g} is not between {low:g} and {high:g}.")
    if field.is_whole and value != int(value):
        raise OutOfBounds(f"{field.label}: {value:g} is not a whole number.")
    return int(value) if field.is_whole else float(value)


def target_check(target: str) -> None:
    """Refuse a target that is not on the list, compared by scheme, host and port.

    Raises:
        TargetNotAllowed: says what is allowed.
    """
    allowed = {urlsplit(entry)[:2] for entry in settings.LOADLAB_ALLOWED_TARGETS}
    if urlsplit(target)[:2] not in allowed:
        raise TargetNotAllowed(
            f"Load may not go to {target}: LOADLAB_ALLOWED_TARGETS has "
            f"{', '.join(settings.LOADLAB_ALLOWED_TARGETS)}."
        )


def run_stop_request(*, run_id: int, now: datetime) -> bool:
    """Ask an active run to stop; one that nobody has claimed stops at once. False if it ended."""
    waiting = Run.objects.filter(pk=run_id, state=Run.State.REQUESTED)
    if waiting.update(
        state=Run.State.STOPPED,
        slot=None,
        ended_at=now,
        stop_requested_at=now,
        reason="Stopped before it began.",
    ):
        return True
    asked = Run.objects.filter(pk=run_id, slot=1, stop_requested_at=None)
    return bool(asked.update(stop_requested_at=now))


def run_claim(*, worker: str, now: datetime) -> int | None:
    """Take the run that waits, and return its id; None if there is none to take."""
    waiting = Run.objects.filter(state=Run.State.REQUESTED).order_by("pk")
    wanted = waiting.values_list("pk", flat=True).first()
    if wanted is None:
        return None
    claimed = Run.objects.filter(pk=wanted, state=Run.State.REQUESTED).update(
        state=Run.State.STARTING, worker=worker, lease_until=now + LEASE
    )
    return wanted if claimed else None


def rehearsal_create(*, run_id: int, worker: str, now: datetime) -> Rehearsal:
    """Make the run's own stock and the short-lived key that alone can buy it.

    Raises:
        RunLost: somebody ended the run meanwhile; nothing was made.
    """
    run = Run.objects.get(pk=run_id)
    with transaction.atomic():
        vacancy = stock.vacancy_create_rehearsal(
            name=f"Rehearsal of run {run_id}", capacity=run.capacity, now=now
        )
        _, secret = tickets.key_create(
            name=f"Run {run_id}",
            vacancy_id=vacancy.pk,
            expires_at=now + timedelta(seconds=run.duration_s) + KEY_OUTLIVES_RUN,
            now=now,
        )
        if not _ours(run_id, worker).update(vacancy_id=vacancy.pk):
            raise RunLost("The run was ended by another process.")
    return Rehearsal(vacancy_id=vacancy.pk, key=secret)


def run_environment(*, run_id: int, environment: Mapping[str, Any]) -> None:
    """Store what the run was measured on, and the fingerprint that follows from it."""
    run = Run.objects.get(pk=run_id)
    identity = {
        "scenario": run.scenario,
        **run.values,
        **environment,
    }
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    Run.objects.filter(pk=run_id).update(environment=dict(environment), fingerprint=digest)


def run_begin(*, run_id: int, worker: str, at: datetime) -> bool:
    """Note that the first buyer starts at `at`. False if the run is no longer ours."""
    ours = Run.objects.filter(pk=run_id, worker=worker, state=Run.State.STARTING)
    return bool(ours.update(state=Run.State.RUNNING, started_at=at))


def run_stopping(*, run_id: int, worker: str) -> bool:
    """Note that the users were asked to finish."""
    ours = Run.objects.filter(
        pk=run_id, worker=worker, state__in=(Run.State.STARTING, Run.State.RUNNING)
    )
    return bool(ours.update(state=Run.State.STOPPING))


def lease_renew(
    *, run_id: int, worker: str, now: datetime, busy_for: timedelta = timedelta()
) -> bool:
    """Say that the supervisor lives. False if somebody else has ended the run meanwhile.

    `busy_for` is how long it may be unable to say so again, on top of the usual lease.
    """
    return bool(_ours(run_id, worker).update(lease_until=now + LEASE + busy_for))


def _ours(run_id: int, worker: str) -> QuerySet[Run]:
    """Select the run as long as it is active and this worker's."""
    return Run.objects.filter(pk=run_id, worker=worker, slot=1)


def second_record(*, run_id: int, second: wire.Second, ended_at: datetime) -> bool:
    """Store one second with its samples. False if it is stored already: a repeat adds nothing."""
    whole = percentiles.read(percentiles.merge(item.histogram for item in second.series))
    late = percentiles.read(percentiles.merge([second.late] if second.late else []))
    row = RunSecond(
        run_id=run_id,
        seq=second.seq,
        ended_at=ended_at,
        elapsed_s=second.elapsed_s,
        user_count=second.user_count,
        request_count=sum(item.count for item in second.series) if whole else 0,
        in_flight=second.in_flight,
        p50_ms=whole.p50_ms if whole else None,
        p95_ms=whole.p95_ms if whole else None,
        p99_ms=whole.p99_ms if whole else None,
        max_ms=whole.max_ms if whole else None,
        cpu_pct=second.cpu_pct,
        lag_ms=second.lag_ms,
        lost_count=second.lost_count,
        asked_count=second.asked_count,
        begun_count=second.begun_count,
        dropped_count=second.dropped_count,
        late_p99_ms=late.p99_ms if late else None,
        late_max_ms=late.max_ms if late else None,
        late_histogram=second.late,
        worker_count=second.worker_count,
        events=[asdict(event) for event in second.events],
    )
    samples = [_sample(run_id, second.seq, item) for item in second.series]
    # All arithmetic comes before: on SQLite the till waits while this transaction is open.
    with transaction.atomic():
        if RunSecond.objects.filter(run=run_id, seq=second.seq).exists():
            return False
        row.save(force_insert=True)
        Sample.objects.bulk_create(samples)
    return True


def _sample(run_id: int, seq: int, item: wire.Series) -> Sample:
    latency = percentiles.read(percentiles.merge([item.histogram]))
    return Sample(
        run_id=run_id,
        seq=seq,
        name=item.name,
        outcome=item.outcome,
        count=item.count,
        sum_ms=item.sum_ms,
        p50_ms=latency.p50_ms if latency else percentiles.HIGHEST_US / 1000,
        p95_ms=latency.p95_ms if latency else percentiles.HIGHEST_US / 1000,
        p99_ms=latency.p99_ms if latency else percentiles.HIGHEST_US / 1000,
        max_ms=latency.max_ms if latency else percentiles.HIGHEST_US / 1000,
        histogram=item.histogram,
        timed_count=item.timed_count,
        timed_ms=item.timed_ms,
        server_ms=item.server_ms,
        queue_ms=item.queue_ms,
        db_ms=item.db_ms,
    )


def run_end(
    *,
    run_id: int,
    worker: str,
    state: Run.State,
    reason: str,
    summary: Mapping[str, Any] | None,
    verdicts: list[dict[str, Any]] | None,
    now: datetime,
) -> bool:
    """End an active run of ours for good. False if it was ended by somebody else."""
    return bool(
        _ours(run_id, worker).update(
            state=state,
            slot=None,
            ended_at=now,
            lease_until=None,
            reason=reason[:500],
            summary=summary,
            verdicts=verdicts,
        )
    )


def rehearsal_remove(*, run_id: int) -> None:
    """Remove the run's stock, purchases and key; doing it twice is harmless."""
    vacancy_id = Run.objects.filter(pk=run_id).values_list("vacancy_id", flat=True).first()
    if vacancy_id is not None:
        tickets.rehearsal_delete(vacancy_id=vacancy_id)
        Run.objects.filter(pk=run_id).update(vacancy_id=None)


def runs_end_lapsed(*, now: datetime) -> list[int]:
    """End runs whose supervisor has not been heard of, and remove their stock.

    Whoever sees it first does it; the lease in the update's filter makes sure of "first".
    """
    ended = []
    lapsed = Run.objects.filter(slot=1, lease_until__lt=now).values_list("pk", flat=True)
    for run_id in list(lapsed):
        if Run.objects.filter(pk=run_id, slot=1, lease_until__lt=now).update(
            state=Run.State.FAILED,
            slot=None,
            ended_at=now,
            lease_until=None,
            reason="The worker that supervised this run was lost.",
        ):
            ended.append(run_id)
    leftovers_remove()
    return ended


def leftovers_remove() -> None:
    """Remove the rehearsal stock of every run that has ended.

    A purchase that was cut off with its buyer may be committed in this very moment, and the
    stock under it cannot go: that is no reason to stop anybody. The next call removes it.
    """
    leftovers = Run.objects.filter(slot=None).exclude(vacancy_id=None)
    for run_id in list(leftovers.values_list("pk", flat=True)):
        try:
            rehearsal_remove(run_id=run_id)
        except DatabaseError:
            logger.warning("the stock of run %s could not be removed yet", run_id, exc_info=True)


def worker_seen(*, worker: str, now: datetime) -> None:
    """Note that a worker lives, and forget those that were not heard of for an hour."""
    LabWorker.objects.update_or_create(name=worker, defaults={"seen_at": now})
    LabWorker.objects.filter(seen_at__lt=now - WORKER_FORGOTTEN_AFTER).delete()


def worker_gone(*, worker: str) -> None:
    """Forget a worker that says good-bye."""
    LabWorker.objects.filter(name=worker).delete()
