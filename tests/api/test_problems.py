"""Errors and headers that every path under /api/v1 shares."""

import json
import logging
import re
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError

from tests.api.asgi import send
from tests.api.problems import problem_in
from tests.conftest import Api, make_vacancy
from tickets import till
from ticketsite.asgi import application
from vacancy.models import Vacancy

BUY = "/api/v1/purchase"  # the short form: the shortest way to a body
LIMIT = 64 * 1024


def with_length(value: bytes) -> list[tuple[bytes, bytes]]:
    """Announce a body of this many bytes."""
    return [(b"content-length", value)]


class TestUnknownPath:
    """404, always as a problem."""

    @pytest.mark.parametrize(
        "path",
        ["", "/", "/nothing", "/purchases/", "/health/", "//health", "/vacancies/1/tickets"],
    )
    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
    def test_unknown_path_is_not_found(self, anonymous_api: Api, method: str, path: str) -> None:
        """No redirect to a path with or without its slash either."""
        problem_in(anonymous_api(method, path), "not-found")

    @pytest.mark.parametrize("path", ["/admin/", "/admin/login/", "/", "/api/v10/health", "/api"])
    def test_api_role_serves_nothing_else(self, path: str) -> None:
        """The admin is not on this port."""
        answer = send("GET", path)

        assert answer
        problem_in(answer, "not-found")

    def test_path_that_is_not_utf8_is_answered(self) -> None:
        """Servers hand over what they could decode, as replacement characters or surrogates."""
        for path in ("/api/v1/\udcff", "/api/v1/vacancies/\ufffd"):
            answer = send("GET", "/api/v1/", path_as_decoded=path)
            assert answer
            assert answer.status in {400, 404, 422}
            assert answer.headers["content-type"] == "application/problem+json"

    @pytest.mark.parametrize("query", [b"vacancy=\xff\xfe", b"\xff"])
    def test_query_that_is_not_utf8_is_malformed(self, query: bytes) -> None:
        """Raw bytes that a server passed on."""
        answer = send("GET", "/api/v1/available", query=query)

        assert answer
        problem_in(answer, "malformed-request")

    def test_query_of_too_many_fields_is_malformed(self) -> None:
        """Django gives up at a thousand: the caller's mistake, not ours."""
        answer = send("GET", "/api/v1/available", query=b"a&" * 2000)

        assert answer
        problem_in(answer, "malformed-request")


class TestMethods:
    """405 says what is allowed; HEAD is GET without the body."""

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("POST", "/health", "GET, HEAD, OPTIONS"),
            ("DELETE", "/vacancies", "GET, HEAD, OPTIONS"),
            ("PATCH", "/available", "GET, HEAD, OPTIONS"),
            ("PUT", "/purchases", "GET, HEAD, OPTIONS, POST"),
            ("HEAD", "/purchase", "OPTIONS, POST"),
            ("GET", "/purchase", "OPTIONS, POST"),
            ("BREW", "/reserve", "OPTIONS, POST"),
            ("POST", "/docs", "GET, HEAD, OPTIONS"),
            ("POST", "/problems/sold-out", "GET, HEAD, OPTIONS"),
            ("DELETE", "/openapi.json", "GET, HEAD, OPTIONS"),
        ],
    )
    def test_other_method_is_refused_with_allow(
        self, anonymous_api: Api, method: str, path: str, allowed: str
    ) -> None:
        """The header names each method that works."""
        response = anonymous_api(method, path)

        assert response.status_code == 405
        assert response.headers["allow"] == allowed
        if method != "HEAD":
            problem_in(response, "method-not-allowed")

    @pytest.mark.parametrize(
        ("path", "allowed"),
        [("/vacancies/1", "GET, HEAD, OPTIONS"), ("/purchases", "GET, HEAD, OPTIONS, POST")],
    )
    def test_options_tells_what_is_allowed(
        self, anonymous_api: Api, path: str, allowed: str
    ) -> None:
        """Without a body, without a key, and without looking at the database."""
        response = anonymous_api("OPTIONS", path)

        assert (response.status_code, response.content) == (204, b"")
        assert response.headers["allow"] == allowed

    def test_options_of_nothing_is_not_found(self, anonymous_api: Api) -> None:
        """Nothing is allowed there."""
        problem_in(anonymous_api("OPTIONS", "/nothing"), "not-found")

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("path", ["/health", "/vacancies", "/vacancies/{id}", "/available"])
    def test_head_is_get_without_the_body(
        self, anonymous_api: Api, vacancy: Vacancy, path: str
    ) -> None:
        """Same status and headers, the length of what GET would say."""
        path = path.format(id=vacancy.pk)
        get = anonymous_api("GET", path)

        head = anonymous_api("HEAD", path)

        own = {"x-request-id", "server-timing"}
        assert (head.status_code, head.content) == (200, b"")
        assert {k: v for k, v in head.headers.items() if k not in own} == {
            k: v for k, v in get.headers.items() if k not in own
        }

    def test_head_of_an_error_has_no_body(self) -> None:
        """Inside and outside /api/v1."""
        for path in ("/api/v1/nothing", "/elsewhere"):
            answer = send("HEAD", path)
            assert answer
            assert (answer.status, answer.content) == (404, b"")


