"""What the lean way in saves: no thread, and requests and responses that are filled in late."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import asgiref.sync
import pytest
from asgiref.sync import async_to_sync
from django.core.handlers.asgi import ASGIRequest
from django.utils import timezone

from tests.api.asgi import call
from tests.conftest import Api, make_vacancy
from tickets import services as tickets
from ticketsite.api import api as ninja_api
from ticketsite.asgi import api_application
from ticketsite.request import ApiRequest
from vacancy.answers import Answer, headers_to_send
from vacancy.models import Vacancy

SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "POST",
    "path": "/api/v1/purchases",
    "query_string": b"a=1&a=2",
    "headers": [
        (b"host", b"testserver:81"),
        (b"content-type", b"application/json; charset=utf-8"),
        (b"content-length", b"2"),
        (b"x-two", b"1"),
        (b"x-two", b"2"),
        (b"x_spoofed", b"1"),
        (b"cookie", b"a=b"),
    ],
    "client": ("10.0.0.1", 5),
    "server": ("127.0.0.1", 81),
    "scheme": "https",
}


async def _nothing() -> Any:
    raise AssertionError("nobody reads here")


def _light() -> Any:
    request: Any = ApiRequest(SCOPE, _nothing)  # type: ignore[arg-type]
    request._body = b"{}"
    return request


@pytest.mark.django_db(transaction=True)
class TestNoThread:
    """The hot path stays on the event loop."""

    @pytest.fixture
    def threads(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Whoever hands work to a thread is written down."""
        seen: list[str] = []
        submit = ThreadPoolExecutor.submit

        def watch(pool: Any, job: Any, *args: Any, **kwargs: Any) -> Any:
            seen.append(f"{pool._thread_name_prefix}: {job}")
            return submit(pool, job, *args, **kwargs)

        hop = asgiref.sync.SyncToAsync.__call__

        async def watch_hop(job: Any, *args: Any, **kwargs: Any) -> Any:
            seen.append(f"sync_to_async: {job.func}")
            return await hop(job, *args, **kwargs)

        monkeypatch.setattr(ThreadPoolExecutor, "submit", watch)
        monkeypatch.setattr(asgiref.sync.SyncToAsync, "__call__", watch_hop)
        return seen

    @pytest.mark.parametrize(
        ("method", "path", "body", "status"),
        [
            ("GET", "/available", None, 200),
            ("GET", "/vacancies", None, 200),
            ("GET", "/nothing", None, 404),
            ("GET", "/problems/sold-out", None, 200),
            ("GET", "/openapi.json", None, 200),
            ("POST", "/purchase", {"qty": 1}, 200),
            ("POST", "/purchases", {"qty": 0}, 422),
        ],
    )
    def test_warm_answers_and_refusals_use_no_thread(
        self, threads: list[str], method: str, path: str, body: Any, status: int
    ) -> None:
        """The second time, in the same second: a sold-out refusal and errors too."""
        make_vacancy(capacity=1, available=0, sold=1, is_default=True)
        _, secret = tickets.key_create(name="shop", now=timezone.now())
        headers = [
            (b"authorization", f"Bearer {secret}".encode()),
            (b"content-type", b"application/json"),
        ]
        content = b"" if body is None else json.dumps(body).encode()

        async def ask_twice() -> tuple[list[Any], list[str]]:
            answers = []
            for _ in range(2):
                threads.clear()
                answers.append(await call(method, f"/api/v1{path}", headers, [content]))
            return answers, list(threads)

        # On a bare loop: async_to_sync has a thread of its own.
        (cold, warm), used_when_warm = asyncio.run(ask_twice())

        assert cold.status == warm.status == status
        assert used_when_warm == []

    def test_cold_read_uses_the_lane_alone(self, threads: list[str], vacancy: Vacancy) -> None:
        """So that the test above can see a thread at all."""
        asyncio.run(call("GET", "/api/v1/available", [], [b""]))

        assert [name.partition(":")[0] for name in threads] == ["lane-reads"]


class TestRequest:
    """ApiRequest, filled in late, is what Django would have made."""

    @pytest.mark.parametrize(
        "name", ["META", "content_type", "content_params", "path_info", "method"]
    )
    def test_attribute_is_as_django_makes_it(self, name: str) -> None:
        """Each one, looked at first."""
        usual = ASGIRequest(SCOPE, BytesIO(b"{}"))

        assert getattr(_light(), name) == getattr(usual, name)

    def test_methods_work(self) -> None:
        """Those that middleware calls."""
        usual = ASGIRequest(SCOPE, BytesIO(b"{}"))
        light = _light()

        assert (light.get_host(), light.is_secure()) == (usual.get_host(), True)
        assert light.GET == usual.GET
        assert light.COOKIES == {"a": "b"}
        assert light.body == usual.body

    @pytest.mark.parametrize("name", ["X-Two", "x-two", "HOST", "X-Spoofed", "x_spoofed", "none"])
    def test_headers_are_those_of_django(self, name: str) -> None:
        """In any case; repeated ones joined, ambiguous ones dropped."""
        usual = ASGIRequest(SCOPE, BytesIO(b"{}"))

        assert _light().headers.get(name) == usual.headers.get(name)
        assert (name in _light().headers) == (name in usual.headers)

    def test_what_no_request_has_is_missing(self) -> None:
        """And not looked for without end."""
        light = _light()

        assert not hasattr(light, "user")
        assert not hasattr(light, "session")


class TestAnswer:
    """Answer, filled in late, is a Django response."""

    def test_untouched_answer_is_sent_as_it_was_made(self) -> None:
        """Byte by byte."""
        headers = [(b"content-type", b"text/plain"), (b"etag", b'"x"')]

        assert headers_to_send(Answer(b"hello", headers=headers)) == headers

    def test_header_can_be_set(self) -> None:
        """By middleware: what was there stays."""
        answer = Answer(b"hello", status=201)

        answer["X-More"] = "1"

        assert sorted(headers_to_send(answer)) == [
            (b"content-type", b"application/json"),
            (b"x-more", b"1"),
        ]
        assert (answer.status_code, answer.content) == (201, b"hello")

    def test_headers_without_a_content_type_stay_without(self) -> None:
        """A 304 must not bring one."""
        answer = Answer(status=304, headers=[(b"etag", b'"x"')])

        assert dict(answer.items()) == {"etag": '"x"'}

    def test_content_and_status_can_be_replaced(self) -> None:
        """As Ninja does with the response that it makes for an endpoint."""
        response: Any = ninja_api.create_temporal_response(_light())

        response.status_code = 202
        response.content = b"{}"

        assert (response.status_code, response.content) == (202, b"{}")
        assert response["Content-Type"] == "application/json"

    def test_what_no_response_has_is_missing(self) -> None:
        """And not looked for without end."""
        assert not hasattr(Answer(), "nothing")


def test_caller_who_leaves_while_served_harms_nobody(anonymous_api: Api) -> None:
    """Servers cancel the task: the next request is answered as ever."""

    async def leave() -> bool:
        async def never() -> Any:
            await asyncio.Event().wait()

        task = asyncio.create_task(api_application({**SCOPE}, never, _nothing))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert async_to_sync(leave)()
    assert anonymous_api("GET", "/health").status_code == 200
