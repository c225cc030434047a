"""The OpenAPI document: what Ninja derives from the code, and what only this table knows.

Each operation lists the statuses it can really answer, each status the codes behind it.
"""

import re
from typing import Any

from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from tickets.auth import KeyWithScope, key_or_open, optional_key
from ticketsite.examples import EXAMPLES
from ticketsite.explanations import EXPLANATIONS
from ticketsite.problems import CONTENT_TYPE, KINDS, RETRY_LATER, problem_body

SECURITY_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": (
        "An API key of this site: `Authorization: Bearer tsk_…`. Each has scopes (`buy`, "
        "`check_in`); the operator makes and revokes it."
    ),
}
# What can go wrong beyond what the rules in `_codes` know, by method and path.
SELLING = ("not-found", "not-on-sale", "limit-per-purchase", "sold-out")
CODES_OF = {
    "GET /ready": ("not-ready",),
    "GET /available": ("not-found",),
    "GET /vacancies": ("not-found",),  # a key whose rehearsal is over
    "POST /purchases": SELLING,
    "POST /holds": SELLING,
    "POST /holds/{hold}/confirm": ("hold-expired", "hold-released", "hold-confirmed"),
    "DELETE /holds/{hold}": ("hold-expired", "hold-confirmed"),
    "POST /purchases/{purchase}/cancel": ("already-checked-in",),
    "POST /tickets/{code}/check-in": ("already-checked-in", "purchase-cancelled"),
}
EVERYWHERE = ("malformed-request", "body-too-large", "internal-error")
CACHED = {"GET /vacancies", "GET /vacancies/{vacancy}", "GET /available"}


def _header(description: str, *, example: object, kind: str = "string") -> dict[str, Any]:
    return {"description": description, "schema": {"type": kind}, "example": example}


HEADERS = {
    "X-Request-ID": _header("Yours, or one made here: quote it when you ask.", example="order-17"),
    "Server-Timing": _header(
        "Milliseconds: `total`, `db`, and `queue` for the wait before it.",
        example="total;dur=3.204, db;dur=2.117, queue;dur=0.480",
    ),
    "RateLimit-Policy": _header(
        "`q` requests in `w` seconds (draft-ietf-httpapi-ratelimit-headers-10).",
        example='"key";q=1000;w=1',
    ),
    "RateLimit": _header(
        "`r` requests are left until the next window in `t` seconds.", example='"key";r=999;t=1'
    ),
    "Retry-After": _header("Seconds to wait.", example=1, kind="integer"),
    "ETag": _header("Of this version, weak: send it as `If-None-Match`.", example='W/"3f8a2c"'),
    "Location": _header(
        "Path of what was made.",
        example="/api/v1/purchases/0190b3a4-7f11-4c5e-9d2b-1f0e6c1a2b3c",
    ),
    "WWW-Authenticate": _header("The scheme that is wanted.", example='Bearer realm="ticketsite"'),
}
IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "description": "An `ETag` that you have: the answer is 304 while it is the newest.",
    "schema": {"type": "string"},
    "required": False,
}
PROBLEM_SCHEMA = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457. Programs look at `code`; `detail` is for people; `type` opens.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "enum": sorted(KINDS)},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {"type": "object"},
            "description": "With `invalid-request`: each wrong `field` and a `message`.",
        },
        "available": {
            "type": "integer",
            "description": "With `sold-out` and `limit-per-purchase`: places left.",
        },
        "checked_in_at": {
            "type": "string",
            "format": "date-time",
            "description": "With `already-checked-in`: when.",
        },
        "checks": {
            "type": "object",
            "description": "With `not-ready`: each part by name, `ok` or what is wrong.",
        },
    },
}


