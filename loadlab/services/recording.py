"""Writing down what the generator reports, and what it was measured on."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from loadlab import percentiles, wire
from loadlab.models import Run, RunEvent, RunSecond, Sample
from loadlab.sentence import Sentence, gettext_noop

# What of the environment belongs to a run's identity. The versions of Python, Django and of this
# software do not: whether those made it slower is what a comparison is asked.
IDENTITY = ("server", "database", "cores", "machine", "shared_host", "locust", "load")

# The generator names what happened, this side has the words.
EVENT_TEXTS = {
    "ramp_end": gettext_noop("The ramp ended: the full rate from here on."),
    "spike_begin": gettext_noop("The spike began."),
    "spike_end": gettext_noop("The spike ended."),
    "first_dropped": gettext_noop("First buyer who could not be started: too many under way."),
    "worker_lost": gettext_noop("A generator process was lost; %(left)s are left."),
}


def run_environment(*, run_id: int, environment: Mapping[str, Any]) -> None:
    """Store what the run was measured on, and the fingerprint that follows from it."""
    run = Run.objects.get(pk=run_id)
    identity = {
        "scenario": run.scenario,
        **run.values,
        "max_per_purchase": run.max_per_purchase,
        "target": run.target,
        **{name: environment.get(name) for name in IDENTITY},
    }
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    Run.objects.filter(pk=run_id).update(environment=dict(environment), fingerprint=digest)


def event_record(*, run_id: int, kind: str, said: Sentence, now: datetime) -> None:
    """Note that something happened to a run."""
    RunEvent.objects.create(
        run_id=run_id, kind=kind, text=said.text, params=dict(said.params), at=now
    )


def second_record(
    *,
    run_id: int,
    second: wire.Second,
    ended_at: datetime,
    cpu_wait_pct: float | None = None,
    server_cpu_pct: float | None = None,
) -> bool:
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
        cpu_wait_pct=cpu_wait_pct,
        server_cpu_pct=server_cpu_pct,
        lost_count=second.lost_count,
        asked_count=second.asked_count,
        begun_count=second.begun_count,
        dropped_count=second.dropped_count,
        late_p99_ms=late.p99_ms if late else None,
        late_max_ms=late.max_ms if late else None,
        late_histogram=second.late,
        worker_count=second.worker_count,
    )
    events = [_event(run_id, second, event, ended_at) for event in second.events]
    samples = [_sample(run_id, second.seq, item) for item in second.series]
    # All arithmetic comes before: on SQLite the till waits while this transaction is open.
    with transaction.atomic():
        if RunSecond.objects.filter(run=run_id, seq=second.seq).exists():
            return False
        row.save(force_insert=True)
        Sample.objects.bulk_create(samples)
        if events:
            RunEvent.objects.bulk_create(events)
    return True


def _event(run_id: int, second: wire.Second, event: wire.Event, ended_at: datetime) -> RunEvent:
    at = ended_at - timedelta(seconds=second.elapsed_s - event.at_s)
    text = EVENT_TEXTS.get(event.kind, event.kind)
    return RunEvent(run_id=run_id, at=at, kind=event.kind, text=text, params=event.params)


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
