"""The API's description of itself, and the page that shows it without internet."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.api.asgi import send
from tests.api.problems import STATUS
from tests.conftest import Api

# A request may look whether its thread still has a connection, and looking opens one.
pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(rb"""(?:src|href|url)\s*[=:]\s*["']([^"']+)["']""")


@pytest.fixture
def document(anonymous_api: Api) -> Any:
    """What the server says of itself."""
    return anonymous_api("GET", "/openapi.json").json()


def operations(document: Any) -> list[tuple[str, str, Any]]:
    """Return each path, method and operation."""
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


class TestDocument:
    """GET /openapi.json."""

    def test_snapshot_is_what_the_server_says(self, document: Any) -> None:
        """docs/openapi.json is the served document, member by member."""
        assert json.loads((ROOT / "docs" / "openapi.json").read_text()) == document

    def test_every_call_is_described(self, document: Any) -> None:
        """Every path of the API and nothing else."""
        prefix = "/api/v1"
        assert {
            (method, path.removeprefix(prefix)) for path, method, _ in operations(document)
        } == {
            ("get", "/health"),
            ("get", "/ready"),
            ("get", "/vacancies"),
            ("get", "/vacancies/{vacancy}"),
            ("get", "/available"),
            ("post", "/purchases"),
            ("get", "/purchases"),
            ("post", "/purchases/{purchase}/cancel"),
            ("post", "/holds"),
            ("get", "/holds/{hold}"),
            ("delete", "/holds/{hold}"),
            ("post", "/holds/{hold}/confirm"),
            ("get", "/tickets/{code}"),
            ("post", "/tickets/{code}/check-in"),
            ("get", "/purchases/{purchase}"),
            ("post", "/purchase"),
            ("post", "/reserve"),
        }

    def test_every_code_is_documented(self, document: Any) -> None:
        """A program can be written from the document alone."""
        problem = document["components"]["schemas"]["Problem"]

        assert set(problem["properties"]["code"]["enum"]) == set(STATUS)


class TestPage:
    """GET /docs."""

    # WhiteNoise's files are read by Django in one go, which is fine for scripts of this size.
    @pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators")
    def test_page_loads_only_what_this_server_has(self, anonymous_api: Api) -> None:
        """Each address in it is local, and each static file is served by the api role."""
        page = anonymous_api("GET", "/docs")

        links = [urlsplit(link.decode()) for link in LINK.findall(page.content)]
        files = {link.path for link in links if link.path.startswith("/static/")}
        assert page.status_code == 200
        assert not [link for link in links if link.netloc or link.scheme]
        assert len(files) >= 2
        for path in sorted(files):
            answer = send("GET", path)
            assert answer
            assert (answer.status, bool(answer.content)) == (200, True), path

    def test_page_names_no_other_host(self, anonymous_api: Api) -> None:
        """Not even in a script."""
        page = anonymous_api("GET", "/docs")

        assert b"http://" not in page.content
        assert b"https://" not in page.content

    def test_page_shows_this_document(self, anonymous_api: Api) -> None:
        """It asks for the document by its own path."""
        assert b"/api/v1/openapi.json" in anonymous_api("GET", "/docs").content

    def test_static_file_that_is_not_there_is_404(self) -> None:
        """And the static path is no way around into the admin."""
        for path in ("/static/nothing.js", "/static/../admin/", "/static/%2e%2e/admin/"):
            answer = send("GET", path)
            assert answer
            assert answer.status == 404
