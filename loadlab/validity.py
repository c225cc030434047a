"""Whether the load generator was fit to measure anything. Pure functions."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from loadlab.sentence import Sentence, gettext_noop
from loadlab.summary import Summary
from loadlab.verdict import Verdict

CPU_LIMIT_PCT = 80.0  # of one core; a gevent process cannot use a second one
CPU_WAIT_LIMIT_PCT = 60.0  # of a second, in which it wanted to run and another process ran
LAG_LIMIT_MS = 100.0
LATE_LIMIT_MS = 20.0  # 99th percentile of a second: planned start to real start
BAD_SECONDS_SHARE = 0.1
UNKNOWN_LIMIT_SHARE = 0.01
DROPPED_LIMIT_SHARE = 0.01
ACHIEVED_LEAST_SHARE = 0.95


@dataclass(frozen=True)
class Health:
    """One second of the load generator; None where a figure is not known or does not apply."""

    seq: int
    cpu_pct: float  # of one core
    lag_ms: float  # how late its timer woke
    cpu_wait_pct: float | None = None  # time it wanted a processor and got none
    late_ms: float | None = None  # planned to real start, 99th percentile; open loop only
    server_cpu_pct: float | None = None  # of one core; told, never judged


@dataclass(frozen=True)
class Arrivals:
    """An open loop's plan and what came of it; both rates over the whole run."""

    asked_per_s: float
    achieved_per_s: float
    planned_count: int
    dropped_count: int  # could not be started: too many were in flight


@dataclass(frozen=True)
class Circumstances:
    """How a run was made and how it ended."""

    health: Sequence[Health]
    planned_s: float
    stopped_early: bool = False
    final_seen: bool = True  # whether the generator gave its last report
    lost_count: int = 0  # reports that the generator says it dropped
    out_of_range_count: int = 0
    workers_lost: int = 0  # generator processes that fell silent
    shared_host: bool = False
    arrivals: Arrivals | None = None

    @property
    def lost_reports(self) -> int:
        """Count the seconds that are not there; the generator's own count may never come."""
        newest = max((second.seq for second in self.health), default=-1)
        return max(self.lost_count, newest + 1 - len(self.health))

    @property
    def all_told(self) -> bool:
        """Whether the generator told everything that it did."""
        return self.final_seen and not self.lost_reports and not self.workers_lost


def validity(*, summary: Summary, made: Circumstances) -> Verdict:
    """Judge the generator: every reason to distrust it is named."""
    detail = tuple(_detail(made))
    doubts = tuple(_doubts(summary, made))
    if doubts:
        return Verdict("validity", "fail", doubts, detail)
    if made.stopped_early:
        stopped = Sentence(
            gettext_noop("The run ended after %(elapsed_s)s of %(planned_s)s s."),
            {"elapsed_s": round(summary.elapsed_s), "planned_s": round(made.planned_s)},
        )
        return Verdict("validity", "inconclusive", (stopped,), detail)
    if made.workers_lost:
        lost = Sentence(
            gettext_noop(
                "Generator processes that were lost: %(count)s. What they would have sent is "
                "missing; the figures are those of the others."
            ),
            {"count": made.workers_lost},
        )
        return Verdict("validity", "inconclusive", (lost,), detail)
    kept_up = Sentence(gettext_noop("The generator kept up."))
    return Verdict("validity", "pass", (kept_up,), detail)


def _doubts(summary: Summary, made: Circumstances) -> Iterator[Sentence]:
    if not made.health or not summary.request_count:
        yield Sentence(gettext_noop("Nothing was measured."))
        return
    if made.lost_reports:
        yield Sentence(
            gettext_noop("Reports of the generator that were lost: %(count)s."),
            {"count": made.lost_reports},
        )
    yield from _bad_seconds(made.health)
    yield from _missing_answers(summary, made)
    if made.arrivals:
        yield from _missing_arrivals(made.arrivals)


