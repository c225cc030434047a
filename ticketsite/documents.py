"""What the API says of itself: its OpenAPI document, and a page for each type of problem."""

import json
from functools import cache
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import path
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe

from ticketsite.api import PREFIX, api
from ticketsite.explanations import EXPLANATIONS
from ticketsite.problems import KINDS, problem
from vacancy.answers import JSON, Ready

HTML = b"text/html; charset=utf-8"
# The pages have one style element and nothing else that a browser would load or run.
HEADERS = (
    (b"cache-control", b"max-age=3600"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
    (b"x-content-type-options", b"nosniff"),
)


@require_safe
async def openapi_document(request: HttpRequest) -> HttpResponse:
    """Return the OpenAPI document; Ninja's own view would make it anew in a thread each time."""
    return _openapi().to(request)


@require_safe
async def problem_page(request: HttpRequest, code: str) -> HttpResponse:
    """Explain one type of problem to the person who follows its `type`."""
    if code not in KINDS:
        raise Http404
    return _problem_page(code).to(request)


@require_safe
async def problem_index(request: HttpRequest) -> HttpResponse:
    """List all types of problems."""
    return _problem_index().to(request)


@cache
def _openapi() -> Ready:
    schema = api.get_openapi_schema(path_prefix=PREFIX + "/")
    return Ready.of(json.dumps(schema).encode(), headers=HEADERS[:1], kind=JSON[1])


@cache
def _problem_index() -> Ready:
    rows = [{"code": code, **kind._asdict()} for code, kind in sorted(KINDS.items())]
    return _page("api/problems.html", {"problems": rows})


@cache
def _problem_page(code: str) -> Ready:
    explanation = EXPLANATIONS[code]
    example = problem(code, explanation.detail, **explanation.members)
    context = {
        **KINDS[code]._asdict(),
        "code": code,
        "cause": _with_code(explanation.cause),
        "remedy": _with_code(explanation.remedy),
        "headers": [b": ".join(header).decode() for header in example.raw_headers],
        "example": json.dumps(json.loads(example.content), indent=2, ensure_ascii=False),
    }
    return _page("api/problem.html", context)


def _page(template: str, context: dict[str, Any]) -> Ready:
    text = render_to_string(template, context)
    return Ready.of(text.encode(), headers=HEADERS, kind=HTML)


def _with_code(text: str) -> SafeString:
    """Mark what stands between backticks as code."""
    parts = escape(text).split("`")
    marked = (f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(parts))
    return mark_safe("".join(marked))  # noqa: S308  # escaped above


urls = [
    path("openapi.json", openapi_document, name="openapi"),
    path("problems", problem_index, name="problems"),
    path("problems/<slug:code>", problem_page, name="problem"),
]
