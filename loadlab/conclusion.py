"""The end of a run: read the database, add up, judge, compare, store."""

from collections.abc import Callable
from datetime import datetime, timedelta

from loadlab import history, selectors, services, states, wire
from loadlab.budget import Limits
from loadlab.comparison import Comparison
from loadlab.judges import judge, judge_comparison
from loadlab.models import Run
from loadlab.scenarios import SCENARIOS
from loadlab.summary import Summary, summarize
from loadlab.validity import Circumstances, Health

# Judging reads every second of the run, about a millisecond each: a day outlasts any usual lease.
JUDGING_SHARE = 1 / 20


def conclude(
    *,
    run_id: int,
    worker: str,
    state: str,
    reason: str,
    final: wire.Final | None,
    lost_count: int,
    now: Callable[[], datetime],
) -> None:
    """Judge and store a run that is over; nothing is written over what others wrote."""
    run = Run.objects.get(pk=run_id)
    busy_for = timedelta(seconds=run.duration_s * JUDGING_SHARE)
    if not services.lease_renew(run_id=run_id, worker=worker, now=now(), busy_for=busy_for):
        return  # ended by another process: that is what stays written
    summary = _summary(run, final)
    made = _circumstances(run, final, lost_count, stopped_early=state != states.FINISHED)
    verdicts = judge(
        summary=summary, made=made, limits=limits_of(run.scenario), sabotage=run.sabotage
    )
    compared = _compared(run) if state == states.FINISHED and not run.sabotage else None
    if compared is not None:
        verdicts.append(judge_comparison(valid=verdicts[0], comparison=compared[0]))
    services.run_end(
        run_id=run_id,
        worker=worker,
        state=state,
        reason=reason,
        summary=summary.as_json(),
        verdicts=[one.as_json() for one in verdicts],
        comparison=compared[0].as_json() if compared and compared[0] else None,
        now=now(),
    )


def limits_of(scenario: str) -> Limits:
    """Return the budget of a scenario."""
    budget = SCENARIOS[scenario].budget
    return Limits(
        p95_ms=budget.p95_ms,
        p99_ms=budget.p99_ms,
        fault_pct=budget.fault_pct,
        min_rate_per_s=budget.min_rate_per_s,
    )


def _summary(run: Run, final: wire.Final | None) -> Summary:
    last = selectors.seconds(run_id=run.pk).last()
    sales = run.vacancy_id and selectors.rehearsal_sales(vacancy_id=run.vacancy_id)
    return summarize(
        cells=selectors.cells(run_id=run.pk),
        elapsed_s=final.elapsed_s if final else (last.elapsed_s if last else 0.0),
        unknown=final.unknown if final else {},
        sales=sales or None,
    )


def _circumstances(
    run: Run, final: wire.Final | None, lost_count: int, *, stopped_early: bool
) -> Circumstances:
    return Circumstances(
        health=[
            Health(second.seq, second.cpu_pct, second.lag_ms, second.cpu_wait_pct)
            for second in selectors.seconds(run_id=run.pk)
        ],
        planned_s=run.duration_s,
        stopped_early=stopped_early,
        final_seen=final is not None,
        lost_count=lost_count,
        out_of_range_count=final.out_of_range_count if final else 0,
        shared_host=bool(run.environment.get("shared_host", True)),
    )


def _compared(run: Run) -> tuple[Comparison | None] | None:
    """Compare with the baseline of the same fingerprint; None if there is none.

    The inner None: there is one, but the runs are too short to be compared.
    """
    baseline = history.baseline_of(fingerprint=run.fingerprint)
    if baseline is None:
        return None
    return (history.compared_with(baseline=baseline, run_ids=[run.pk]),)
