"""A run's seconds, thinned to one grid for the page: bounded work, however long the run.

Note [One grid]
    A page can draw about 600 points smoothly and show no more anyway. A run of up to ten minutes
    keeps its seconds; in a longer one a point stands for `width` seconds, from `index * width` on:
    counts become rates, latencies, processor and lateness keep their maximum, so that no spike is
    averaged away. The database does the adding up. A point is always computed whole, from all of
    its seconds, so sending one twice changes nothing and the page needs no arithmetic.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from django.db.models import (
    Avg,
    Count,
    ExpressionWrapper,
    F,
    IntegerField,
    Max,
    Min,
    QuerySet,
    Sum,
)

from loadlab import selectors
from loadlab.models import Run, RunSecond, Sample
from loadlab.wire import OUTCOMES

MOST_POINTS = 600
WIDTHS_S = (1, 2, 3, 5, 6, 10, 15, 20, 30, 60, 120, 300, 600)
LEAST_SAMPLES = 5  # below that, a percentile is one request's luck: a gap, not a point
WHOLE_S = 0.9  # of a second: what counts as one
PERCENTILES = ("p50", "p95", "p99", "max")
JUDGED = "bought"  # the outcome whose latency has columns of its own

Columns = dict[str, list[float | None]]
_Row = dict[str, Any]


def grid_width(*, second_count: float) -> int:
    """Return how many seconds a point stands for, so that there are about 600 points at most."""
    least = ceil(second_count / MOST_POINTS)
    return next((width for width in WIDTHS_S if width >= least), least)


def last_seq(*, run_id: int) -> int:
    """Return the newest second that is stored; -1 before the first."""
    newest = RunSecond.objects.filter(run=run_id).order_by("-seq").values_list("seq", flat=True)
    found = newest.first()
    return -1 if found is None else found


def snapshot(*, run_id: int, after: int = -1) -> dict[str, Any] | None:
    """Return a run and its points from second `after` on, as the page gets them; None without run.

    `seq` is the newest second in it. The run is read before its seconds: one that has ended has
    them all.
    """
    run = Run.objects.select_related("requested_by").filter(pk=run_id).first()
    if run is None:
        return None
    seq = last_seq(run_id=run_id)
    found = points(run=run, width=run_width(run), after=after) if seq > after else None
    told = selectors.run_as_json(run)
    return {"type": "snapshot", "run": told, "after": after, "seq": seq, "points": found}


@dataclass(frozen=True)
class Pulse:
    """The least that tells whether there is something new."""

    state: str
    seq: int


def pulse(*, run_id: int) -> Pulse | None:
    """Return a run's state and its newest second, or None if there is no such run."""
    state = Run.objects.filter(pk=run_id).values_list("state", flat=True).first()
    return None if state is None else Pulse(state, last_seq(run_id=run_id))


def points(
    *, run: Run, width: int, after: int = -1, until: int | None = None
) -> dict[str, Any] | None:
    """Return the points that hold the seconds above `after` and below `until`, as columns.

    See Note [One grid]. `first` is the index of the first point; None if there is no second.
    Values are per second of the point; None is a gap, never a zero.
    """
    first = (after + 1) // width
    wanted: _Row = {"run": run, "seq__gte": first * width}
    if until is not None:
        wanted["seq__lt"] = until
    rows = {row["index"]: row for row in _seconds(wanted, width)}
    if not rows:
        return None
    length = max(rows) + 1 - first
    columns: Columns = {name: [None] * length for name in _COLUMNS}
    columns["users_asked"] = [run.user_count] * length
    for index, row in rows.items():
        _fill(columns, index - first, row)
    parts: dict[int, list[_Row]] = defaultdict(list)
    for row in _outcomes(wanted, width):
        if row["index"] in rows:
            _fill_outcome(columns, row["index"] - first, row, rows[row["index"]]["n"])
            parts[row["index"]].append(row)
    for index, found in parts.items():
        _fill_split(columns, index - first, found)
    return {"first": first, "width": width, "columns": columns}


def run_width(run: Run) -> int:
    """Return the width of a run's grid: its planned length decides, so that it never changes."""
    return grid_width(second_count=run.duration_s)