class TestBodies:
    """What cannot be read is refused before anything is asked of the database."""

    @pytest.mark.parametrize(
        "content",
        [
            b"{",
            b"qty=1",
            b'{"qty": 1}}',
            b"{'qty': 1}",
            b'{"qty": 1, }',
            b"\xff\xfe\x00",
            b'{"qty": "\xff"}',
            b"[" * 60_000,
            b'{"qty": ' + b"9" * 5000 + b"}",
            b"\x00",
            b" ",
        ],
        ids=lambda content: repr(content[:16]),
    )
    def test_body_that_is_no_json_is_malformed(self, anonymous_api: Api, content: bytes) -> None:
        """Whatever is wrong with it."""
        problem_in(anonymous_api("POST", "/purchase", content=content), "malformed-request")

    @pytest.mark.parametrize("content", [b"[]", b"1", b'"qty"', b"null", b"NaN", b'{"qty": NaN}'])
    def test_json_that_is_no_request_is_invalid(self, anonymous_api: Api, content: bytes) -> None:
        """JSON of another shape."""
        problem_in(anonymous_api("POST", "/purchase", content=content), "invalid-request")

    def test_fields_are_named_as_the_caller_named_them(self, anonymous_api: Api) -> None:
        """Nothing of how the code calls its arguments."""
        body = problem_in(anonymous_api("POST", "/purchase", json={"qty": 0}), "invalid-request")

        assert [error["field"] for error in body["errors"]] == ["body.qty"]
        assert body["detail"].startswith("body.qty: ")

    def test_announced_body_over_the_limit_is_refused_unread(self) -> None:
        """By the announcement alone."""
        answer = send("POST", BUY, headers=with_length(b"65537"), parts=[b"{}"])

        assert answer
        problem_in(answer, "body-too-large")
        assert answer.reads == 0

    def test_streamed_body_over_the_limit_is_refused_while_it_comes(self) -> None:
        """Without a Content-Length; the rest stays unread."""
        answer = send("POST", BUY, parts=[b" " * 40_000] * 50)

        assert answer
        problem_in(answer, "body-too-large")
        assert answer.reads == 2

    def test_wrong_announcement_does_not_help(self) -> None:
        """A body longer than announced meets the same limit."""
        answer = send("POST", BUY, headers=with_length(b"2"), parts=[b" " * 40_000] * 2)

        assert answer
        problem_in(answer, "body-too-large")

    @pytest.mark.django_db(transaction=True)
    def test_body_at_the_limit_is_read(self) -> None:
        """64 KiB exactly, in many parts."""
        make_vacancy(is_default=True)
        content = b"{}".ljust(LIMIT)

        answer = send(
            "POST",
            BUY,
            headers=with_length(b"65536"),
            parts=[content[at : at + 1000] for at in range(0, LIMIT, 1000)],
        )

        assert answer
        assert json.loads(answer.content)["success"] is True

    @pytest.mark.parametrize(
        "value", [b"abc", b"-1", b"+2", b"1.5", b"2, 2", b"", b"0x2", b"\xb2", b"1_0"]
    )
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_content_length_that_is_no_number_is_malformed(self, method: str, value: bytes) -> None:
        """Servers usually refuse these themselves; we do not depend on it."""
        path = BUY if method == "POST" else "/api/v1/health"

        answer = send(method, path, headers=with_length(value), parts=[b"{}"])

        assert answer
        problem_in(answer, "malformed-request")

    def test_content_length_of_thousands_of_digits_is_too_large(self) -> None:
        """More digits than Python likes to read."""
        answer = send("POST", BUY, headers=with_length(b"9" * 5000), parts=[b"{}"])

        assert answer
        problem_in(answer, "body-too-large")

    @pytest.mark.django_db(transaction=True)
    def test_caller_who_hangs_up_early_is_not_answered_and_buys_nothing(self) -> None:
        """Half a body is no request, even if it could be read as one."""
        vacancy = make_vacancy(is_default=True)

        answer = send("POST", BUY, parts=[b"{}"], hangs_up=True)

        vacancy.refresh_from_db()
        assert answer is None
        assert vacancy.available == 10


