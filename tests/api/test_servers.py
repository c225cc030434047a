"""The same requests to daphne, uvicorn and granian, as real processes: the same answers."""

import json
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.problems import problem_in
from tests.site import ROOT, end, free_port, site_environment, wait_for

COMMANDS = {
    "daphne": "daphne -v 0 -b 127.0.0.1 -p {port} ticketsite.asgi:application",
    "uvicorn": "uvicorn --log-level warning --host 127.0.0.1 --port {port} "
    "ticketsite.asgi:application",
    "granian": "granian --interface asginl --log-level warning --host 127.0.0.1 --port {port} "
    "ticketsite.asgi:application",
}
LIMIT = 64 * 1024


class Server:
    """One running server: the web role's application, which has the API and everything else."""

    def __init__(self, port: int, key: str, *, waits_for_the_end: bool) -> None:
        self.port = port
        self.waits_for_the_end = waits_for_the_end  # of a body, before the application sees it
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}/api/v1",
            headers={"Authorization": f"Bearer {key}"},
            timeout=60,
        )

    def __call__(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """Send a well-behaved request."""
        return self.client.request(method, path, **kwargs)

    def raw(self, *parts: bytes, stay: bool = True) -> bytes:
        """Send bytes as they are; return the answer's head, or nothing if we did not stay."""
        with closing(socket.create_connection(("127.0.0.1", self.port), timeout=60)) as line:
            try:
                for part in parts:
                    line.sendall(part)
            except OSError:  # a server may hang up on what it has refused already
                assert stay
            answer = b""
            while stay and b"\r\n\r\n" not in answer:
                got = line.recv(65536)
                if not got:
                    break
                answer += got
            return answer

    def sold(self) -> int:
        """Return how many places are gone, past every cache."""
        vacancy = self("GET", "/vacancies/1").json()
        return int(vacancy["capacity"]) - int(vacancy["available"])


def _run(environment: dict[str, str], *command: str) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], str]:
    """A database with the demo data, for one server after the other; and the demo key."""
    folder = tmp_path_factory.mktemp("servers")
    environment = {**os.environ, **site_environment(folder)}
    _run(environment, "migrate", "--verbosity", "0")
    _run(environment, "seed_demo")
    known = json.loads((folder / "var" / "demo.json").read_text())
    return environment, known["api_key"]


@pytest.fixture(scope="module", params=sorted(COMMANDS))
def server(request: pytest.FixtureRequest, shop: tuple[dict[str, str], str]) -> Iterator[Server]:
    """Start one server and wait until it is ready; end it whatever happens."""
    environment, key = shop
    port = free_port()
    words = COMMANDS[request.param].format(port=port).split()
    words[0] = str(Path(sys.executable).parent / words[0])
    process = subprocess.Popen(words, cwd=ROOT, env=environment, text=True, start_new_session=True)
    running = Server(port, key, waits_for_the_end=request.param == "daphne")
    try:
        wait_for(lambda: _is_ready(running), what=f"{request.param} to be ready")
        yield running
    finally:
        running.client.close()
        end(process)


def _is_ready(server: Server) -> bool:
    try:
        return server("GET", "/ready").status_code == 200
    except httpx.TransportError:
        return False


class TestReading:
    """GET, HEAD, OPTIONS."""

    def test_answer_has_its_headers(self, server: Server) -> None:
        """Ours, once each, and a length."""
        response = server("GET", "/available", headers={"X-Request-ID": "mine"})

        assert response.status_code == 200
        assert response.headers["x-request-id"] == "mine"
        assert response.headers["ratelimit-policy"].startswith('"key";q=')
        assert response.headers["server-timing"].startswith("total;dur=")
        assert response.headers["content-length"] == str(len(response.content))
        assert "transfer-encoding" not in response.headers

    def test_head_has_the_length_and_no_body(self, server: Server) -> None:
        """And the connection can be used again."""
        get = server("GET", "/vacancies/2")
        head = server("HEAD", "/vacancies/2")
        again = server("GET", "/health")

        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == get.headers["content-length"]
        assert again.json() == {"status": "ok"}

    def test_known_version_is_304(self, server: Server) -> None:
        """Without a body."""
        etag = server("GET", "/vacancies/2").headers["etag"]

        response = server("GET", "/vacancies/2", headers={"If-None-Match": etag})

        assert (response.status_code, response.content) == (304, b"")
        assert server("GET", "/health").status_code == 200

    def test_document_is_packed(self, server: Server) -> None:
        """Once: no server packs it again."""
        response = server("GET", "/openapi.json", headers={"Accept-Encoding": "gzip"})

        assert response.headers["content-encoding"] == "gzip"
        assert response.json()["openapi"].startswith("3.")

    def test_options_is_answered(self, server: Server) -> None:
        """204 and what is allowed."""
        response = server("OPTIONS", "/vacancies/1")

        assert (response.status_code, response.content) == (204, b"")
        assert response.headers["allow"] == "GET, HEAD, OPTIONS"

    def test_path_is_decoded(self, server: Server) -> None:
        """Percent-encoding is the same path."""
        assert server("GET", "/vacancies/%32").json()["id"] == 2

    @pytest.mark.parametrize(
        ("method", "path", "code"),
        [
            ("GET", "/nothing", "not-found"),
            ("DELETE", "/health", "method-not-allowed"),
            ("GET", "/available?vacancy=x", "invalid-request"),
            ("GET", "/available?vacancy=%ff", "invalid-request"),
        ],
    )
    def test_error_is_a_problem(self, server: Server, method: str, path: str, code: str) -> None:
        """Whatever the server thinks of it."""
        problem_in(server(method, path), code)


