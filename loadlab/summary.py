"""What a whole run amounts to: pure arithmetic over its samples.

Percentiles of the whole run come from merged histograms, never from the percentiles of seconds.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from loadlab import percentiles


@dataclass(frozen=True)
class Cell:
    """One second of one name and outcome."""

    seq: int
    name: str
    outcome: str
    count: int
    sum_ms: float
    histogram: str
    # Sums over the answers with a Server-Timing header.
    timed_count: int = 0
    timed_ms: float = 0.0
    server_ms: float = 0.0
    queue_ms: float = 0.0
    db_ms: float = 0.0


@dataclass(frozen=True)
class Split:
    """Where the mean answer's time went, in ms; `timed_count` answers said so."""

    timed_count: int
    client_ms: float  # what the server does not know of: network, kernel, the generator itself
    queue_ms: float
    db_ms: float
    rest_ms: float  # the server without queue and database


@dataclass(frozen=True)
class Row:
    """One line of the table; latencies in milliseconds, None where nothing was measured."""

    name: str
    outcome: str
    count: int
    rate_per_s: float
    avg_ms: float | None
    p50_ms: float | None = None
    p90_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    p999_ms: float | None = None
    max_ms: float | None = None
    split: Split | None = None


# Requests after which places come back: a hold may be released or expire.
CANCEL, HOLD = "POST /purchases/{id}/cancel", "POST /holds"


@dataclass(frozen=True)
class Sales:
    """What the database says of the rehearsal stock when the run is over."""

    capacity: int
    available: int
    held: int
    sold: int
    purchase_count: int
    purchased_qty: int
    ticket_count: int
    unknown_keys: int = 0  # requests without an answer whose idempotency key was looked up
    unknown_bought: int = 0  # those of them that had bought
    drift: tuple[str, ...] = ()  # what the audit of counters against rows found, as sentences


@dataclass(frozen=True, kw_only=True)
class Stock(Sales):
    """The rehearsal stock afterwards, beside what the generator was told."""

    bought_seen: int
    sold_out_seen: int
    refused_seen: int  # sold out or refused for another reason
    unknown_seen: int = 0  # requests without an answer
    cancelled_seen: int = 0  # purchases that were acknowledged and then cancelled
    maybe_cancelled: int = 0  # cancellations without an answer
    gave_back: bool = False  # whether places may have come back after somebody was told sold out

    @property
    def unknown_unresolved(self) -> int:
        """Count those without an answer that may have bought: no key tells."""
        return max(0, self.unknown_seen - self.unknown_keys)


@dataclass(frozen=True)
class Summary:
    """A finished run in numbers."""

    elapsed_s: float
    request_count: int
    rate_per_s: float
    mean_in_flight: float
    fault_count: int
    unknown_count: int
    sold_out_at_s: float | None
    total: Row
    rows: list[Row]
    stock: Stock | None

    def as_json(self) -> dict[str, Any]:
        """Return the summary as plain data."""
        return asdict(self)


def summarize(
    *,
    cells: Sequence[Cell],
    elapsed_s: float,
    unknown: dict[str, int],
    sales: Sales | None,
) -> Summary:
    """Add up a run.

    `unknown` counts, by request name, requests whose end was never seen; they have no latency.
    `sales` is what the database says of the rehearsal stock, or None if it could not be read.
    """
    groups: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for cell in cells:
        groups[cell.name, cell.outcome].append(cell)
    for name in unknown:
        groups.setdefault((name, "unknown"), [])
    rows = [
        _row(name, outcome, group, elapsed_s, extra=unknown.get(name, 0) * (outcome == "unknown"))
        for (name, outcome), group in groups.items()
    ]
    total = _row("All requests", "", cells, elapsed_s, extra=sum(unknown.values()))
    count_by_outcome: dict[str, int] = defaultdict(int)
    for row in rows:
        count_by_outcome[row.outcome] += row.count
    return Summary(
        elapsed_s=elapsed_s,
        request_count=total.count,
        rate_per_s=total.rate_per_s,
        # Little's law: mean number in the system = arrival rate × mean time in it.
        mean_in_flight=sum(cell.sum_ms for cell in cells) / 1000 / elapsed_s if elapsed_s else 0.0,
        fault_count=count_by_outcome["fault"],
        unknown_count=count_by_outcome["unknown"],
        sold_out_at_s=_first_second(cells, "sold_out"),
        total=total,
        rows=sorted(rows, key=lambda row: (row.name, row.outcome)),
        stock=_stock(sales, count_by_outcome, rows) if sales else None,
    )


def _row(name: str, outcome: str, group: Sequence[Cell], elapsed_s: float, extra: int = 0) -> Row:
    measured = sum(cell.count for cell in group)
    count = measured + extra
    rate = count / elapsed_s if elapsed_s else 0.0
    latency = percentiles.read(percentiles.merge(cell.histogram for cell in group))
    if latency is None:
        return Row(name, outcome, count, rate, None)
    mean = sum(cell.sum_ms for cell in group) / measured
    return Row(name, outcome, count, rate, mean, **asdict(latency), split=split(group))


def split(group: Sequence[Any]) -> Split | None:
    """Return the mean parts of the latency, or None if no answer said them.

    Each of the group is a Cell or a stored sample: the sums over its timed answers are wanted.
    """
    count = sum(cell.timed_count for cell in group)
    if not count:
        return None
    client, server, queue, db = (
        sum(getattr(cell, name) for cell in group) / count
        for name in ("timed_ms", "server_ms", "queue_ms", "db_ms")
    )
    # Clocks differ by microseconds, and a server may wait for two things at once.
    return Split(count, max(0.0, client - server), queue, db, max(0.0, server - queue - db))


def _first_second(cells: Iterable[Cell], outcome: str) -> float | None:
    seconds = [cell.seq for cell in cells if cell.outcome == outcome]
    return float(min(seconds)) if seconds else None


def _stock(sales: Sales, seen: dict[str, int], rows: Sequence[Row]) -> Stock:
    count = {(row.name, row.outcome): row.count for row in rows}
    return Stock(
        **asdict(sales),
        bought_seen=seen["bought"],
        sold_out_seen=seen["sold_out"],
        refused_seen=seen["sold_out"] + seen["refused"],
        unknown_seen=seen["unknown"],
        cancelled_seen=count.get((CANCEL, "read"), 0),
        maybe_cancelled=count.get((CANCEL, "unknown"), 0),
        gave_back=any(row.name in {CANCEL, HOLD} and row.outcome != "sold_out" for row in rows),
    )
