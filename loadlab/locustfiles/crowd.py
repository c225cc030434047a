"""Arrivals of an open loop: buyers come by a timetable, whatever the server does.

Note [Open loop]
    Locust's users are a closed loop: who waits for an answer sends nothing. Here one user, the
    scheduler, walks through the timetable and starts a greenlet for each arrival. Latency counts
    from the planned moment, so a scheduler that wakes up late or a server that stalls is in the
    figures and cannot hide what it delayed (no coordinated omission). At most `user_count` buyers
    are under way; whoever would come beyond that is counted as dropped, never sent later.
"""

import gevent
from gevent.pool import Pool
from locust import FastHttpUser, constant, task
from locust.contrib.fasthttp import FastHttpSession
from locust.exception import StopUser

import itertools
import time
from collections.abc import Sequence
from typing import Any, ClassVar

from loadlab import timetable
from loadlab.locustfiles.asking import Answer, Ask, Client, ask
from loadlab.locustfiles.attach import reporter
from loadlab.locustfiles.buyers import Chooser
from loadlab.locustfiles.journeys import Journey
from loadlab.locustfiles.settings import Chosen
from loadlab.wire import Event

MOST_WARM = 100  # connections opened before the first arrival
CONNECT_S, ANSWER_S = 5.0, 15.0

_numbers = itertools.count()


class Arrival:
    """One buyer who came by the timetable."""

    def __init__(self, client: Client, *, planned: float, pause_s: float) -> None:
        """`planned` is by the performance counter, `pause_s` the time between two steps."""
        self._client = client
        self._planned = planned  # 0 from the second step on: it has no planned moment of its own
        self._pause_s = pause_s

    def ask(self, what: Ask) -> Answer:
        """Send a request; between two steps pause, or leave if the run is over."""
        if not self._planned and reporter().over.wait(timeout=self._pause_s):
            raise StopUser
        late_ms = (time.perf_counter() - self._planned) * 1000 if self._planned else 0.0
        self._planned = 0.0
        return ask(self._client, what, late_ms=max(0.0, late_ms))


class Crowd(FastHttpUser):
    """The scheduler; a scenario says by `legs` who comes when, and by `mix` what they do."""

    abstract = True
    wait_time = constant(0)
    mix: ClassVar[Sequence[tuple[Journey, int]]] = ()

    def legs(self, chosen: Chosen) -> list[timetable.Leg]:
        """Return the plan of this scenario."""
        raise NotImplementedError

    def marks(self, chosen: Chosen) -> list[Event]:
        """Return what the time axis should show of the plan."""
        return []

    @task
    def receive(self) -> None:
        """Walk through the timetable once, then leave."""
        watch = reporter()
        watch.prepared.wait()
        if next(_numbers):  # one timetable a process, however many users Locust hands out
            watch.over.wait()
            raise StopUser
        self._open(watch.chosen)
        watch.go.wait()
        self._walk(watch.chosen)
        watch.over.wait()
        raise StopUser

    def _open(self, chosen: Chosen) -> None:
        """Plan, and open connections, before the clock starts."""
        cap = max(1, int(chosen.number("user_count")) // chosen.parts)
        self._pool = Pool(cap)
        session = FastHttpSession(
            base_url=self.host,
            request_event=self.environment.events.request,
            user=self,
            concurrency=cap,
            connection_timeout=CONNECT_S,
            network_timeout=ANSWER_S,
        )
        reporter().users = lambda: len(self._pool)
        self._client = Client(session)
        self._client.warm(min(cap, MOST_WARM))
        self._chooser = Chooser(self.mix, seed=int(chosen.number("seed")) + chosen.part)
        asked = timetable.asked_by_second(self._timetable(chosen))
        reporter().plan(asked, self.marks(chosen))

    def _timetable(self, chosen: Chosen) -> Any:
        seed = int(chosen.number("seed"))
        return timetable.arrivals(
            self.legs(chosen), seed=seed, part=chosen.part, parts=chosen.parts
        )

    def _walk(self, chosen: Chosen) -> None:
        watch = reporter()
        # The reporter's clock is the monotonic one, Locust measures by the performance counter.
        start = watch.started_at + time.perf_counter() - time.monotonic()
        for moment in self._timetable(chosen):
            wait_s = start + moment - time.perf_counter()
            if wait_s > 0:
                gevent.sleep(wait_s)
            if watch.over.is_set():
                return
            self._admit(start + moment, chosen)

    def _admit(self, planned: float, chosen: Chosen) -> None:
        recorder = reporter().recorder
        if self._pool.full():
            recorder.arrival_dropped()
            return
        self._pool.spawn(self._visit, planned, chosen.number("think_time_s"))

    def _visit(self, planned: float, pause_s: float) -> None:
        late_ms = (time.perf_counter() - planned) * 1000
        reporter().recorder.arrival_begun(late_ms=max(0.0, late_ms))
        journey = self._chooser.next()
        try:
            journey(Arrival(self._client, planned=planned, pause_s=pause_s))
        except StopUser:
            return
