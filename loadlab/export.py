"""A run as a file: JSON with a versioned schema, and its samples as CSV.

The schema is documented in docs/lab.md. A change that would break a reader raises VERSION.
"""

import csv
import io
from collections.abc import Iterator
from typing import Any

from loadlab import selectors
from loadlab.models import RunEvent, RunSecond, Sample

SCHEMA, VERSION = "ticketsite.run", 1
CHUNK_ROWS = 500
CSV_COLUMNS = (
    "seq", "name", "outcome", "count", "sum_ms", "p50_ms", "p95_ms", "p99_ms", "max_ms",
)  # fmt: skip
SECOND_COLUMNS = (
    "seq", "ended_at", "elapsed_s", "user_count", "request_count", "in_flight", "p50_ms",
    "p95_ms", "p99_ms", "max_ms", "cpu_pct", "cpu_wait_pct", "server_cpu_pct", "lag_ms",
    "lost_count", "asked_count", "begun_count", "dropped_count", "late_p99_ms", "late_max_ms",
    "worker_count",
)  # fmt: skip


def document(*, run_id: int) -> dict[str, Any] | None:
    """Return a run with its seconds, samples and events, or None if it does not exist."""
    run = selectors.run_by_id(run_id=run_id)
    if run is None:
        return None
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "run": selectors.run_as_json(run),
        "seconds": [_second(row) for row in RunSecond.objects.filter(run=run_id).order_by("seq")],
        "samples": list(_samples(run_id).values(*CSV_COLUMNS)),
        "events": events(run_id=run_id),
    }


def events(*, run_id: int) -> list[dict[str, Any]]:
    """Return what happened to a run, in order."""
    rows = RunEvent.objects.filter(run=run_id)
    return [
        {"at": row.at.isoformat(), "kind": row.kind, "text": row.text, "params": row.params}
        for row in rows
    ]


def csv_lines(*, run_id: int) -> Iterator[str]:
    """Yield the samples of a run as CSV, a few hundred lines at a time, header first."""
    yield _csv([CSV_COLUMNS])
    rows = _samples(run_id).values_list(*CSV_COLUMNS)
    waiting: list[tuple[Any, ...]] = []
    for row in rows.iterator(chunk_size=CHUNK_ROWS):
        waiting.append(row)
        if len(waiting) == CHUNK_ROWS:
            yield _csv(waiting)
            waiting = []
    if waiting:
        yield _csv(waiting)


def _samples(run_id: int) -> Any:
    return Sample.objects.filter(run=run_id).order_by("seq", "name", "outcome")


def _second(row: RunSecond) -> dict[str, Any]:
    found = {name: getattr(row, name) for name in SECOND_COLUMNS}
    return {**found, "ended_at": row.ended_at.isoformat()}


def _csv(rows: Any) -> str:
    text = io.StringIO()
    harmless = ([_harmless(cell) for cell in row] for row in rows)
    csv.writer(text, lineterminator="\n").writerows(harmless)
    return text.getvalue()


def _harmless(cell: Any) -> Any:
    """A spreadsheet takes text that begins like this for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in {"=", "+", "-", "@"} else cell
