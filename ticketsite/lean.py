"""The lean way in for /api/v1: Django's requests, URLs and Ninja, without the thread hops.

Note [Why not Django's own ASGI handler]
    Per request it makes a thread-sensitive context, sends two signals through a thread, listens
    for a disconnect in a second task, and closes the response in a thread; every answer of 400 or
    above is logged through one more. What those hops protect is not used here: endpoints are
    async, and database work runs in lanes (vacancy.lanes) that own their connections. The admin
    keeps Django's handler with everything.

Middleware is Django's, from a list of its own, `settings.API_MIDDLEWARE`: async only, so that it
costs no hop either. It wraps errors too, or a browser could not read a refusal. The request id and
the timing are not in that list, because they must stand on what never reached it.
"""

import json
import logging
import os
import re
import time
from asyncio import iscoroutinefunction
from collections.abc import Awaitable, Callable
from functools import cache, lru_cache
from typing import Any

from asgiref.sync import sync_to_async
from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope
from django.conf import settings
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import Http404, HttpResponse
from django.urls import resolve
from django.utils.module_loading import import_string

from ticketsite.api import PREFIX
from ticketsite.problems import CODE_FOR_STATUS, Problem, problem
from ticketsite.request import ApiRequest
from vacancy import timing
from vacancy.answers import Answer, headers_to_send

MAX_BODY_BYTES = 64 * 1024
MAX_LENGTH_DIGITS = 18  # of a Content-Length; Python refuses to read thousands of them
REQUEST_ID = re.compile(r"[\w.~-]{1,64}", re.ASCII)  # UUIDs and the like; no harm to a log
BODILESS = {204, 304}

Handler = Callable[[ApiRequest], Awaitable[HttpResponse]]
logger = logging.getLogger("ticketsite.api")
match_path = lru_cache(maxsize=1024)(resolve)  # a tenth of a request; what is not found is not kept


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
    request = ApiRequest(scope, receive)
    try:
        response = await handler()(request)
    except ClientGone:
        return
    headers = headers_to_send(response)
    if request.standing is not None:
        headers += request.standing.headers()
    headers += [
        (b"x-request-id", request_id(request).encode()),
        (b"server-timing", _server_timing(time.perf_counter() - begun, spent)),
    ]
    body = response.content
    bodiless = response.status_code in BODILESS
    if not bodiless:  # of a 304 it would have to be the length of the 200 (RFC 9110, 8.6)
        headers.append((b"content-length", b"%d" % len(body)))
    if bodiless or scope["method"] == "HEAD":
        body = b""
    await send(
        {"type": "http.response.start", "status": response.status_code, "headers": headers}  # type: ignore[typeddict-item]  # trailers is optional
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})


@cache
def handler() -> Handler:
    """Return the way from request to response: the middleware, and the views inside it."""
    chain: Handler = _respond
    for path in reversed(settings.API_MIDDLEWARE):
        chain = import_string(path)(chain)
    return chain


async def _respond(request: ApiRequest) -> HttpResponse:
    try:
        await _read_body(request)
        return _as_problem(request, await _view_answer(request))
    except ClientGone:
        raise
    except BodyTooLarge:
        return problem("body-too-large", f"A body may have {MAX_BODY_BYTES} bytes.")
    except Http404:
        return problem("not-found", f"There is nothing at {request.path}.")
    except (UnicodeDecodeError, BadRequest, SuspiciousOperation):
        return problem("malformed-request", "A header, the query or its encoding is malformed.")
    except Exception:
        where = (request.method, request.path, request_id(request))
        logger.exception("unhandled error in %s %r, request %s", *where)
        return problem("internal-error", "Something went wrong here. It has been logged.")


def _refuse_by_announcement(announced: str | None) -> None:
    """Refuse a Content-Length that is none or too large; a wrong one is caught while reading."""
    if announced is None:
        return
    if not (announced.isascii() and announced.isdigit()):
        raise BadRequest
    if len(announced) > MAX_LENGTH_DIGITS or int(announced) > MAX_BODY_BYTES:
        raise BodyTooLarge


async def _read_body(request: ApiRequest) -> None:
    _refuse_by_announcement(request.headers.get("content-length"))
    size = 0
    while True:
        message = await request.receive()
        if message["type"] != "http.request":
            raise ClientGone
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise BodyTooLarge
        request.add_to_body(part)
        if not message.get("more_body", False):
            return


async def _view_answer(request: ApiRequest) -> HttpResponse:
    if not is_api(request.path):
        raise Http404  # the admin's paths would resolve too
    match = request.resolver_match = match_path(request.path)
    view: Any = match.func
    if not iscoroutinefunction(view):  # the page /docs only
        view = sync_to_async(view, thread_sensitive=True)
    response: HttpResponse = await view(request, *match.args, **match.kwargs)
    return response


def _as_problem(request: ApiRequest, response: HttpResponse) -> HttpResponse:
    """Turn an error that Ninja or Django worded by itself into the documented shape."""
    status = response.status_code
    if status < 400 or isinstance(response, Problem):
        return response
    if status != 405:
        return problem(CODE_FOR_STATUS.get(status, "internal-error"), _detail(response))
    allow = [(b"allow", _allowed(response).encode())]
    if request.method == "OPTIONS":
        return Answer(status=204, headers=allow)
    return problem("method-not-allowed", f"{request.method} is not for this.", headers=allow)


def _allowed(response: HttpResponse) -> str:
    """List what a path allows: what Ninja knows, and what this handler answers by itself."""
    allowed = {method.strip() for method in response.get("Allow", "").split(",")}
    return ", ".join(sorted(allowed | {"OPTIONS"} | ({"HEAD"} if "GET" in allowed else set())))


def _detail(response: HttpResponse) -> str:
    try:
        return str(json.loads(response.content)["detail"])
    except (ValueError, KeyError, TypeError):
        return response.reason_phrase


def request_id(request: ApiRequest) -> str:
    """Return the id that came with the request if it is harmless, or else one made for it."""
    if request.id is None:
        given = request.headers.get("x-request-id", "")
        request.id = given if REQUEST_ID.fullmatch(given) else os.urandom(16).hex()
    return request.id


def _server_timing(total_s: float, spent: timing.Record) -> bytes:
    """Word it as W3C Server-Timing does: milliseconds, parts only where something was spent."""
    text = f"total;dur={total_s * 1000:.3f}"
    for name in ("db", "queue"):
        if name in spent:
            text += f", {name};dur={spent[name] * 1000:.3f}"
    return text.encode()
