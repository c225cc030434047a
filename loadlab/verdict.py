"""What a run may claim: separate verdicts with reasons, never one green tick. Pure functions."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from loadlab.summary import Stock, Summary

Outcome = Literal["pass", "fail", "inconclusive"]

CPU_LIMIT_PCT = 80.0  # of one core; a gevent process cannot use a second one
LAG_LIMIT_MS = 100.0
BAD_SECONDS_SHARE = 0.1
UNKNOWN_LIMIT_SHARE = 0.01

# Exit codes of `manage.py loadrun` (99 and 105 as k6 has them).
EXIT_PASS, EXIT_INCONCLUSIVE, EXIT_BUDGET, EXIT_INTEGRITY, EXIT_ABORTED = 0, 3, 99, 98, 105


@dataclass(frozen=True)
class Verdict:
    """One claim: its outcome, the finding as a sentence, and the measured values behind it."""

    kind: str
    label: str
    outcome: Outcome
    finding: str
    detail: str

    def as_json(self) -> dict[str, Any]:
        """Return the verdict as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Health:
    """One second of the load generator: processor in % of one core, timer lateness in ms."""

    seq: int
    cpu_pct: float
    lag_ms: float


@dataclass(frozen=True)
class Limits:
    """The budget: 95th percentile of all requests in ms, share of faults in %."""

    p95_ms: float
    fault_pct: float


def judge(
    *,
    summary: Summary,
    health: Sequence[Health],
    lost_count: int,
    out_of_range_count: int,
    limits: Limits,
    stopped_early: bool,
    planned_s: float,
    shared_host: bool,
    final_seen: bool,
) -> list[Verdict]:
    """Return validity, budget and integrity, in this order.

    Without validity the others are inconclusive, except a violation of integrity: a place that
    was sold twice is a fact, however the load was made. `final_seen` says whether the generator
    gave its last report: without it, or with others lost, it may have bought more than it told.
    """
    valid = validity(
        summary=summary,
        health=health,
        lost_count=lost_count,
        out_of_range_count=out_of_range_count,
        stopped_early=stopped_early,
        planned_s=planned_s,
        shared_host=shared_host,
    )
    all_told = final_seen and not _lost_reports(health, lost_count)
    others = [
        budget(summary=summary, limits=limits),
        integrity(summary=summary, all_told=all_told),
    ]
    if valid.outcome != "pass":
        others = [_without_proof(verdict, valid) for verdict in others]
    return [valid, *others]


def exit_code(verdicts: Sequence[Verdict], *, completed: bool) -> int:
    """Return the process exit code for a run; `completed` is False if it was cut short."""
    outcomes = {verdict.kind: verdict.outcome for verdict in verdicts}
    if outcomes.get("integrity") == "fail":
        return EXIT_INTEGRITY
    if not completed:
        return EXIT_ABORTED
    if outcomes.get("budget") == "fail":
        return EXIT_BUDGET
    everything_passed = bool(outcomes) and set(outcomes.values()) == {"pass"}
    return EXIT_PASS if everything_passed else EXIT_INCONCLUSIVE


def validity(
    *,
    summary: Summary,
    health: Sequence[Health],
    lost_count: int,
    out_of_range_count: int,
    stopped_early: bool,
    planned_s: float,
    shared_host: bool,
) -> Verdict:
    """Judge whether the generator was fit to measure anything."""
    cpu = max((second.cpu_pct for second in health), default=0.0)
    lag = max((second.lag_ms for second in health), default=0.0)
    detail = (
        f"Its busiest second took {cpu:.0f} % of a core, its timer was at most {lag:.0f} ms late."
    )
    if shared_host:
        detail += " Generator and server share this machine."
    failure = _why_invalid(summary, health, lost_count, out_of_range_count)
    if failure:
        return Verdict("validity", "Validity", "fail", failure, detail)
    if stopped_early:
        finding = f"Stopped after {summary.elapsed_s:.0f} of {planned_s:.0f} s."
        return Verdict("validity", "Validity", "inconclusive", finding, detail)
    return Verdict("validity", "Validity", "pass", "The generator kept up.", detail)


