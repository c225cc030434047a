"""One request of a virtual buyer: sent, recorded under a name, judged by its outcome."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from geventhttpclient.url import URL

from loadlab.locustfiles.attach import reporter

JSON = {"Content-Type": "application/json"}


class Ask(NamedTuple):
    """What to send, the name to record it under, and who judges the answer."""

    method: str
    path: str
    name: str
    judge: Callable[[Any], str]
    body: str | None = None
    key: str = ""  # Idempotency-Key


class Answer(NamedTuple):
    """What came back; `answered_at` by the performance counter, in seconds."""

    outcome: str
    content: bytes
    answered_at: float


class Visitor(Protocol):
    """Whoever walks through the shop: a user of a closed loop, or one arrival of an open one."""

    def ask(self, what: Ask) -> Answer:
        """Send a request, wait for its answer, and pause as this visitor does."""


def ask(client: Any, what: Ask, *, late_ms: float = 0.0) -> Answer:
    """Send one request and record it; `late_ms` is how long after its plan it starts."""
    watch = reporter()
    watch.recorder.request_started(what.name, what.key)
    headers = {"Authorization": f"Bearer {watch.chosen.key}"}
    if what.body is not None:
        headers |= JSON
    if what.key:
        headers["Idempotency-Key"] = what.key
    begun = time.perf_counter()
    with client.request(
        what.method,
        what.path,
        name=what.name,
        data=what.body,
        headers=headers,
        catch_response=True,
        context={"key": what.key, "late_ms": late_ms},
    ) as response:
        outcome = what.judge(response)
        response.request_meta["context"]["outcome"] = outcome
        if outcome in {"fault", "unknown"}:
            response.failure(f"{outcome}: status {response.status_code}")
        else:
            response.success()
        answered_at = begun + response.request_meta["response_time"] / 1000
    return Answer(outcome, response.content or b"", answered_at)


def prepare(client: Any) -> None:
    """Follow no redirect: it would be a second request under the first one's name."""
    client.client.redirect_response_codes = frozenset()


def warm(client: Any, *, connection_count: int) -> None:
    """Open connections without sending anything, so that no first request pays for a handshake.

    A target that does not answer is no reason to stop: the requests themselves will tell.
    """
    pool = client.client.clientpool.get_client(URL(client.base_url))._connection_pool
    opened: list[Any] = []
    with suppress(OSError):
        while len(opened) < connection_count:
            opened.append(pool.get_socket())
    for sock in opened:
        pool.return_socket(sock)