def sparklines(*, run_ids: Iterable[int], length: int) -> dict[int, list[_Row]]:
    """Return up to `length` points of rate and p95 for each run, in one query."""
    index = ExpressionWrapper(F("seq") * length / F("run__duration_s"), output_field=IntegerField())
    rows = (
        RunSecond.objects.filter(run__in=list(run_ids), elapsed_s__gte=F("seq") + WHOLE_S)
        .order_by()
        .annotate(index=index)
        .values("run_id", "index")
        .annotate(rate=Avg("request_count"), p95=Max("p95_ms"))
        .order_by("run_id", "index")
    )
    found: dict[int, list[_Row]] = {}
    for row in rows:
        found.setdefault(row["run_id"], []).append(row)
    return found


_TIMES = [f"{which}_{name}" for which in ("all", JUDGED) for name in PERCENTILES]
_AS_IT_IS = (
    "t",
    "n",
    "users",
    "in_flight",
    "cpu",
    "cpu_wait",
    "server_cpu",
    "lag",
    "late",
    "workers",
)
_PER_SECOND = ("count", "asked", "begun", "dropped")
_SPLIT = ("queue", "db", "server", "outside")  # mean ms of an answer that told where it went
_COLUMNS = [*_AS_IT_IS, *_PER_SECOND, *OUTCOMES, *_TIMES, *_SPLIT]
_WORST = {name: Max(f"{name}_ms") for name in PERCENTILES}


def _indexed(rows: "QuerySet[Any]", width: int) -> Any:
    whole = ExpressionWrapper(F("seq") / width, output_field=IntegerField())
    return rows.order_by().annotate(index=whole)


def _seconds(wanted: _Row, width: int) -> Any:
    # The last report comes when all have stopped and covers a fraction of a second: taken for a
    # whole one, it would end every curve with a fall to zero.
    whole = RunSecond.objects.filter(**wanted, elapsed_s__gte=F("seq") + WHOLE_S)
    rows = _indexed(whole, width).values("index")
    return rows.annotate(
        n=Count("pk"),
        t=Max("elapsed_s"),
        count=Sum("request_count"),
        users=Max("user_count"),
        in_flight=Avg("in_flight"),
        cpu=Max("cpu_pct"),
        cpu_wait=Max("cpu_wait_pct"),
        server_cpu=Max("server_cpu_pct"),
        lag=Max("lag_ms"),
        late=Max("late_p99_ms"),
        workers=Min("worker_count"),
        asked=Sum("asked_count"),
        begun=Sum("begun_count"),
        dropped=Sum("dropped_count"),
        **_WORST,
    )


def _outcomes(wanted: _Row, width: int) -> Any:
    """Group by outcome; of several requests with one outcome, the slowest is shown."""
    rows = _indexed(Sample.objects.filter(**wanted), width).values("index", "outcome")
    return rows.annotate(
        total=Sum("count"),
        timed_count=Sum("timed_count"),
        timed=Sum("timed_ms"),
        server=Sum("server_ms"),
        queue=Sum("queue_ms"),
        db=Sum("db_ms"),
        **_WORST,
    )


def _fill(columns: Columns, at: int, row: _Row) -> None:
    for name in _AS_IT_IS:
        columns[name][at] = _short(row[name])
    for name in _PER_SECOND:
        columns[name][at] = _short(row[name] / row["n"])
    for outcome in OUTCOMES:
        columns[outcome][at] = 0
    if row["count"] >= LEAST_SAMPLES:
        _fill_times(columns, at, "all", row)


def _fill_outcome(columns: Columns, at: int, row: _Row, second_count: int) -> None:
    columns[row["outcome"]][at] = _short(row["total"] / second_count)
    if row["outcome"] == JUDGED and row["total"] >= LEAST_SAMPLES:
        _fill_times(columns, at, JUDGED, row)


def _fill_split(columns: Columns, at: int, rows: Sequence[_Row]) -> None:
    """Split the mean latency into waiting, database, the rest of the server, and the way there."""
    count = sum(row["timed_count"] for row in rows)
    if count < LEAST_SAMPLES:
        return
    timed, server, queue, db = (
        sum(row[name] for row in rows) / count for name in ("timed", "server", "queue", "db")
    )
    columns["queue"][at], columns["db"][at] = _short(queue), _short(db)
    columns["server"][at] = _short(max(0.0, server - queue - db))
    columns["outside"][at] = _short(max(0.0, timed - server))


def _fill_times(columns: Columns, at: int, which: str, row: _Row) -> None:
    for name in PERCENTILES:
        columns[f"{which}_{name}"][at] = _short(row[name])


def _short(value: float | None) -> float | None:
    """Keep three decimals: a microsecond, and half the bytes."""
    return value if value is None else round(value, 3)