class TestFaults:
    """What goes wrong on our side."""

    @pytest.fixture
    def fails_with(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        """Make every look at a vacancy and every sale fail."""

        def set_up(error: Exception) -> None:
            def fail(**_: object) -> None:
                raise error

            monkeypatch.setattr("vacancy.selectors.vacancy_visible", fail)
            monkeypatch.setattr("tickets.selling.serve_together", fail)

        return set_up

    @pytest.mark.django_db(transaction=True)  # the till opens a connection before it sells
    @pytest.mark.parametrize("error", [OperationalError, InterfaceError])
    def test_database_away_is_overloaded(
        self, anonymous_api: Api, fails_with: Any, error: type[Exception]
    ) -> None:
        """503 and when to come again, without the driver's words."""
        fails_with(error("could not connect to db.internal as root:hunter2"))

        for response in (
            anonymous_api("GET", "/available"),
            anonymous_api("POST", "/purchase", json={}),
        ):
            problem_in(response, "overloaded")
            assert response.headers["retry-after"] == "1"
            assert "hunter2" not in response.text

    def test_internal_error_is_a_problem_and_keeps_its_message(
        self, anonymous_api: Api, fails_with: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The caller gets nothing of it; the log gets all of it, with the request's id."""
        fails_with(RuntimeError("hunter2"))

        with caplog.at_level(logging.ERROR, "ticketsite.api"):
            response = anonymous_api("GET", "/available")

        problem_in(response, "internal-error")
        assert "hunter2" not in response.text
        assert "hunter2" in caplog.text
        assert response.headers["x-request-id"] in caplog.text

    def test_till_that_is_full_refuses_at_the_door(
        self, anonymous_api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In the short form too: a queue is no refusal of the sale."""
        monkeypatch.setattr(till.TILL.line, "limit", 0)

        response = anonymous_api("POST", "/purchase", json={})

        problem_in(response, "overloaded")
        assert response.headers["retry-after"] == "1"


class TestHeaders:
    """Every answer carries them."""

    PATHS = ("/health", "/nothing", "/purchase", "/openapi.json")

    @pytest.mark.parametrize("path", PATHS)
    def test_request_id_is_made_where_none_came(self, anonymous_api: Api, path: str) -> None:
        """A new one for each request."""
        ids = [anonymous_api("GET", path).headers["x-request-id"] for _ in range(2)]

        assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in ids)
        assert ids[0] != ids[1]

    @pytest.mark.parametrize(
        "given", ["abc", "7", "a" * 64, "0190b3a4-7f11-7c5e-9d2b-1f0e6c1a2b3c", "req_1.a~b"]
    )
    def test_request_id_that_came_is_sent_back(self, anonymous_api: Api, given: str) -> None:
        """UUIDs in their usual spelling above all."""
        response = anonymous_api("GET", "/health", headers={"X-Request-ID": given})

        assert response.headers["x-request-id"] == given

    @pytest.mark.parametrize(
        "given",
        ["", "a" * 65, "a b", "a\tb", "<script>", "a\x00b", b"\xe4", "a;b", 'a"b'],
        ids=repr,
    )
    def test_request_id_that_could_harm_a_log_is_replaced(
        self, anonymous_api: Api, given: str | bytes
    ) -> None:
        """Too long, or with characters that mean something somewhere."""
        response = anonymous_api("GET", "/health", headers={"X-Request-ID": given})

        assert re.fullmatch(r"[0-9a-f]{32}", response.headers["x-request-id"])

    @pytest.mark.parametrize("path", [*PATHS, "/../../elsewhere"])
    def test_server_timing_tells_the_total(self, anonymous_api: Api, path: str) -> None:
        """In milliseconds; where nothing waited and no database was asked, nothing else."""
        response = anonymous_api("GET", path)

        assert re.fullmatch(r"total;dur=\d+\.\d+", response.headers["server-timing"])
        assert response.headers["x-request-id"]

    @pytest.mark.django_db(transaction=True)
    def test_server_timing_tells_what_the_database_took(
        self, anonymous_api: Api, vacancy: Vacancy
    ) -> None:
        """Apart from the wait for it; never more than the whole."""
        response = anonymous_api("GET", "/available")

        found = re.fullmatch(
            r"total;dur=(\d+\.\d{3}), db;dur=(\d+\.\d{3}), queue;dur=(\d+\.\d{3})",
            response.headers["server-timing"],
        )
        assert found
        total, db, queue = map(float, found.groups())
        assert db > 0
        assert db + queue <= total


class TestWebRole:
    """The web role serves the API too, and only it has the admin."""

    def test_api_is_served_by_the_web_role(self) -> None:
        """The same answers, problems included."""
        health = send("GET", "/api/v1/health", application=application)
        nothing = send("GET", "/api/v1/nothing", application=application)

        assert health
        assert nothing
        assert (health.status, health.content) == (200, b'{"status":"ok"}')
        problem_in(nothing, "not-found")

    @pytest.mark.django_db(transaction=True)
    def test_admin_is_served_by_the_web_role(self) -> None:
        """Its login page, by Django's own handler."""
        answer = send("GET", "/admin/login/", application=application)

        assert answer
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/html")
