"""The clock of one generator process: begins and ends its load, and reports each second.

Listens to Locust's public events only. What happens in between is counted by the `Recorder`.
"""

import gevent
from gevent.event import Event

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from typing import Any, Protocol

from loadlab import wire
from loadlab.locustfiles.recorder import Recorder
from loadlab.locustfiles.settings import Chosen

START_DELAY_S = 0.3  # from "all users exist" to the first request: time to open connections
ORPHANED_EXIT_S = 3.0
LEAVE_POLL_S = 0.01
SHORTEST_CPU_SPAN_S = 0.5  # the last part of a second may be all work and say nothing of load


class Sink(Protocol):
    """Where lines go: a pipe to the supervisor, or messages to the master."""

    lost_count: int

    def send(self, line: wire.Line) -> None:
        """Pass it on without waiting."""


class Reporter:
    """Counts requests and reports each second; also starts and ends this process's load."""

    def __init__(self, environment: Any, *, sink: Sink) -> None:
        """Attach to Locust's events."""
        self.prepared = Event()  # set when `chosen` is there and connections may be opened
        self.go = Event()  # set when virtual users may begin
        self.over = Event()  # set when virtual users must leave after their request
        self.recorder = Recorder()
        self.chosen: Chosen
        self.started_at = 0.0  # monotonic
        # Called when the time is over and the last user has finished.
        self.when_time_is_over: Callable[[], None] = self.finish
        self.users: Callable[[], int] = lambda: int(environment.runner.user_count)
        self._environment = environment
        self._sink = sink
        self._asked: Iterator[int] = repeat(0)
        self._asked_count = self._seq = 0
        self._events: list[wire.Event] = []
        self._dropped_told = self._finished = False
        self._cpu_s = self._second_began = 0.0
        self._parent = os.getppid()
        environment.events.quitting.add_listener(self.let_users_finish)
        # Not `quitting`: only at `quit` has every user stopped.
        environment.events.quit.add_listener(self.finish)

    def begin(self, chosen: Chosen) -> None:
        """Let users prepare now and begin in a moment. A second call does nothing."""
        if self.started_at:
            return
        self.chosen = chosen
        self.started_at = self._second_began = time.monotonic() + START_DELAY_S
        self._cpu_s = time.process_time()
        self.prepared.set()
        gevent.spawn_later(START_DELAY_S, self.go.set)
        gevent.spawn(self._tick_forever)

    def plan(self, asked: Iterator[int], events: Sequence[wire.Event]) -> None:
        """Take the arrivals that are asked for in each second, and what is known to come."""
        self._asked = asked
        self._events = sorted(events, key=lambda event: event.at_s)

    def _tick_forever(self) -> None:
        while True:
            planned = self.started_at + self._seq + 1
            gevent.sleep(max(0.0, planned - time.monotonic()))
            if self._finished:
                return
            if os.getppid() != self._parent:
                self.leave_at_once()
            self._report_second(lag_ms=(time.monotonic() - planned) * 1000)
            if self._seq >= self.chosen.number("duration_s"):
                # Not by a timer of its own: ending is work, and would make this tick late.
                gevent.spawn(self._end)
                return

    def _report_second(self, *, lag_ms: float) -> None:
        # Read together: what happened at a moment of one clock is dated by the other.
        now, at, cpu_s = time.monotonic(), time.time(), time.process_time()
        elapsed_s = now - self.started_at
        cpu_pct = 100 * (cpu_s - self._cpu_s) / max(SHORTEST_CPU_SPAN_S, now - self._second_began)
        counted = self.recorder.take()
        asked = next(self._asked)
        self._asked_count += asked
        self._sink.send(
            wire.Second(
                seq=self._seq,
                at=at,
                elapsed_s=elapsed_s,
                user_count=self.users(),
                cpu_pct=cpu_pct,
                lag_ms=max(0.0, lag_ms),
                lost_count=self._sink.lost_count,
                asked_count=asked,
                events=self._news(elapsed_s, counted["dropped_count"]),
                **counted,
            )
        )
        self._seq += 1
        self._second_began, self._cpu_s = now, cpu_s

    def _news(self, elapsed_s: float, dropped_count: int) -> list[wire.Event]:
        news = [event for event in self._events if event.at_s <= elapsed_s]
        del self._events[: len(news)]
        if dropped_count and not self._dropped_told:
            self._dropped_told = True
            news.append(wire.Event(elapsed_s, "first_dropped"))
        return news

    def _end(self) -> None:
        self.let_users_finish()
        self.when_time_is_over()

    def let_users_finish(self, **_: Any) -> None:
        """Wait until nobody waits for an answer, within the stop timeout.

        Locust's own stop kills users it believes to be pausing; one that wakes up in that
        moment is cut off in the middle of a request. Here users leave by themselves.
        """
        self.over.set()
        deadline = time.monotonic() + (self._environment.stop_timeout or 0.0)
        while self.recorder.in_flight and time.monotonic() < deadline:
            gevent.sleep(LEAVE_POLL_S)

    def finish(self, **_: Any) -> None:
        """Give the last report; a second call does nothing."""
        if self._finished:
            return
        self._finished = True
        elapsed_s = max(0.0, time.monotonic() - self.started_at) if self.started_at else 0.0
        # What ended after the last full second; or that second, if its tick comes too late.
        if elapsed_s and (not self.recorder.is_empty or elapsed_s > self._seq + 0.5):
            self._report_second(lag_ms=0.0)
        self._sink.send(
            self.recorder.final(
                elapsed_s=elapsed_s,
                asked_count=self._asked_count,
                lost_count=self._sink.lost_count,
            )
        )

    def leave_at_once(self) -> None:
        """End without a report: load that nobody watches must not go on."""
        self._finished = True
        gevent.spawn_later(ORPHANED_EXIT_S, os._exit, 1)
        os.kill(os.getpid(), signal.SIGTERM)
