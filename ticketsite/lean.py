"""The lean way in for /api/v1: Django's requests, URLs and Ninja, without the thread hops.

Note [Why not Django's own ASGI handler]
    Per request it makes a thread-sensitive context, sends two signals through a thread, listens
    for a disconnect in a second task, and closes the response in a thread; every answer of 400 or
    above is logged through one more. What those hops protect is not used here: endpoints are
    async, and database work runs in lanes (vacancy.lanes) that own their connections. The admin
    keeps Django's handler with everything. Measured in one process without a server, on 2 busy
    cores: a warm GET /available takes 1,340 µs with Django's handler and no middleware at all,
    58 µs here; with Django's own request, response and URL lookup it took 127.

Middleware is Django's, from a list of its own, `settings.API_MIDDLEWARE`: async only, so that it
costs no hop either. It wraps errors too, or a browser could not read a refusal. The request id and
the timing are not in that list, because they must stand on what never reached it.
"""

import logging
import time
from asyncio import iscoroutinefunction
from collections.abc import Awaitable, Callable
from functools import cache, lru_cache

from asgiref.sync import sync_to_async
from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope
from django.conf import settings
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import Http404, HttpResponse
from django.urls import ResolverMatch, resolve
from django.utils.module_loading import import_string

from tickets import till
from ticketsite.api import PREFIX
from ticketsite.problems import as_problem, problem
from ticketsite.request import MAX_BODY_BYTES, ApiRequest, BodyTooLarge, ClientGone
from vacancy import timing
from vacancy.answers import headers_to_send

BODILESS = {204, 304}

Handler = Callable[[ApiRequest], Awaitable[HttpResponse]]
logger = logging.getLogger("ticketsite.api")


def is_api(path: str) -> bool:
    """Say whether this path belongs to the API."""
    return path == PREFIX or path.startswith(PREFIX + "/")


async def lean_application(
    scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
) -> None:
    """Answer one HTTP request; errors, and all paths but /api/v1, get problem+json."""
    begun = time.perf_counter()
    till.serve_from_this_loop()
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
        (b"x-request-id", request.id.encode()),
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
        await request.receive_body()
        return as_problem(await _view_answer(request), method=str(request.method))
    except ClientGone:
        raise
    except BodyTooLarge:
        return problem("body-too-large", f"A body may have {MAX_BODY_BYTES} bytes.")
    except Http404:
        return problem("not-found", f"There is nothing at {request.path}.")
    except (UnicodeDecodeError, BadRequest, SuspiciousOperation):
        return problem("malformed-request", "A header, the query or its encoding is malformed.")
    except Exception:
        where = (request.method, request.path, request.id)
        logger.exception("unhandled error in %s %r, request %s", *where)
        return problem("internal-error", "Something went wrong here. It has been logged.")


async def _view_answer(request: ApiRequest) -> HttpResponse:
    request.resolver_match, view = _find(request.path)
    response: HttpResponse = await view(
        request, *request.resolver_match.args, **request.resolver_match.kwargs
    )
    return response


@lru_cache(maxsize=1024)  # looking up is a fifth of a request; what is not found is not kept
def _find(path: str) -> tuple[ResolverMatch, Callable[..., Awaitable[HttpResponse]]]:
    if not is_api(path):
        raise Http404  # the admin's paths would resolve too
    match = resolve(path)
    if iscoroutinefunction(match.func):
        return match, match.func
    return match, sync_to_async(match.func, thread_sensitive=True)  # the page /docs only


def _server_timing(total_s: float, spent: timing.Record) -> bytes:
    """Word it as W3C Server-Timing does: milliseconds, parts only where something was spent."""
    text = f"total;dur={total_s * 1000:.3f}"
    for name in ("db", "queue"):
        if name in spent:
            text += f", {name};dur={spent[name] * 1000:.3f}"
    return text.encode()
