"""Tells the supervisor what happens, one line a second, and never lets a full pipe slow the load.

Listens to Locust's public events only. Latency comes from Locust's own clock around each call
(connect, send, wait and read of the body) and goes into one HDR histogram for each request name
and outcome; Locust's statistics, which keep two digits and mix outcomes, are not used.
"""

import gevent
from gevent.event import Event
from gevent.os import make_nonblocking, nb_write
from gevent.queue import Full, Queue

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from loadlab import percentiles, wire

QUEUE_LINES = 120  # two minutes of a reader that does not read
DRAIN_S = 3.0
START_DELAY_S = 0.1  # from "all users exist" to the first request
ORPHANED_EXIT_S = 3.0
LEAVE_POLL_S = 0.01
SHORTEST_CPU_SPAN_S = 0.5  # the last part of a second may be all work and say nothing of load


class Pipe:
    """A non-blocking line writer with a bounded queue; what does not fit is counted."""

    def __init__(self, fd: int, *, on_broken: Callable[[], None]) -> None:
        """Take over `fd`; `on_broken` is called once when nobody reads any more."""
        make_nonblocking(fd)
        self.lost_count = 0
        self._fd = fd
        self._queue: Queue = Queue(maxsize=QUEUE_LINES)
        self._on_broken = on_broken
        self._writer = gevent.spawn(self._write_forever)

    def send(self, line: wire.Line) -> None:
        """Queue a line, or count it as lost."""
        try:
            self._queue.put_nowait(wire.encode(line))
        except Full:
            self.lost_count += 1

    def close(self) -> None:
        """Write what is queued, for a few seconds at most, and close."""
        try:
            self._queue.put(None, timeout=DRAIN_S)
            self._writer.join(timeout=DRAIN_S)
        except Full:
            pass
        os.close(self._fd)

    def _write_forever(self) -> None:
        for raw in iter(self._queue.get, None):
            rest = raw
            while rest:
                try:
                    rest = rest[nb_write(self._fd, rest) :]
                except OSError:
                    self._on_broken()
                    return


@dataclass
class _Cell:
    """One name and outcome within the second that is being counted."""

    histogram: Any = field(default_factory=percentiles.new_histogram)
    count: int = 0
    sum_ms: float = 0.0


class Reporter:
    """Counts requests and reports each second; also starts and ends the run by one clock."""

    def __init__(self, environment: Any, *, fd: int, duration_s: float) -> None:
        """Attach to Locust's events."""
        self.go = Event()  # set when virtual users may begin
        self.over = Event()  # set when virtual users must leave after their request
        self.started_at = 0.0  # monotonic
        self._environment = environment
        self._duration_s = duration_s
        self._pipe = Pipe(fd, on_broken=self._supervisor_is_gone)
        self._cells: dict[tuple[str, str], _Cell] = {}
        self._in_flight: dict[str, int] = {}
        self._started = self._ended = self._out_of_range = self._seq = 0
        self._cpu_s = self._second_began = 0.0
        self._ended_already = False
        environment.events.spawning_complete.add_listener(self._on_spawning_complete)
        environment.events.request.add_listener(self._on_request)
        environment.events.quitting.add_listener(self._let_users_finish)
        # Not `quitting`: only at `quit` has every user stopped.
        environment.events.quit.add_listener(self._on_quit)

    def request_started(self, name: str) -> None:
        """Count a request as in flight; if its end is never seen, its outcome is unknown."""
        self._started += 1
        self._in_flight[name] = self._in_flight.get(name, 0) + 1

    def _on_spawning_complete(self, user_count: int, **_: Any) -> None:
        if self.started_at:
            return
        self.started_at = self._second_began = time.monotonic() + START_DELAY_S
        generator = f"locust {version('locust')}"
        self._pipe.send(wire.Hello(time.time() + START_DELAY_S, os.getpid(), generator))
        gevent.spawn_later(START_DELAY_S, self.go.set)
        gevent.spawn(self._tick_forever)
        gevent.spawn(self._end_on_time)

    def _on_request(
        self, name: str, response_time: float, context: dict[str, Any], **_: Any
    ) -> None:
        self._ended += 1
        self._in_flight[name] = self._in_flight.get(name, 0) - 1
        key = (name, context.get("outcome", "fault"))
        cell = self._cells.get(key)
        if cell is None:
            cell = self._cells[key] = _Cell()
        cell.count += 1
        cell.sum_ms += response_time
        if not percentiles.record(cell.histogram, response_time):
            self._out_of_range += 1

    def _tick_forever(self) -> None:
        while True:
            planned = self.started_at + self._seq + 1
            gevent.sleep(max(0.0, planned - time.monotonic()))
            if self._ended_already:
                return
            self._report_second(lag_ms=(time.monotonic() - planned) * 1000)

    def _report_second(self, *, lag_ms: float) -> None:
        now, cpu_s = time.monotonic(), time.process_time()
        cells, self._cells = self._cells, {}
        series = [
            wire.Series(name, outcome, cell.count, cell.sum_ms, percentiles.encode(cell.histogram))
            for (name, outcome), cell in cells.items()
        ]
        cpu_pct = 100 * (cpu_s - self._cpu_s) / max(SHORTEST_CPU_SPAN_S, now - self._second_began)
        self._pipe.send(
            wire.Second(
                seq=self._seq,
                at=time.time(),
                elapsed_s=now - self.started_at,
                user_count=self._environment.runner.user_count,
                in_flight=self._started - self._ended,
                cpu_pct=cpu_pct if self._seq else 0.0,  # start-up is not load
                lag_ms=max(0.0, lag_ms),
                lost_count=self._pipe.lost_count,
                series=series,
            )
        )
        self._seq += 1
        self._second_began, self._cpu_s = now, cpu_s

    def _end_on_time(self) -> None:
        gevent.sleep(self.started_at + self._duration_s - time.monotonic())
        self._let_users_finish()
        self._environment.runner.quit()

    def _let_users_finish(self, **_: Any) -> None:
        """Wait until nobody waits for an answer, within the stop timeout.

        Locust's own stop kills users it believes to be pausing; one that wakes up in that
        moment is cut off in the middle of a request. Here users leave by themselves.
        """
        self.over.set()
        deadline = time.monotonic() + self._environment.stop_timeout
        while self._started > self._ended and time.monotonic() < deadline:
            gevent.sleep(LEAVE_POLL_S)

    def _on_quit(self, **_: Any) -> None:
        if self._ended_already:
            return
        self._ended_already = True
        if self._cells:  # requests that ended after the last full second
            self._report_second(lag_ms=0.0)
        self._pipe.send(
            wire.Final(
                elapsed_s=time.monotonic() - self.started_at if self.started_at else 0.0,
                started_count=self._started,
                ended_count=self._ended,
                unknown={name: count for name, count in self._in_flight.items() if count > 0},
                out_of_range_count=self._out_of_range,
                lost_count=self._pipe.lost_count,
            )
        )
        self._pipe.close()

    def _supervisor_is_gone(self) -> None:
        """End at once: load that nobody watches must not go on."""
        self._ended_already = True
        gevent.spawn_later(ORPHANED_EXIT_S, os._exit, 1)
        os.kill(os.getpid(), signal.SIGTERM)
