"""Virtual buyers: how they wait, ask, and judge an answer. Shared by all scenarios."""

from locust import FastHttpUser, constant, events
from locust.exception import StopUser

import itertools
import json
import os
import time
from collections.abc import Callable
from typing import Any

from loadlab.locustfiles.reporter import Reporter

KEY = os.environ["LOADLAB_KEY"]
THINK_TIME_S = float(os.environ["LOADLAB_THINK_TIME_S"])
USER_COUNT = int(os.environ["LOADLAB_USER_COUNT"])
MOST_MADE_UP_S = 0.005  # a stall of the generator is no reason to think less

reporter: Reporter
_numbers = itertools.count()


@events.init.add_listener
def _attach_reporter(environment: Any, **_: Any) -> None:
    global reporter
    reporter = Reporter(
        environment,
        fd=int(os.environ["LOADLAB_PIPE_FD"]),
        duration_s=float(os.environ["LOADLAB_DURATION_S"]),
    )


class Buyer(FastHttpUser):
    """A buyer in a closed loop: ask, wait for the answer, pause for the think time."""

    abstract = True
    wait_time = constant(0)  # the pause is in pause(), which an ending run can cut short
    connection_timeout = 5.0
    network_timeout = 15.0
    due = 0.0  # when the next request should begin
    overslept_s = 0.0

    def on_start(self) -> None:
        """Begin at an own moment within the first think time.

        Users that begin together stay in step: the server would see a burst every half second
        instead of a steady stream.
        """
        reporter.go.wait()
        self.pause(next(_numbers) % USER_COUNT / USER_COUNT * THINK_TIME_S)

    def pause(self, pause_s: float) -> None:
        """Think, or leave if the run is over."""
        if reporter.over.wait(timeout=pause_s):
            raise StopUser

    def ask(
        self, method: str, path: str, *, name: str, judge: Callable[[Any], str], **kwargs: Any
    ) -> None:
        """Send one request, record it under `name` with the outcome that `judge` finds, think."""
        reporter.request_started(name)
        headers = {"Authorization": f"Bearer {KEY}"}
        begun = time.perf_counter()
        self.overslept_s = min(MOST_MADE_UP_S, max(0.0, begun - self.due)) if self.due else 0.0
        with self.client.request(
            method,
            path,
            name=name,
            headers=headers,
            catch_response=True,
            allow_redirects=False,
            **kwargs,
        ) as response:
            outcome = judge(response)
            response.request_meta["context"]["outcome"] = outcome
            if outcome in {"fault", "unknown"}:
                response.failure(f"{outcome}: status {response.status_code}")
            else:
                response.success()
            answered = begun + response.request_meta["response_time"] / 1000
        # A person thinks from the answer on, not from the end of our bookkeeping; and timers
        # fire a millisecond late, so each pause makes up for the one before it.
        self.due = answered + THINK_TIME_S - self.overslept_s
        self.pause(max(0.0, self.due - time.perf_counter()))


def judge_read(response: Any) -> str:
    """Judge a request that buys nothing: read, refused or fault."""
    if response.status_code == 200:
        return "read"
    return "refused" if 400 <= response.status_code < 500 else "fault"


def judge_short_form(response: Any) -> str:
    """Judge an answer of the short form, which says everything with status 200."""
    if response.status_code == 0:
        # No answer. Refused at the door is a fault; anything later may have been sold.
        return "fault" if isinstance(response.error, ConnectionRefusedError) else "unknown"
    if response.status_code != 200:
        return "refused" if 400 <= response.status_code < 500 else "fault"
    try:
        answer = json.loads(response.content)
        if answer["success"]:
            return "bought"
        return "sold_out" if answer["remaining"] < 1 else "refused"
    except (ValueError, KeyError, TypeError):
        return "fault"
