"""The end of a run: read the database, add up, judge, compare, store."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from loadlab import history, selectors, services, states, wire
from loadlab.budget import Limits
from loadlab.comparison import Comparison
from loadlab.judges import judge, judge_comparison
from loadlab.models import Run
from loadlab.scenarios import SCENARIOS
from loadlab.sentence import Sentence
from loadlab.summary import Sales, Summary, summarize
from loadlab.validity import Arrivals, Circumstances, Health
from tickets.auditing import audit
from tickets.sabotage import rehearsal_sabotage


def conclude(
    *,
    run_id: int,
    worker: str,
    state: str,
    reason: Sentence | None,
    final: wire.Final | None,
    lost_count: int,
    now: Callable[[], datetime],
    breach: Sentence | None = None,
) -> None:
    """Judge and store a run that is over; nothing is written over what others wrote."""
    run = Run.objects.get(pk=run_id)
    busy_for = timedelta(seconds=run.duration_s * services.JUDGING_SHARE)
    if not services.lease_renew(run_id=run_id, worker=worker, now=now(), busy_for=busy_for):
        return  # ended by another process: that is what stays written
    if run.sabotage and run.vacancy_id:
        rehearsal_sabotage(vacancy_id=run.vacancy_id, how=run.sabotage, now=now())
    summary = _summary(run, final)
    made = _circumstances(run, final, lost_count, stopped_early=state != states.FINISHED)
    verdicts = judge(
        summary=summary,
        made=made,
        limits=limits_of(run.scenario),
        sabotage=run.sabotage,
        breach=breach,
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
    return summarize(
        cells=selectors.cells(run_id=run.pk),
        elapsed_s=final.elapsed_s if final else (last.elapsed_s if last else 0.0),
        unknown=final.unknown if final else {},
        sales=_sales(run, final),
    )


def _sales(run: Run, final: wire.Final | None) -> Sales | None:
    """Read the rehearsal stock, and what became of requests whose answer nobody saw."""
    if run.vacancy_id is None:
        return None
    keys = list(final.unknown_keys) if final else []
    sales = selectors.rehearsal_sales(vacancy_id=run.vacancy_id, unknown_keys=keys)
    drift = tuple(map(str, audit(vacancy_id=run.vacancy_id)))
    return replace(sales, drift=drift) if sales else None


def _circumstances(
    run: Run, final: wire.Final | None, lost_count: int, *, stopped_early: bool
) -> Circumstances:
    return Circumstances(
        health=[
            Health(
                second.seq,
                second.cpu_pct,
                second.lag_ms,
                second.cpu_wait_pct,
                second.late_p99_ms,
                second.server_cpu_pct,
            )
            for second in selectors.seconds(run_id=run.pk)
        ],
        arrivals=_arrivals(final),
        planned_s=run.duration_s,
        stopped_early=stopped_early,
        final_seen=final is not None,
        lost_count=lost_count,
        out_of_range_count=final.out_of_range_count if final else 0,
        workers_lost=final.workers_lost if final else 0,
        shared_host=bool(run.environment.get("shared_host", True)),
    )


def _arrivals(final: wire.Final | None) -> Arrivals | None:
    """Return what an open loop planned and achieved; None for a closed one."""
    if final is None or not final.asked_count or not final.elapsed_s:
        return None
    return Arrivals(
        asked_per_s=final.asked_count / final.elapsed_s,
        achieved_per_s=final.begun_count / final.elapsed_s,
        planned_count=final.asked_count,
        dropped_count=final.dropped_count,
    )


def _compared(run: Run) -> tuple[Comparison | None] | None:
    """Compare with the baseline of the same fingerprint; None if there is none.

    The inner None: there is one, but the runs are too short to be compared.
    """
    baseline = history.baseline_of(fingerprint=run.fingerprint)
    if baseline is None:
        return None
    return (history.compared_with(baseline=baseline, run_ids=[run.pk]),)
