"""The lean way in for /api/v1: Django's requests, URLs and Ninja, without the thread hops.

Note [Why not Django's own ASGI handler]
    Per request it makes a thread-sensitive context, sends two signals through a thread, listens
    for a disconnect in a second task, and closes the response in a thread; every answer of 400 or
    above is logged through one more. What those hops protect is not used here: endpoints are
    async, and database work runs in lanes (vacancy.lanes) that own their connections. The admin
    keeps Django's handler with everything.
"""

import json
import logging
import re
import time
import uuid
from asyncio import iscoroutinefunction
from io import BytesIO
from typing import Any

from asgiref.sync import sync_to_async
from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpResponse
from django.urls import resolve

from ticketsite.api import PREFIX
from ticketsite.problems import CODE_FOR_STATUS, CONTENT_TYPE, problem
from vacancy import timing

MAX_BODY_BYTES = 64 * 1024
MAX_LENGTH_DIGITS = 18  # of a Content-Length; Python refuses to read thousands of them
REQUEST_ID = re.compile(rb"[\w.~-]{1,64}")  # UUIDs and the like; nothing that could harm a log

logger = logging.getLogger("ticketsite.api")


class BodyTooLarge(Exception):
    """The body passed the limit; the rest of it was not read."""


class ClientGone(Exception):
    """The connection closed before the body was complete."""


def is_api(path: str) -> bool:
    """Say whether this path belongs to the API."""
    return path == PREFIX or path.startswith(PREFIX + "/")


async def lean_application(
    scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
) -> None:
    """Answer one HTTP request; errors, and all paths but /api/v1, get problem+json."""
    begun = time.perf_counter()
    spent = timing.begin()
    request_id = _request_id(scope)
    try:
        response = await _respond(scope, receive, request_id)
    except ClientGone:
        return
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in response.items()
    ]
    body = response.content
    headers += [
        (b"x-request-id", request_id),
        (b"server-timing", _server_timing(time.perf_counter() - begun, spent)),
    ]
    bodiless = response.status_code in {204, 304}
    if not bodiless:  # of a 304 it would have to be the length of the 200 (RFC 9110, 8.6)
        headers.append((b"content-length", str(len(body)).encode()))
    if bodiless or scope["method"] == "HEAD":
        body = b""
    await send(
        {"type": "http.response.start", "status": response.status_code, "headers": headers}  # type: ignore[typeddict-item]  # trailers is optional
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _respond(
    scope: HTTPScope, receive: ASGIReceiveCallable, request_id: bytes
) -> HttpResponse:
    try:
        body = await _read_body(scope, receive)
        # HEAD is answered as GET; the body is cut on the way out.
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        request = ASGIRequest({**scope, "method": method}, BytesIO(body))
        return _as_problem(await _view_answer(request))
    except ClientGone:
        raise
    except BodyTooLarge:
        return problem("body-too-large", f"A body may have {MAX_BODY_BYTES} bytes.")
    except Http404:
        return problem("not-found", f"There is nothing at {scope['path']}.")
    except (UnicodeDecodeError, BadRequest, SuspiciousOperation):
        return problem("malformed-request", "A header, the query or its encoding is malformed.")
    except Exception:
        where = (scope["method"], scope["path"], request_id.decode())
        logger.exception("unhandled error in %s %r, request %s", *where)
        return problem("internal-error", "Something went wrong here. It has been logged.")


def _refuse_by_announcement(scope: HTTPScope) -> None:
    """Refuse a Content-Length that is none or too large; a wrong one is caught while reading."""
    for name, value in scope["headers"]:
        if name != b"content-length":
            continue
        if not value.isdigit():
            raise BadRequest
        if len(value) > MAX_LENGTH_DIGITS or int(value) > MAX_BODY_BYTES:
            raise BodyTooLarge


async def _read_body(scope: HTTPScope, receive: ASGIReceiveCallable) -> bytes:
    _refuse_by_announcement(scope)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise BodyTooLarge
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


async def _view_answer(request: ASGIRequest) -> HttpResponse:
    if not is_api(request.path_info):
        raise Http404  # the admin's paths would resolve too
    match = resolve(request.path_info)
    request.resolver_match = match
    view: Any = match.func
    if not iscoroutinefunction(view):  # the documentation pages only
        view = sync_to_async(view, thread_sensitive=True)
    response: HttpResponse = await view(request, *match.args, **match.kwargs)
    return response


def _as_problem(response: HttpResponse) -> HttpResponse:
    """Turn an error that Ninja or Django worded by itself into the documented shape."""
    status = response.status_code
    if status < 400 or response["Content-Type"].startswith(CONTENT_TYPE):
        return response
    answer = problem(CODE_FOR_STATUS.get(status, "internal-error"), _detail(response))
    if status == 405:
        allowed = {method.strip() for method in response.get("Allow", "").split(",")}
        answer["Allow"] = ", ".join(sorted(allowed | ({"HEAD"} if "GET" in allowed else set())))
    return answer


def _detail(response: HttpResponse) -> str:
    try:
        return str(json.loads(response.content)["detail"])
    except (ValueError, KeyError, TypeError):
        return response.reason_phrase


def _request_id(scope: HTTPScope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and REQUEST_ID.fullmatch(value):
            return value
    return uuid.uuid4().hex.encode()


def _server_timing(total_s: float, spent: timing.Record) -> bytes:
    """Word it as W3C Server-Timing does: milliseconds, parts only where something was spent."""
    text = f"total;dur={total_s * 1000:.3f}"
    for name in ("db", "queue"):
        if name in spent:
            text += f", {name};dur={spent[name] * 1000:.3f}"
    return text.encode()
