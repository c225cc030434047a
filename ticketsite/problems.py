"""Errors as problem+json (RFC 9457): one table, one shape, everywhere under /api/v1."""

import json
from typing import Any, NamedTuple

from django.http import HttpResponse
from pydantic_core import to_json

from vacancy.answers import Answer, RawHeaders

CONTENT_TYPE = "application/problem+json"
TYPE_BASE = "/api/v1/problems/"  # a relative reference, as RFC 9457, 3.1.1 allows


class Kind(NamedTuple):
    """One row of the table."""

    status: int
    title: str


KINDS = {
    "sold-out": Kind(409, "Sold out"),
    "not-on-sale": Kind(409, "Not on sale"),
    "limit-per-purchase": Kind(422, "Over the limit for one purchase"),
    "hold-expired": Kind(410, "The hold has expired"),
    "hold-released": Kind(410, "The hold was released"),
    "hold-confirmed": Kind(409, "The hold has become a purchase"),
    "already-checked-in": Kind(409, "The ticket was used before"),
    "purchase-cancelled": Kind(409, "The purchase was cancelled"),
    "idempotency-key-missing": Kind(400, "Idempotency-Key header missing"),
    "idempotency-key-reused": Kind(422, "Idempotency key used for another request"),
    "request-in-flight": Kind(409, "The same request is still being served"),
    "rate-limited": Kind(429, "Too many requests from this API key"),
    "overloaded": Kind(503, "Too many requests are waiting"),
    "not-ready": Kind(503, "Not ready"),
    "unauthenticated": Kind(401, "API key missing or not valid"),
    "forbidden": Kind(403, "Not allowed for this API key"),
    "not-found": Kind(404, "Not found"),
    "method-not-allowed": Kind(405, "Method not allowed"),
    "malformed-request": Kind(400, "Malformed request"),
    "body-too-large": Kind(413, "Body too large"),
    "invalid-request": Kind(422, "Invalid request"),
    "internal-error": Kind(500, "Internal error"),
}
CODE_FOR_STATUS = {
    400: "malformed-request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    413: "body-too-large",
    422: "invalid-request",
    429: "rate-limited",
}
RETRY_AFTER_S = 1
RETRY_LATER = {"overloaded", "not-ready", "request-in-flight", "rate-limited"}
_CHALLENGE = (b"www-authenticate", b'Bearer realm="ticketsite"')


class Problem(Answer):
    """An answer that is a problem already."""


def problem(
    code: str,
    detail: str,
    *,
    headers: RawHeaders = (),
    retry_after_s: int = RETRY_AFTER_S,
    **extensions: Any,
) -> Problem:
    """Build the answer for one row of the table; `detail` is for people, `code` for programs."""
    kind = KINDS[code]
    all_headers = [(b"content-type", CONTENT_TYPE.encode()), *headers]
    if code in RETRY_LATER:
        all_headers.append((b"retry-after", b"%d" % retry_after_s))
    if kind.status == 401:
        all_headers.append(_CHALLENGE)
    body = _as_json(problem_body(code, detail, **extensions))
    return Problem(body, status=kind.status, headers=all_headers)


def _as_json(body: dict[str, Any]) -> bytes:
    try:
        return to_json(body)  # in a third of the time, and an on-sale is mostly refusals
    except ValueError:  # half a surrogate pair, which somebody sent and `detail` repeats
        return json.dumps(body).encode()


def problem_body(code: str, detail: str, **extensions: Any) -> dict[str, Any]:
    """Return the members of RFC 9457, and ours after them."""
    kind = KINDS[code]
    return {
        "type": TYPE_BASE + code,
        "title": kind.title,
        "status": kind.status,
        "code": code,
        "detail": detail,
        **extensions,
    }


def as_problem(response: HttpResponse, *, method: str) -> HttpResponse:
    """Turn an error that Ninja or Django worded by itself into the documented shape.

    OPTIONS is such an error for them: here it tells what the path allows.
    """
    status = response.status_code
    if status < 400 or isinstance(response, Problem):
        return response
    if status != 405:
        return problem(CODE_FOR_STATUS.get(status, "internal-error"), _detail(response))
    allow = [(b"allow", _allowed(response).encode())]
    if method == "OPTIONS":
        return Answer(status=204, headers=allow)
    return problem("method-not-allowed", f"{method} is not for this.", headers=allow)


def _allowed(response: HttpResponse) -> str:
    """List what a path allows: what Ninja knows, and what this handler answers by itself."""
    allowed = {method.strip() for method in response.get("Allow", "").split(",")}
    return ", ".join(sorted(allowed | {"OPTIONS"} | ({"HEAD"} if "GET" in allowed else set())))


def _detail(response: HttpResponse) -> str:
    try:
        return str(json.loads(response.content)["detail"])
    except (ValueError, KeyError, TypeError):
        return response.reason_phrase