class Document(OpenAPISchema):
    """Ninja's document, with problems, headers, security and examples."""

    def operation_details(self, operation: Operation) -> dict[str, Any]:
        """Describe one operation whole."""
        details: dict[str, Any] = super().operation_details(operation)
        [method] = operation.methods
        name = f"{method} {re.sub(r'{[^}:]+:', '{', operation.path)}"
        responses = {str(status): answer for status, answer in details["responses"].items()}
        details["responses"] = responses
        if security := _security(operation):
            details["security"] = security
        _add_examples(details, EXAMPLES.get(name, {}))
        for status, answer in responses.items():
            answer["headers"] = _refer(_headers_of_success(name, status, operation))
        if name in CACHED:
            details["parameters"].append(IF_NONE_MATCH)
            responses["304"] = {"description": "Unchanged", "headers": responses["200"]["headers"]}
        for parameter in details["parameters"]:
            if parameter["name"] == "Idempotency-Key":
                parameter["required"] = _needs_key(operation)
        _add_problems(responses, _codes(name, operation), limited=_is_limited(operation))
        return details

    def get_components(self) -> dict[str, Any]:
        """Add what the operations refer to."""
        components: dict[str, Any] = super().get_components()
        components["schemas"]["Problem"] = PROBLEM_SCHEMA
        components["securitySchemes"] = {"ApiKey": SECURITY_SCHEME}
        components["headers"] = HEADERS
        return components

    def operation_security(self, operation: Operation) -> None:
        """Leave it to `operation_details`: Ninja knows no scopes."""


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    for check in operation.auth_callbacks:
        if isinstance(check, KeyWithScope):
            return [{"ApiKey": [check.scope]}]
        if check is key_or_open:
            return [{"ApiKey": ["buy"]}, {}]
        if check is optional_key:
            return [{}, {"ApiKey": []}]
    return []


def _is_limited(operation: Operation) -> bool:
    return bool(operation.auth_callbacks)


def _needs_key(operation: Operation) -> bool:
    return "short form" not in (operation.tags or ())


def _sources(operation: Operation) -> dict[str, Any]:
    return {str(model.__ninja_param_source__): model for model in operation.models}


def _codes(name: str, operation: Operation) -> set[str]:
    """Return every code that this operation can answer."""
    codes = {*EVERYWHERE, *CODES_OF.get(name, ())}
    sources = _sources(operation)
    if operation.auth_callbacks:
        codes |= {"unauthenticated", "rate-limited", "overloaded"}
    if any(check is not optional_key for check in operation.auth_callbacks):
        codes.add("forbidden")
    if sources:
        codes.add("invalid-request")
    if "path" in sources:
        codes.add("not-found")
    if "header" in sources:
        codes |= {"idempotency-key-reused", "request-in-flight"}
        codes |= {"idempotency-key-missing"} if _needs_key(operation) else set()
    return codes


def _headers_of_success(name: str, status: str, operation: Operation) -> list[str]:
    headers = ["X-Request-ID", "Server-Timing"]
    if _is_limited(operation):
        headers += ["RateLimit-Policy", "RateLimit"]
    if name in CACHED:
        headers.append("ETag")
    if status == "201":
        headers.append("Location")
    return headers


def _refer(headers: list[str]) -> dict[str, dict[str, str]]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in headers}


def _add_examples(details: dict[str, Any], examples: dict[str, Any]) -> None:
    if "body" in examples:
        details["requestBody"]["content"]["application/json"]["example"] = examples["body"]
    for parameter in details["parameters"]:
        # Ninja copies JSON Schema's list of examples, which OpenAPI's parameters do not know.
        parameter.pop("examples", None)
        if parameter["name"] in examples.get("parameters", {}):
            parameter["example"] = examples["parameters"][parameter["name"]]
    if "answer" in examples:
        [success] = (answer for answer in details["responses"].values() if "content" in answer)
        success["content"]["application/json"]["example"] = examples["answer"]


def _add_problems(responses: dict[str, Any], codes: set[str], *, limited: bool) -> None:
    """Document the refusals: one response for each status, one example for each code."""
    by_status: dict[str, list[str]] = {}
    for code in sorted(codes):
        by_status.setdefault(str(KINDS[code].status), []).append(code)
    for status, group in sorted(by_status.items()):
        responses[status] = {
            "description": "; ".join(f"`{code}`: {KINDS[code].title}" for code in group),
            "headers": _refer(_headers_of_problem(group, limited=limited)),
            "content": {
                CONTENT_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "examples": {code: {"value": _example(code)} for code in group},
                }
            },
        }


def _headers_of_problem(codes: list[str], *, limited: bool) -> list[str]:
    headers = ["X-Request-ID", "Server-Timing"]
    if limited and codes != ["unauthenticated"]:
        headers += ["RateLimit-Policy", "RateLimit"]
    if RETRY_LATER & set(codes):
        headers.append("Retry-After")
    if codes == ["unauthenticated"]:
        headers.append("WWW-Authenticate")
    return headers


def _example(code: str) -> dict[str, Any]:
    explanation = EXPLANATIONS[code]
    return problem_body(code, explanation.detail, **explanation.members)
