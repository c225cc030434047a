"""A way in below HTTP libraries, for requests that no well-behaved client would send."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync

from ticketsite.asgi import api_application


@dataclass
class Answer:
    """What the application sent, and how much of the body it cared to read."""

    status: int
    headers: dict[str, str]
    content: bytes
    reads: int


def send(method: str, path: str, **kwargs: Any) -> Answer | None:
    """Send one request part by part, see `call`; None if nothing was answered."""
    return async_to_sync(call)(method, path, **kwargs)


async def call(
    method: str,
    path: str,
    headers: Iterable[tuple[bytes, bytes]] = (),
    parts: Iterable[bytes] = (b"",),
    *,
    query: bytes = b"",
    hangs_up: bool = False,
    path_as_decoded: str | None = None,
    application: Any = api_application,
) -> Answer | None:
    """Send one request part by part; None if nothing was answered."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path if path_as_decoded is None else path_as_decoded,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query,
        "headers": [(b"host", b"testserver"), *headers],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8001),
    }
    rest = list(parts)
    sent: list[dict[str, Any]] = []
    reads = 0

    async def receive() -> dict[str, Any]:
        nonlocal reads
        reads += 1
        if not rest and hangs_up:
            return {"type": "http.disconnect"}
        if not rest:
            await asyncio.Event().wait()  # a patient client
        part = rest.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(rest) or hangs_up}

    async def collect(message: dict[str, Any]) -> None:
        sent.append(message)

    await application(scope, receive, collect)
    if not sent:
        return None
    names = {name.decode().lower(): value.decode("latin-1") for name, value in sent[0]["headers"]}
    content = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(sent[0]["status"], names, content, reads)
