"""Every read of runs, shaped for pages, the command line and the audit."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from loadlab import percentiles, summary
from loadlab.models import Baseline, LabWorker, Run, RunSecond, Sample
from loadlab.scenarios import SCENARIOS, ceiling_per_s
from loadlab.wire import OUTCOMES
from tickets import selectors as sales_rows
from vacancy import selectors as stock_rows

LOOKED_AT = 50  # runs of a person; older settings are forgotten
WORKER_ALIVE_FOR = timedelta(seconds=10)


def active_run() -> Run | None:
    """Return the run that waits, runs or is being stopped, if any."""
    return Run.objects.filter(slot=1).first()


def run_by_id(*, run_id: int) -> Run | None:
    """Return a run with who asked for it, or None."""
    return Run.objects.select_related("requested_by").filter(pk=run_id).first()


def runs_by_id(*, run_ids: Sequence[int]) -> list[Run]:
    """Return those of these runs that exist."""
    return list(Run.objects.filter(pk__in=run_ids))


def last_values(*, user_id: int | None, like: int | None = None) -> dict[str, dict[str, float]]:
    """Return what a person set last for each scenario, the newest first.

    `like` names a run whose settings come before all others.
    """
    found: dict[str, dict[str, float]] = {}
    wanted = Run.objects.filter(pk=like) if like is not None else Run.objects.none()
    own = Run.objects.filter(requested_by=user_id)[:LOOKED_AT] if user_id else ()
    for run in (*wanted, *own):
        found.setdefault(run.scenario, run.values)
    return found


@dataclass(frozen=True)
class Shape:
    """A real vacancy whose shape a rehearsal may take."""

    vacancy_id: int
    name: str
    venue: str
    capacity: int


def shapes(*, limit: int = 100) -> list[Shape]:
    """Return the newest real vacancies that a rehearsal may imitate."""
    rows = stock_rows.real_vacancies().order_by("-pk")[:limit]
    return [Shape(row.pk, row.name, row.venue, row.capacity) for row in rows]


def latest_runs(*, limit: int) -> list[Run]:
    """Return the newest runs, with who asked for them."""
    return list(Run.objects.select_related("requested_by")[:limit])


def workers_alive(*, now: datetime) -> int:
    """Count the workers heard of within the last ten seconds."""
    return LabWorker.objects.filter(seen_at__gt=now - WORKER_ALIVE_FOR).count()


def worker_alive(*, host: str, now: datetime) -> bool:
    """Say whether a worker on this host was heard of within the last ten seconds."""
    alive = LabWorker.objects.filter(seen_at__gt=now - WORKER_ALIVE_FOR)
    return alive.filter(name__startswith=f"{host}:").exists()


def lapsed_leases(*, now: datetime) -> dict[int, datetime]:
    """Return the active runs whose lease has passed, and when it did."""
    lapsed = Run.objects.filter(slot=1, lease_until__lt=now)
    return {pk: lease for pk, lease in lapsed.values_list("pk", "lease_until") if lease}


def stop_is_asked(*, run_id: int) -> bool:
    """Say whether somebody pressed Stop."""
    return Run.objects.filter(pk=run_id, stop_requested_at__isnull=False).exists()


def run_snapshot(*, run_id: int, after: int = -1) -> dict[str, Any] | None:
    """Return the run and its seconds with `seq` above `after`, as the page gets them."""
    run = run_by_id(run_id=run_id)
    if run is None:
        return None
    return {"type": "snapshot", "run": run_as_json(run), "seconds": _seconds(run_id, after)}


def run_as_json(run: Run) -> dict[str, Any]:
    """Return everything about a run but its seconds."""
    scenario = SCENARIOS.get(run.scenario)
    return {
        "id": run.pk,
        "scenario": run.scenario,
        "state": run.state,
        "state_label": run.get_state_display(),
        "active": run.is_active,
        "reason": run.reason,
        "reason_sentence": run.reason_sentence,
        "user_count": run.user_count,
        "think_time_s": run.think_time_s,
        "duration_s": run.duration_s,
        "capacity": run.capacity,
        "settings": run.settings,
        "target": run.target,
        "loop": scenario.loop if scenario else None,
        "loop_note": scenario.loop_note if scenario else "",
        "ceiling_per_s": _ceiling_per_s(run),
        "requested_by": run.requested_by.get_username() if run.requested_by else "",
        "requested_at": _iso(run.requested_at),
        "started_at": _iso(run.started_at),
        "ended_at": _iso(run.ended_at),
        "stop_requested_at": _iso(run.stop_requested_at),
        "elapsed_s": _elapsed_s(run),
        "environment": run.environment,
        "stock": _live_stock(run),
        "summary": run.summary,
        "verdicts": run.verdicts,
        "comparison": run.comparison,
        "fingerprint": run.fingerprint,
        "is_baseline": Baseline.objects.filter(run=run.pk).exists(),
        "shape_from": run.shape_from,
        "abort_after_s": run.abort_after_s,
        "sabotage": run.sabotage,
    }


def _ceiling_per_s(run: Run) -> float | None:
    """Return the most that a closed loop can send; in an open one the timetable says it."""
    scenario = SCENARIOS.get(run.scenario)
    if scenario is not None and scenario.loop == "open":
        return None
    return ceiling_per_s(user_count=run.user_count, think_time_s=run.think_time_s)


def cells(*, run_id: int) -> list[summary.Cell]:
    """Return all samples of a run, for adding up."""
    rows = Sample.objects.filter(run=run_id).values_list(
        "seq",
        "name",
        "outcome",
        "count",
        "sum_ms",
        "histogram",
        "timed_count",
        "timed_ms",
        "server_ms",
        "queue_ms",
        "db_ms",
    )
    return [summary.Cell(*row) for row in rows]


def seconds(*, run_id: int) -> QuerySet[RunSecond]:
    """Return the seconds of a run in order."""
    return RunSecond.objects.filter(run=run_id).order_by("seq")


def rehearsal_sales(*, vacancy_id: int, unknown_keys: Sequence[str] = ()) -> summary.Sales | None:
    """Return the rehearsal stock's counters beside its rows.

    `unknown_keys` are the idempotency keys of requests without an answer: they are looked up.
    """
    found = sales_rows.sales_of(vacancy_id=vacancy_id)
    if found is None:
        return None
    return summary.Sales(
        **asdict(found.counters),
        purchase_count=found.purchase_count,
        purchased_qty=found.purchased_qty,
        ticket_count=found.ticket_count,
        unknown_keys=len(unknown_keys),
        unknown_bought=sales_rows.purchases_with_keys(vacancy_id=vacancy_id, keys=unknown_keys),
    )


def _seconds(run_id: int, after: int) -> list[dict[str, Any]]:
    by_seq: dict[int, list[Sample]] = defaultdict(list)
    for sample in Sample.objects.filter(run=run_id, seq__gt=after):
        by_seq[sample.seq].append(sample)
    found = seconds(run_id=run_id).filter(seq__gt=after)
    return [_second_as_json(second, by_seq[second.seq]) for second in found]


def _second_as_json(second: RunSecond, samples: Iterable[Sample]) -> dict[str, Any]:
    outcomes = dict.fromkeys(OUTCOMES, 0)
    for sample in samples:
        outcomes[sample.outcome] += sample.count
    return {
        "seq": second.seq,
        "t": second.elapsed_s,
        "users": second.user_count,
        "in_flight": second.in_flight,
        "count": second.request_count,
        "outcomes": outcomes,
        "latency": {
            "all": _latency(second) if second.request_count else None,
            "bought": _latency_of(samples, "bought"),
        },
        "cpu_pct": second.cpu_pct,
        "server_cpu_pct": second.server_cpu_pct,
        "lag_ms": second.lag_ms,
        "asked": second.asked_count,
        "begun": second.begun_count,
        "dropped": second.dropped_count,
        "late": {"p99": second.late_p99_ms, "max": second.late_max_ms},
        "workers": second.worker_count,
        "split": _split(samples),
    }


def _split(samples: Iterable[Sample]) -> dict[str, float] | None:
    """Return the mean parts of the latency in ms, over the answers that said them."""
    timed = [sample for sample in samples if sample.timed_count]
    found = summary.split(timed)
    return asdict(found) if found else None


def _latency(row: RunSecond | Sample) -> dict[str, float | None]:
    return {"p50": row.p50_ms, "p95": row.p95_ms, "p99": row.p99_ms, "max": row.max_ms}


def _latency_of(samples: Iterable[Sample], outcome: str) -> dict[str, float | None] | None:
    wanted = [sample for sample in samples if sample.outcome == outcome]
    if len(wanted) == 1:
        return _latency(wanted[0])
    merged = percentiles.read(percentiles.merge(sample.histogram for sample in wanted))
    if merged is None:
        return None
    whole = asdict(merged)
    return {short: whole[f"{short}_ms"] for short in ("p50", "p95", "p99", "max")}


def _elapsed_s(run: Run) -> float:
    last = seconds(run_id=run.pk).last()
    return last.elapsed_s if last else 0.0


def _live_stock(run: Run) -> dict[str, int] | None:
    counters = run.vacancy_id and stock_rows.counters(vacancy_id=run.vacancy_id)
    return asdict(counters) if counters else None


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
