"""One request of a virtual buyer: sent, judged by its outcome, recorded under a name.

Service time is send, wait and read of the body, and the connect if there is none yet; in an open
loop the lateness of the start is added, so that latency counts from the planned start.
"""

from locust.contrib.fasthttp import FAILURE_EXCEPTIONS, FastHttpSession, FastResponse
from locust.exception import StopUser

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from geventhttpclient.url import URL

from loadlab.locustfiles.attach import reporter

ENCODINGS = "gzip, deflate, br"  # what Locust's own session asks for
JSON = {"Content-Type": "application/json"}


class Ask(NamedTuple):
    """What to send, the name to record it under, and who judges the answer."""

    method: str
    path: str
    name: str
    judge: Callable[[Any], str]
    body: str | None = None
    key: str = ""  # Idempotency-Key
    # Whether the audit may look the key up, should no answer come: not if it is sent twice, when
    # a purchase under it says nothing about this request.
    is_audited: bool = True


class Answer(NamedTuple):
    """What came back; `answered_at` by the performance counter, in seconds."""

    outcome: str
    content: bytes
    answered_at: float


class Visitor(Protocol):
    """Whoever walks through the shop: a user of a closed loop, or one arrival of an open one."""

    def ask(self, what: Ask) -> Answer:
        """Send a request, wait for its answer, and pause as this visitor does."""


class NoAnswer:
    """What the judges see if nothing came back, or not all of it."""

    status_code = 0
    headers = content = None

    def __init__(self, error: BaseException) -> None:
        """`error` is why."""
        self.error = error


class Client:
    """Sends requests over connections that it keeps, and returns every answer as it came.

    It works below Locust's session, which for each request parses the address, asks a cookie jar,
    follows redirects (each would be a second request under the first one's name) and fills
    statistics that nobody reads here. That takes longer than all our own recording.
    """

    def __init__(self, session: FastHttpSession) -> None:
        """Take the timeouts, the trust and the number of connections of this session."""
        url = URL(session.base_url or "")
        self._http = session.client.clientpool.get_client(url)
        self._prefix = url.path.rstrip("/")

    def warm(self, connection_count: int) -> None:
        """Open connections without sending anything, so no first request pays for a handshake.

        A target that does not answer is no reason to stop: the requests themselves will tell.
        """
        pool = self._http._connection_pool
        opened: list[Any] = []
        with suppress(OSError):
            while len(opened) < connection_count:
                opened.append(pool.get_socket())
        for sock in opened:
            pool.return_socket(sock)

    def send(self, what: Ask, headers: dict[str, str]) -> FastResponse | NoAnswer:
        """Return the answer with its whole body; if that does not come, none."""
        try:
            response = FastResponse(
                self._http.request(what.method, self._prefix + what.path, what.body, headers)
            )
            response.content  # noqa: B018  # read to its end, unpacked, and kept
        except FAILURE_EXCEPTIONS as error:
            return NoAnswer(error)
        return response


def ask(client: Client, what: Ask, *, late_ms: float = 0.0) -> Answer:
    """Send one request and record it; `late_ms` is how long after its plan it starts."""
    watch = reporter()
    if watch.over.is_set():
        # Its pause ended in the same moment as the run: nobody would count what it sends now.
        raise StopUser
    audited = what.key if what.is_audited else ""
    headers = _headers(what, watch.chosen.key)
    watch.recorder.request_started(what.name, audited)
    begun = time.perf_counter()
    response = client.send(what, headers)
    answered_at = time.perf_counter()
    outcome = what.judge(response)
    service_ms = (answered_at - begun) * 1000
    watch.recorder.request_ended(
        what.name,
        outcome,
        key=audited,
        latency_ms=service_ms + late_ms,
        service_ms=service_ms,
        said=_server_timing(response),
    )
    return Answer(outcome, response.content or b"", answered_at)


def _headers(what: Ask, api_key: str) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {api_key}", "Accept-Encoding": ENCODINGS}
    if what.body is not None:
        headers |= JSON
    if what.key:
        headers["Idempotency-Key"] = what.key
    return headers


def _server_timing(response: FastResponse | NoAnswer) -> str:
    """Return all that was said; a proxy in front may say its own part in a line of its own."""
    return ", ".join(response.headers.getlist("server-timing")) if response.headers else ""