def _bad_seconds(health: Sequence[Health]) -> Iterator[Sentence]:
    checks: tuple[tuple[Callable[[Health], float | None], float, str], ...] = (
        (
            lambda second: second.cpu_pct,
            CPU_LIMIT_PCT,
            gettext_noop(
                "The generator could not keep up: above %(limit)s %% of a core in %(count)s s."
            ),
        ),
        (
            lambda second: second.cpu_wait_pct,
            CPU_WAIT_LIMIT_PCT,
            gettext_noop(
                "The generator was starved: it waited for a processor more than %(limit)s %% of "
                "the time in %(count)s s."
            ),
        ),
        (
            lambda second: second.lag_ms,
            LAG_LIMIT_MS,
            gettext_noop(
                "The generator was late: its timer overslept %(limit)s ms in %(count)s s."
            ),
        ),
        (
            lambda second: second.late_ms,
            LATE_LIMIT_MS,
            gettext_noop(
                "Arrivals were late: one in a hundred started %(limit)s ms after its plan in "
                "%(count)s s."
            ),
        ),
    )
    tolerated = max(1, BAD_SECONDS_SHARE * len(health))  # one hiccup is no verdict
    for read, limit, text in checks:
        count = sum((read(second) or 0.0) > limit for second in health)
        if count > tolerated:
            yield Sentence(text, {"limit": round(limit), "count": count})


def _missing_answers(summary: Summary, made: Circumstances) -> Iterator[Sentence]:
    if made.out_of_range_count:
        yield Sentence(
            gettext_noop("Requests that took longer than a minute have no latency: %(count)s."),
            {"count": made.out_of_range_count},
        )
    if summary.unknown_count > UNKNOWN_LIMIT_SHARE * summary.request_count:
        yield Sentence(
            gettext_noop("Requests that ended without an answer: %(count)s of %(total)s."),
            {"count": summary.unknown_count, "total": summary.request_count},
        )


def _missing_arrivals(arrivals: Arrivals) -> Iterator[Sentence]:
    if arrivals.achieved_per_s < ACHIEVED_LEAST_SHARE * arrivals.asked_per_s:
        yield Sentence(
            gettext_noop(
                "Fewer buyers came than were asked for: %(achieved)s a second instead of %(asked)s."
            ),
            {
                "achieved": round(arrivals.achieved_per_s, 1),
                "asked": round(arrivals.asked_per_s, 1),
            },
        )
    if arrivals.dropped_count > DROPPED_LIMIT_SHARE * arrivals.planned_count:
        yield Sentence(
            gettext_noop(
                "Buyers who could not be started because too many were waiting: %(count)s of "
                "%(planned)s. Their latencies are missing."
            ),
            {"count": arrivals.dropped_count, "planned": arrivals.planned_count},
        )


def _detail(made: Circumstances) -> Iterator[Sentence]:
    yield Sentence(
        gettext_noop(
            "Its busiest second took %(cpu)s %% of a core, its timer was at most %(lag)s ms late."
        ),
        {
            "cpu": round(max((second.cpu_pct for second in made.health), default=0.0)),
            "lag": round(max((second.lag_ms for second in made.health), default=0.0)),
        },
    )
    waits = [second.cpu_wait_pct for second in made.health if second.cpu_wait_pct is not None]
    if waits:
        yield Sentence(
            gettext_noop("It waited for a processor at most %(wait)s %% of a second."),
            {"wait": round(max(waits))},
        )
    if made.arrivals:
        yield Sentence(
            gettext_noop(
                "Asked for %(asked)s buyers a second, achieved %(achieved)s; %(dropped)s could not "
                "be started."
            ),
            {
                "asked": round(made.arrivals.asked_per_s, 1),
                "achieved": round(made.arrivals.achieved_per_s, 1),
                "dropped": made.arrivals.dropped_count,
            },
        )
    if made.shared_host:
        yield Sentence(gettext_noop("Generator and server share this machine."))
    yield from _server(made)


def _server(made: Circumstances) -> Iterator[Sentence]:
    """Tell what the server took. A busy one is what load is for: no reason for doubt."""
    taken = [one.server_cpu_pct for one in made.health if one.server_cpu_pct is not None]
    if taken:
        yield Sentence(
            gettext_noop("The server took at most %(most)s %% of a core, on average %(mean)s %%."),
            {"most": round(max(taken)), "mean": round(sum(taken) / len(taken))},
        )
    elif not made.shared_host:
        yield Sentence(
            gettext_noop("What the server took was not measured: the target is on another machine.")
        )
