"""Whether a run kept its limits, as a whole and second by second. Pure functions."""

from collections.abc import Iterator
from dataclasses import dataclass

from loadlab import percentiles, wire
from loadlab.sentence import Sentence, gettext_noop
from loadlab.summary import Summary
from loadlab.verdict import Verdict


@dataclass(frozen=True)
class Limits:
    """What a run must keep; None is no limit. Latencies of all requests in ms."""

    p95_ms: float | None = None
    p99_ms: float | None = None
    fault_pct: float | None = None
    min_rate_per_s: float | None = None


@dataclass(frozen=True)
class _Measured:
    """One limit beside what was measured; None where nothing was."""

    text: str
    value: float | None
    limit: float
    digits: int
    at_most: bool = True

    @property
    def kept(self) -> bool | None:
        if self.value is None:
            return None
        return self.value <= self.limit if self.at_most else self.value >= self.limit

    def sentence(self) -> Sentence:
        value = "–" if self.value is None else round(self.value, self.digits)
        return Sentence(self.text, {"value": value, "limit": round(self.limit, self.digits)})


def budget(*, summary: Summary, limits: Limits) -> Verdict:
    """Judge latency, faults and throughput; a limit without samples proves nothing."""
    measured = list(_measured(summary, limits))
    detail = tuple(one.sentence() for one in measured)
    if not summary.request_count:
        nothing = Sentence(gettext_noop("No request was measured."))
        return Verdict("budget", "inconclusive", (nothing,), detail)
    broken = tuple(one.sentence() for one in measured if one.kept is False)
    if broken:
        return Verdict("budget", "fail", broken, detail)
    if not measured:
        return Verdict("budget", "inconclusive", (Sentence(gettext_noop("There are no limits.")),))
    if any(one.kept is None for one in measured):
        missing = Sentence(gettext_noop("A limit without samples is not judged."))
        return Verdict("budget", "inconclusive", (missing,), detail)
    kept = Sentence(gettext_noop("Every limit was kept."))
    return Verdict("budget", "pass", (kept,), detail)


def _measured(summary: Summary, limits: Limits) -> Iterator[_Measured]:
    total, count = summary.total, summary.request_count
    if limits.p95_ms is not None:
        text = gettext_noop("p95 is %(value)s ms, limit %(limit)s ms.")
        yield _Measured(text, total.p95_ms, limits.p95_ms, 1)
    if limits.p99_ms is not None:
        text = gettext_noop("p99 is %(value)s ms, limit %(limit)s ms.")
        yield _Measured(text, total.p99_ms, limits.p99_ms, 1)
    if limits.fault_pct is not None:
        faults = 100 * summary.fault_count / count if count else None
        text = gettext_noop("Faults are %(value)s %%, limit %(limit)s %%.")
        yield _Measured(text, faults, limits.fault_pct, 2)
    if limits.min_rate_per_s is not None:
        rate = summary.rate_per_s if count else None
        text = gettext_noop("Throughput is %(value)s requests a second, at least %(limit)s wanted.")
        yield _Measured(text, rate, limits.min_rate_per_s, 1, at_most=False)


class Watch:
    """Looks at each second as it comes and says when the budget was broken for too long.

    Latency and faults only: throughput is judged over the whole run. A second without requests
    is neither kept nor broken, and does not end a row of broken ones.
    """

    def __init__(self, *, limits: Limits, abort_after_s: int | None) -> None:
        """Watch for that many broken seconds in a row; None watches for nothing."""
        self._limits = limits
        self._abort_after_s = abort_after_s
        self.broken_s = 0

    def breach(self, second: wire.Second) -> Sentence | None:
        """Take one second; return why to abort, if it is the one too many."""
        broken = _broken(second, self._limits)
        if broken is None:
            return None
        self.broken_s = self.broken_s + 1 if broken else 0
        if self._abort_after_s is None or self.broken_s < self._abort_after_s:
            return None
        return Sentence(
            gettext_noop("The budget was broken for %(count)s seconds in a row."),
            {"count": self.broken_s},
        )


def _broken(second: wire.Second, limits: Limits) -> bool | None:
    count = sum(item.count for item in second.series)
    if not count:
        return None
    latency = percentiles.read(percentiles.merge(item.histogram for item in second.series))
    faults = sum(item.count for item in second.series if item.outcome == "fault")
    above = [
        latency is not None and limits.p95_ms is not None and latency.p95_ms > limits.p95_ms,
        latency is not None and limits.p99_ms is not None and latency.p99_ms > limits.p99_ms,
        limits.fault_pct is not None and 100 * faults / count > limits.fault_pct,
    ]
    return any(above)