def _why_invalid(
    summary: Summary, health: Sequence[Health], lost_count: int, out_of_range_count: int
) -> str:
    """Return the first reason to distrust the measurement, or nothing."""
    if not health or not summary.request_count:
        return "Nothing was measured."
    lost = _lost_reports(health, lost_count)
    if lost:
        return f"{lost} reports of the generator were lost."
    busy = sum(second.cpu_pct > CPU_LIMIT_PCT for second in health)
    tolerated = max(1, BAD_SECONDS_SHARE * len(health))  # one hiccup is no verdict
    if busy > tolerated:
        return f"The generator could not keep up: {busy} seconds above {CPU_LIMIT_PCT:.0f} % CPU."
    late = sum(second.lag_ms > LAG_LIMIT_MS for second in health)
    if late > tolerated:
        return (
            f"The generator was late: its timer overslept {LAG_LIMIT_MS:.0f} ms in {late} seconds."
        )
    if out_of_range_count:
        return f"{out_of_range_count} requests took longer than a minute and have no latency."
    if summary.unknown_count > UNKNOWN_LIMIT_SHARE * summary.request_count:
        return f"{summary.unknown_count} requests ended without an answer."
    return ""


def _lost_reports(health: Sequence[Health], lost_count: int) -> int:
    """Count the seconds that are not there; the generator's own count may come late or never."""
    newest = max((second.seq for second in health), default=-1)
    return max(lost_count, newest + 1 - len(health))


def budget(*, summary: Summary, limits: Limits) -> Verdict:
    """Judge latency and faults against the limits; no samples prove nothing."""
    p95 = summary.total.p95_ms
    if p95 is None or not summary.request_count:
        return Verdict("budget", "Budget", "inconclusive", "No request was measured.", "")
    fault_pct = 100 * summary.fault_count / summary.request_count
    detail = (
        f"p95 {p95:.1f} ms of {limits.p95_ms:.0f} ms. "
        f"Faults {fault_pct:.2f} % of {limits.fault_pct:.0f} %."
    )
    broken = []
    if p95 > limits.p95_ms:
        broken.append(f"p95 is {p95:.1f} ms, limit {limits.p95_ms:.0f} ms")
    if fault_pct > limits.fault_pct:
        broken.append(f"faults are {fault_pct:.2f} %, limit {limits.fault_pct:.0f} %")
    if broken:
        return Verdict("budget", "Budget", "fail", "; ".join(broken) + ".", detail)
    return Verdict("budget", "Budget", "pass", "Every limit was kept.", detail)


def integrity(*, summary: Summary, all_told: bool) -> Verdict:
    """Judge the database against itself and against what the buyers were told.

    Unless the generator told all it did, more purchases than it reported prove nothing.
    """
    stock = summary.stock
    if stock is None:
        finding = "The rehearsal stock could not be read afterwards."
        return Verdict("integrity", "Integrity", "inconclusive", finding, "")
    detail = (
        f"{stock.bought_seen:,} buyers were told yes, {stock.refused_seen:,} no; the database has "
        f"{stock.purchased_qty:,} places in {stock.purchase_count:,} purchases with "
        f"{stock.ticket_count:,} tickets."
    )
    most_seen = stock.bought_seen + summary.unknown_count if all_told else stock.purchase_count
    violations = _violations(stock, most_seen=most_seen)
    if violations:
        return Verdict("integrity", "Integrity", "fail", " ".join(violations), detail)
    finding = f"{stock.sold:,} of {stock.capacity:,} sold, none twice."
    return Verdict("integrity", "Integrity", "pass", finding, detail)


def _violations(stock: Stock, *, most_seen: int) -> list[str]:
    """Compare counters, rows and answers; an unknown request may or may not have bought."""
    found = []
    if stock.sold > stock.capacity or stock.purchased_qty > stock.capacity:
        found.append(f"Oversold: {max(stock.sold, stock.purchased_qty)} of {stock.capacity}.")
    if stock.available + stock.held + stock.sold != stock.capacity:
        found.append("The counters do not add up to the capacity.")
    if not stock.sold == stock.purchased_qty == stock.ticket_count:
        found.append(
            f"Counter, purchases and tickets differ: {stock.sold}, {stock.purchased_qty}, "
            f"{stock.ticket_count}."
        )
    if not stock.bought_seen <= stock.purchase_count <= most_seen:
        found.append(
            f"{stock.bought_seen} purchases were acknowledged, the database has "
            f"{stock.purchase_count}."
        )
    if stock.sold_out_seen and stock.available:
        found.append(
            f"{stock.sold_out_seen} buyers were told sold out, yet {stock.available} places are "
            "left."
        )
    return found


def _without_proof(verdict: Verdict, valid: Verdict) -> Verdict:
    if verdict.kind == "integrity" and verdict.outcome == "fail":
        return verdict
    finding = f"Not judged: {valid.finding[0].lower()}{valid.finding[1:]}"
    return Verdict(verdict.kind, verdict.label, "inconclusive", finding, verdict.detail)
