"""The documented errors, written down a second time: a change of the product's table is noticed."""

import json
from typing import Any

STATUS = {
    "sold-out": 409,
    "not-on-sale": 409,
    "limit-per-purchase": 422,
    "hold-expired": 410,
    "hold-released": 410,
    "hold-confirmed": 409,
    "already-checked-in": 409,
    "purchase-cancelled": 409,
    "idempotency-key-missing": 400,
    "idempotency-key-reused": 422,
    "request-in-flight": 409,
    "rate-limited": 429,
    "overloaded": 503,
    "not-ready": 503,
    "unauthenticated": 401,
    "forbidden": 403,
    "not-found": 404,
    "method-not-allowed": 405,
    "malformed-request": 400,
    "body-too-large": 413,
    "invalid-request": 422,
    "internal-error": 500,
}


def problem_in(response: Any, code: str) -> dict[str, Any]:
    """Return the body of an answer that must be this problem, in the documented shape."""
    status = response.status_code if hasattr(response, "status_code") else response.status
    assert response.headers["content-type"] == "application/problem+json", response.content
    body: dict[str, Any] = json.loads(response.content)
    assert (status, body["code"]) == (STATUS[code], code), body
    assert body["status"] == status
    assert body["type"] == f"/api/v1/problems/{code}"
    assert body["title"]
    assert body["detail"]
    return body
