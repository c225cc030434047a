"""Counts what happens in one second, by request name and outcome. No clock, no Locust in here.

Locust's own statistics are not used: they keep two digits, mix outcomes and forget seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from loadlab import percentiles, wire
from loadlab.locustfiles.servertiming import Timing

MOST_UNKNOWN_KEYS = 1000  # kept for the audit; beyond that they are only counted


@dataclass
class _Cell:
    """One name and outcome within the second that is being counted."""

    histogram: Any = field(default_factory=percentiles.new_histogram)
    count: int = 0
    sum_ms: float = 0.0
    timed_count: int = 0
    timed_ms: float = 0.0
    server_ms: float = 0.0
    queue_ms: float = 0.0
    db_ms: float = 0.0


class Recorder:
    """The counts of one generator process; `take` hands over a second and begins the next."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.started = self.ended = self.out_of_range = 0
        self.begun = self.dropped = 0  # arrivals of an open loop, over the whole run
        self._cells: dict[tuple[str, str], _Cell] = {}
        self._in_flight: dict[str, int] = {}
        self._keys_in_flight: dict[str, None] = {}
        self._unknown_keys: list[str] = []
        self._late: Any = None
        self._begun_before = self._dropped_before = 0

    @property
    def in_flight(self) -> int:
        """How many requests wait for their answer."""
        return self.started - self.ended

    @property
    def is_empty(self) -> bool:
        """Whether nothing happened since the last `take`."""
        moved = self.begun - self._begun_before + self.dropped - self._dropped_before
        return not self._cells and not moved

    def request_started(self, name: str, key: str) -> None:
        """Count a request as in flight; if its end is never seen, its outcome is unknown."""
        self.started += 1
        self._in_flight[name] = self._in_flight.get(name, 0) + 1
        if key:
            self._keys_in_flight[key] = None

    def request_ended(
        self, name: str, outcome: str, *, key: str, latency_ms: float, service_ms: float, said: str
    ) -> None:
        """Count an answer. `service_ms` is from the real start, `said` its Server-Timing."""
        self.ended += 1
        self._in_flight[name] -= 1
        if key:
            self._keys_in_flight.pop(key, None)
            if outcome == "unknown" and len(self._unknown_keys) < MOST_UNKNOWN_KEYS:
                self._unknown_keys.append(key)
        cell = self._cells.get((name, outcome))
        if cell is None:
            cell = self._cells[name, outcome] = _Cell()
        cell.count += 1
        cell.sum_ms += latency_ms
        if not percentiles.record(cell.histogram, latency_ms):
            self.out_of_range += 1
        timing = Timing.read(said) if said else None
        if timing:
            cell.timed_count += 1
            cell.timed_ms += service_ms
            cell.server_ms += timing.total_ms
            cell.queue_ms += timing.queue_ms
            cell.db_ms += timing.db_ms

    def arrival_begun(self, *, late_ms: float) -> None:
        """Count a buyer of the timetable who came, so many milliseconds after the plan."""
        self.begun += 1
        if self._late is None:
            self._late = percentiles.new_histogram()
        percentiles.record(self._late, min(late_ms, percentiles.HIGHEST_US / 1000))

    def arrival_dropped(self) -> None:
        """Count a buyer who could not be started because too many are under way."""
        self.dropped += 1

    def take(self) -> dict[str, Any]:
        """Return the fields of `wire.Second` that were counted here, and begin a new second."""
        cells, self._cells = self._cells, {}
        late, self._late = self._late, None
        begun, self._begun_before = self.begun - self._begun_before, self.begun
        dropped, self._dropped_before = self.dropped - self._dropped_before, self.dropped
        return {
            "series": [_series(name, outcome, cell) for (name, outcome), cell in cells.items()],
            "in_flight": self.in_flight,
            "begun_count": begun,
            "dropped_count": dropped,
            "late": percentiles.encode(late) if late else "",
        }

    def final(self, *, elapsed_s: float, asked_count: int, lost_count: int) -> wire.Final:
        """Return the last report."""
        keys: Sequence[str] = [*self._unknown_keys, *self._keys_in_flight]
        return wire.Final(
            elapsed_s=elapsed_s,
            started_count=self.started,
            ended_count=self.ended,
            unknown={name: count for name, count in self._in_flight.items() if count > 0},
            out_of_range_count=self.out_of_range,
            lost_count=lost_count,
            asked_count=asked_count,
            begun_count=self.begun,
            dropped_count=self.dropped,
            unknown_keys=list(keys[:MOST_UNKNOWN_KEYS]),
        )


def _series(name: str, outcome: str, cell: _Cell) -> wire.Series:
    return wire.Series(
        name=name,
        outcome=outcome,
        count=cell.count,
        sum_ms=cell.sum_ms,
        histogram=percentiles.encode(cell.histogram),
        timed_count=cell.timed_count,
        timed_ms=cell.timed_ms,
        server_ms=cell.server_ms,
        queue_ms=cell.queue_ms,
        db_ms=cell.db_ms,
    )
