"""The pages behind `type`: one for each code, readable without internet."""

import json
import re
from html import unescape

import pytest

from tests.api.problems import STATUS, problem_in
from tests.conftest import Api
from ticketsite.explanations import EXPLANATIONS
from ticketsite.problems import KINDS

CODES = sorted(STATUS)


def test_every_code_of_the_table_has_a_page() -> None:
    """And no page explains what does not exist."""
    assert set(KINDS) == set(EXPLANATIONS) == set(CODES)


@pytest.mark.parametrize("code", CODES)
class TestPage:
    """GET /problems/{code}."""

    def test_type_opens_a_page_for_people(self, anonymous_api: Api, code: str) -> None:
        """Why it happened, what to do, and how it looks."""
        page = anonymous_api("GET", f"/problems/{code}")

        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        for heading in ("Why you got it", "What to do", "How it looks"):
            assert f"<h2>{heading}</h2>" in page.text

    def test_example_is_a_body_of_this_problem(self, anonymous_api: Api, code: str) -> None:
        """With the status and the type of the table."""
        page = anonymous_api("GET", f"/problems/{code}")

        shown = re.search(r"<pre>.*?(\{.*\})</pre>", page.text, re.DOTALL)
        assert shown
        body = json.loads(unescape(shown[1]))
        assert (body["code"], body["status"]) == (code, STATUS[code])
        assert body["type"] == f"/api/v1/problems/{code}"

    def test_page_loads_nothing(self, anonymous_api: Api, code: str) -> None:
        """No script, no picture, no other host; and a browser is told so."""
        page = anonymous_api("GET", f"/problems/{code}")

        assert not re.search(r"<script|<img|<link|src=|https?://|url\(", page.text)
        assert page.headers["content-security-policy"].startswith("default-src 'none'")


def test_type_of_a_real_answer_opens(anonymous_api: Api) -> None:
    """Followed as a program would follow a reference: relative to what was asked."""
    answer = anonymous_api("GET", "/nothing")
    body = problem_in(answer, "not-found")

    page = anonymous_api("GET", body["type"].removeprefix("/api/v1"))

    assert "<h1>Not found</h1>" in page.text


def test_index_links_every_page(anonymous_api: Api) -> None:
    """In the order of their names."""
    page = anonymous_api("GET", "/problems")

    assert re.findall(r'href="/api/v1/problems/([a-z-]+)"', page.text) == CODES


def test_page_of_no_code_is_not_found(anonymous_api: Api) -> None:
    """As a problem, like every unknown path."""
    problem_in(anonymous_api("GET", "/problems/no-such-code"), "not-found")


def test_page_is_kept_by_caches(anonymous_api: Api) -> None:
    """And not sent again to those who have it."""
    page = anonymous_api("GET", "/problems/sold-out")

    again = anonymous_api(
        "GET", "/problems/sold-out", headers={"If-None-Match": page.headers["etag"]}
    )

    assert page.headers["cache-control"] == "max-age=3600"
    assert (again.status_code, again.content) == (304, b"")
