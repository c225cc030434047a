"""Virtual users of a closed loop: ask, wait for the answer, pause, ask again."""

from locust import FastHttpUser, constant
from locust.exception import StopUser

import itertools
import random
import time
from collections.abc import Sequence

from loadlab.locustfiles.asking import Answer, Ask, Client, ask
from loadlab.locustfiles.attach import reporter
from loadlab.locustfiles.journeys import Journey
from loadlab.thinking import pauses

MOST_MADE_UP_S = 0.005  # a stall of the generator is no reason to think less

_numbers = itertools.count()


class Buyer(FastHttpUser):
    """A buyer in a closed loop."""

    abstract = True
    wait_time = constant(0)  # the pause is in pause(), which an ending run can cut short
    connection_timeout = 5.0
    network_timeout = 15.0
    due = 0.0  # when the next request should begin
    overslept_s = 0.0
    think_time_s = 0.0
    number = 0  # among all users of all processes

    def on_start(self) -> None:
        """Begin at an own moment within the first think time.

        Users that begin together stay in step: the server would see a burst every half second
        instead of a steady stream. How they stay out of it: loadlab.thinking.
        """
        watch = reporter()
        watch.prepared.wait()
        chosen = watch.chosen
        self.think_time_s = chosen.number("think_time_s")
        self._client = Client(self.client)
        self._client.warm(1)
        watch.go.wait()
        self.number = next(_numbers) * chosen.parts + chosen.part
        self._pauses = pauses(think_time_s=self.think_time_s, seed=self.number)
        count = max(1, int(chosen.number("user_count")))
        self.pause(self.number % count / count * self.think_time_s)

    def pause(self, pause_s: float) -> None:
        """Think, or leave if the run is over."""
        over = reporter().over
        # Even a wait of no time makes a timer; whoever does not think need not pay for it.
        if over.wait(timeout=pause_s) if pause_s > 0 else over.is_set():
            raise StopUser

    def ask(self, what: Ask) -> Answer:
        """Send one request, record it, think."""
        begun = time.perf_counter()
        self.overslept_s = min(MOST_MADE_UP_S, max(0.0, begun - self.due)) if self.due else 0.0
        answer = ask(self._client, what)
        # A person thinks from the answer on, not from the end of our bookkeeping; and timers
        # fire a millisecond late, so each pause makes up for the one before it.
        self.due = answer.answered_at + next(self._pauses) - self.overslept_s
        self.pause(max(0.0, self.due - time.perf_counter()))
        return answer


class Chooser:
    """Draws journeys by weight, the same ones for the same seed."""

    def __init__(self, mix: Sequence[tuple[Journey, int]], *, seed: int) -> None:
        """Take journeys with their weights."""
        self._journeys = [journey for journey, _ in mix]
        self._up_to = list(itertools.accumulate(weight for _, weight in mix))
        self._chance = random.Random(seed)

    def next(self) -> Journey:
        """Return what the next buyer does."""
        return self._chance.choices(self._journeys, cum_weights=self._up_to)[0]
