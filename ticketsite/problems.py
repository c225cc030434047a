"""Errors as problem+json (RFC 9457): one table, one shape, everywhere under /api/v1."""

import json
from typing import Any, NamedTuple

from django.http import HttpResponse

CONTENT_TYPE = "application/problem+json"
TYPE_BASE = "/api/v1/docs#problem-"  # a relative reference, as RFC 9457, 3.1.1 allows


class Kind(NamedTuple):
    """One row of the table."""

    status: int
    title: str


KINDS = {
    "sold-out": Kind(409, "Sold out"),
    "not-on-sale": Kind(409, "Not on sale"),
    "limit-per-purchase": Kind(422, "Over the limit for one purchase"),
    "hold-expired": Kind(410, "Hold expired"),
    "hold-released": Kind(410, "Hold released"),
    "hold-confirmed": Kind(409, "Hold confirmed already"),
    "already-checked-in": Kind(409, "Ticket checked in already"),
    "purchase-cancelled": Kind(409, "Purchase cancelled"),
    "request-in-flight": Kind(409, "The first request is still running"),
    "idempotency-key-missing": Kind(400, "Idempotency-Key header missing"),
    "idempotency-key-reused": Kind(422, "Idempotency key used for another request"),
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
}
RETRY_AFTER_S = 1


def problem(code: str, detail: str, **extensions: Any) -> HttpResponse:
    """Build the answer for one row of the table; `detail` is for people, `code` for programs."""
    kind = KINDS[code]
    body = {
        "type": TYPE_BASE + code,
        "title": kind.title,
        "status": kind.status,
        "code": code,
        "detail": detail,
        **extensions,
    }
    response = HttpResponse(json.dumps(body), status=kind.status, content_type=CONTENT_TYPE)
    if kind.status == 503:
        response["Retry-After"] = str(RETRY_AFTER_S)
    if kind.status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="ticketsite"'
    return response