class TestBodies:
    """POST, as clients do it and as they should not."""

    def test_chunked_body_is_read(self, server: Server) -> None:
        """Without a Content-Length."""
        response = server(
            "POST",
            "/purchase",
            content=iter([b'{"qty"', b": 1}"]),
            headers={"Content-Type": "application/json"},
        )

        assert response.json()["success"] is True

    def test_purchase_can_be_repeated(self, server: Server) -> None:
        """201, where it is, and the same again."""
        body = {"vacancy": 1, "qty": 1}
        headers = {"Idempotency-Key": str(uuid.uuid4())}

        first, again = (server("POST", "/purchases", json=body, headers=headers) for _ in range(2))

        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json()
        assert first.headers["location"] == f"/api/v1/purchases/{first.json()['id']}"

    def test_announced_body_over_the_limit_is_refused_at_once(self, server: Server) -> None:
        """Before the body comes, unless the server itself waits for it."""
        body = b" " * (LIMIT + 1) if server.waits_for_the_end else b""

        head = server.raw(_head(server, b"content-length: %d" % (LIMIT + 1)), body)

        assert head.startswith(b"HTTP/1.1 413 ")
        assert b"application/problem+json" in head

    def test_chunked_body_over_the_limit_is_refused_while_it_comes(self, server: Server) -> None:
        """Its end never comes, unless the server itself waits for it."""
        chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
        the_end = b"0\r\n\r\n" if server.waits_for_the_end else b""

        head = server.raw(_head(server, b"transfer-encoding: chunked"), *[chunk] * 5, the_end)

        assert head.startswith(b"HTTP/1.1 413 ")

    @pytest.mark.parametrize("value", [b"abc", b"-1"])
    def test_length_that_is_none_is_malformed(self, server: Server, value: bytes) -> None:
        """Refused by the server or by us."""
        head = server.raw(_head(server, b"content-length: " + value), b"{}")

        assert head.startswith(b"HTTP/1.1 400 ")

    def test_caller_who_hangs_up_early_buys_nothing(self, server: Server) -> None:
        """Half a body is no request, and the server lives on."""
        before = server.sold()

        server.raw(_head(server, b"content-length: 100"), b'{"qty": 1}', stay=False)

        wait_for(lambda: server("GET", "/health").status_code == 200, what="life")
        assert server("POST", "/purchase", json={"qty": 1}).json()["success"] is True
        wait_for(lambda: server.sold() > before, what="the cache to see the sale")
        assert server.sold() == before + 1


class TestTheRest:
    """What the lean way in leaves alone."""

    def test_admin_is_served(self, server: Server) -> None:
        """By Django's own handler, with its cookie."""
        page = httpx.get(f"http://127.0.0.1:{server.port}/admin/login/", timeout=60)

        assert page.status_code == 200
        assert "csrftoken" in page.cookies

    def test_stranger_is_refused_a_websocket(self, server: Server) -> None:
        """By the consumer: the handshake came as far as that."""
        head = server.raw(
            b"GET /ws/runs/1/ HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n" % server.port,
            b"origin: http://127.0.0.1:%d\r\n" % server.port,
            b"connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n",
            b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )

        assert head.startswith(b"HTTP/1.1 403 ")


def _head(server: Server, *lines: bytes) -> bytes:
    common = (
        b"POST /api/v1/purchase HTTP/1.1",
        b"host: 127.0.0.1:%d" % server.port,
        b"content-type: application/json",
    )
    return b"\r\n".join([*common, *lines, b"", b""])
