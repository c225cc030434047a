"""Several generators seen as one: their lines added up, exactly. Plain Python.

Counts and sums are added, histograms are merged count by count, so the percentiles of the whole
are those of all requests together and never a mean of percentiles. Of processor and lateness the
worst is kept: one generator that cannot keep up spoils the measurement.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from loadlab import percentiles
from loadlab.wire import Event, Final, Line, Second, Series

LOST_AFTER_S = 4.0  # each generator reports every second
LOST = "lost generator process"  # the name of the requests that were under way in it


def merge_seconds(
    seconds: Sequence[Second], *, seq: int, events: Sequence[Event] = (), worker_count: int
) -> Second:
    """Return one second `seq` with everything that is in these; there is at least one."""
    return Second(
        seq=seq,
        at=max(one.at for one in seconds),
        elapsed_s=max(one.elapsed_s for one in seconds),
        user_count=sum(one.user_count for one in seconds),
        in_flight=sum(one.in_flight for one in seconds),
        cpu_pct=max(one.cpu_pct for one in seconds),
        lag_ms=max(one.lag_ms for one in seconds),
        lost_count=sum(one.lost_count for one in seconds),
        series=merge_series(item for one in seconds for item in one.series),
        asked_count=sum(one.asked_count for one in seconds),
        begun_count=sum(one.begun_count for one in seconds),
        dropped_count=sum(one.dropped_count for one in seconds),
        late=_merged(one.late for one in seconds),
        worker_count=worker_count,
        events=list(events),
    )


def merge_series(items: Iterable[Series]) -> list[Series]:
    """Put together what has the same name and outcome."""
    groups: dict[tuple[str, str], list[Series]] = {}
    for item in items:
        groups.setdefault((item.name, item.outcome), []).append(item)
    return [_added(group) for group in groups.values()]


def _added(group: Sequence[Series]) -> Series:
    if len(group) == 1:
        return group[0]
    return replace(
        group[0],
        count=sum(item.count for item in group),
        sum_ms=sum(item.sum_ms for item in group),
        histogram=_merged(item.histogram for item in group),
        timed_count=sum(item.timed_count for item in group),
        timed_ms=sum(item.timed_ms for item in group),
        server_ms=sum(item.server_ms for item in group),
        queue_ms=sum(item.queue_ms for item in group),
        db_ms=sum(item.db_ms for item in group),
    )


def _merged(encoded: Iterable[str]) -> str:
    texts = [text for text in encoded if text]
    if len(texts) < 2:
        return texts[0] if texts else ""
    return percentiles.encode(percentiles.merge(texts))


def merge_finals(finals: Sequence[Final], *, elapsed_s: float, lost_count: int) -> Final:
    """Return one last report; `lost_count` is what the merging process itself dropped."""
    unknown: dict[str, int] = {}
    for one in finals:
        for name, count in one.unknown.items():
            unknown[name] = unknown.get(name, 0) + count
    return Final(
        elapsed_s=elapsed_s,
        started_count=sum(one.started_count for one in finals),
        ended_count=sum(one.ended_count for one in finals),
        unknown=unknown,
        out_of_range_count=sum(one.out_of_range_count for one in finals),
        lost_count=lost_count + sum(one.lost_count for one in finals),
        asked_count=sum(one.asked_count for one in finals),
        begun_count=sum(one.begun_count for one in finals),
        dropped_count=sum(one.dropped_count for one in finals),
        unknown_keys=[key for one in finals for key in one.unknown_keys],
        workers_lost=sum(one.workers_lost for one in finals),
    )


@dataclass
class _Part:
    """What one generator has said so far."""

    heard_at: float
    seconds: dict[int, Second] = field(default_factory=dict)
    newest: int = -1
    ended_count: int = 0
    in_flight: int = 0
    totals: list[int] = field(default_factory=lambda: [0, 0, 0])  # asked, begun, dropped
    final: Final | None = None
    is_lost: bool = False

    @property
    def is_done(self) -> bool:
        return self.final is not None or self.is_lost

    def add(self, second: Second) -> None:
        self.newest = max(self.newest, second.seq)
        self.ended_count += sum(item.count for item in second.series)
        self.in_flight = second.in_flight
        said = (second.asked_count, second.begun_count, second.dropped_count)
        self.totals = [have + more for have, more in zip(self.totals, said, strict=True)]

    def last_report(self) -> Final:
        """Return its own, or what is known of one that was lost."""
        if self.final is not None:
            return self.final
        asked, begun, dropped = self.totals
        return Final(
            elapsed_s=0.0,
            started_count=self.ended_count + self.in_flight,
            ended_count=self.ended_count,
            unknown={LOST: self.in_flight} if self.in_flight else {},
            out_of_range_count=0,
            lost_count=0,
            asked_count=asked,
            begun_count=begun,
            dropped_count=dropped,
            workers_lost=1,
        )


class Merger:
    """Collects the lines of several generators and gives out whole seconds, in order.

    A second is whole when every generator that lives has reported it or a later one. What comes
    after its second went out, from a generator that was slow, is added to the next one: nothing
    is lost, and nothing is counted twice.
    """

    def __init__(self) -> None:
        """Expect nobody yet."""
        self._parts: dict[str, _Part] = {}
        self._next = 0
        self._late: list[Second] = []
        self._events: list[Event] = []
        self._told: set[str] = set()

    def begin(self, workers: Iterable[str], *, now: float) -> None:
        """Expect these to report."""
        self._parts = {worker: _Part(heard_at=now) for worker in workers}

    @property
    def is_over(self) -> bool:
        """Whether every generator gave its last report or was lost."""
        return bool(self._parts) and all(part.is_done for part in self._parts.values())

    def hear(self, worker: str, line: Line, *, now: float) -> None:
        """Take a line; one of a generator that does not belong to the run is ignored."""
        part = self._parts.get(worker)
        if part is None:
            return
        part.heard_at = now
        if isinstance(line, Second):
            part.add(line)
            if line.seq < self._next:
                self._late.append(line)
            else:
                part.seconds[line.seq] = line
        elif isinstance(line, Final):
            part.final = line

    def lose_silent(self, *, now: float, elapsed_s: float) -> None:
        """Give up generators that said nothing for LOST_AFTER_S; the run goes on without them."""
        for part in self._parts.values():
            if not part.is_done and now - part.heard_at > LOST_AFTER_S:
                part.is_lost = True
                left = sum(not other.is_lost for other in self._parts.values())
                self._events.append(Event(max(0.0, elapsed_s), "worker_lost", {"left": left}))

    def ready(self, *, lost_count: int) -> Iterator[Second]:
        """Yield the seconds that are whole by now."""
        while not self._is_awaited():
            found = self._collect()
            if found:
                yield self._whole(found, lost_count)
            elif not any(part.seconds for part in self._parts.values()):
                return
            self._next += 1

    def rest(self, *, lost_count: int) -> Iterator[Second]:
        """Yield everything that is left, whole or not: the run is over."""
        for part in self._parts.values():
            part.is_lost = part.final is None
        yield from self.ready(lost_count=lost_count)
        if self._late:
            yield self._whole([], lost_count)

    def final(self, *, elapsed_s: float, lost_count: int) -> Final:
        """Return the last report of all together."""
        finals = [part.last_report() for part in self._parts.values()]
        return merge_finals(finals, elapsed_s=elapsed_s, lost_count=lost_count)

    def _is_awaited(self) -> bool:
        return any(not part.is_done and part.newest < self._next for part in self._parts.values())

    def _collect(self) -> list[Second]:
        parts = self._parts.values()
        return [part.seconds.pop(self._next) for part in parts if self._next in part.seconds]

    def _whole(self, found: list[Second], lost_count: int) -> Second:
        late, self._late = self._late, []
        events, self._events = self._events, []
        for event in (event for second in (*found, *late) for event in second.events):
            if event.kind not in self._told:
                self._told.add(event.kind)
                events.append(event)
        whole = merge_seconds(
            [*found, *late], seq=self._next, events=events, worker_count=len(found)
        )
        return replace(whole, lost_count=whole.lost_count + lost_count)
