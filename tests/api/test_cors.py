"""Pages of other origins: nothing by default, and what the operator allows."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from tests.conftest import Api
from ticketsite import lean
from ticketsite.config import Config
from vacancy.models import Vacancy

SHOP = "https://shop.example.org"
PREFLIGHT = {
    "Origin": SHOP,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, content-type, idempotency-key",
}


@pytest.fixture
def allowed(settings: Any) -> Iterator[None]:
    """As if TICKETSITE_CORS_ORIGINS named the shop."""
    settings.API_MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware"]
    settings.CORS_ALLOWED_ORIGINS = [SHOP]
    lean.handler.cache_clear()
    yield
    lean.handler.cache_clear()


def words(header: str) -> set[str]:
    return {word.strip().lower() for word in header.split(",")}


def test_by_default_no_other_origin_is_allowed(anonymous_api: Api) -> None:
    """And the middleware costs nothing, because it is not there."""
    response = anonymous_api("GET", "/health", headers={"Origin": SHOP})
    preflight = anonymous_api("OPTIONS", "/purchases", headers=PREFLIGHT)

    assert not [name for name in response.headers if name.startswith("access-control")]
    assert not [name for name in preflight.headers if name.startswith("access-control")]


@pytest.mark.usefixtures("allowed")
class TestAllowedOrigin:
    """A shop that calls from its visitors' browsers."""

    def test_preflight_is_answered(self, anonymous_api: Api) -> None:
        """With what a purchase needs."""
        response = anonymous_api("OPTIONS", "/purchases", headers=PREFLIGHT)

        assert response.status_code == 200
        assert response.headers["access-control-allow-origin"] == SHOP
        assert {"get", "post", "delete"} <= words(response.headers["access-control-allow-methods"])
        assert words(PREFLIGHT["Access-Control-Request-Headers"]) <= words(
            response.headers["access-control-allow-headers"]
        )

    @pytest.mark.django_db(transaction=True)
    def test_answer_may_be_read(self, anonymous_api: Api, vacancy: Vacancy) -> None:
        """The headers that matter too; the next caller's answer has nothing of it."""
        response = anonymous_api("GET", "/available", headers={"Origin": SHOP})
        other = anonymous_api("GET", "/available")

        assert response.headers["access-control-allow-origin"] == SHOP
        assert {"ratelimit", "retry-after", "etag", "location"} <= words(
            response.headers["access-control-expose-headers"]
        )
        assert words(response.headers["vary"]) == {"authorization", "origin"}
        assert "access-control-allow-origin" not in other.headers

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [("GET", "/nothing", 404), ("POST", "/purchases", 401), ("PUT", "/health", 405)],
    )
    def test_refusals_may_be_read(
        self, anonymous_api: Api, method: str, path: str, status: int
    ) -> None:
        """Or a page could not tell its visitor why."""
        response = anonymous_api(method, path, headers={"Origin": SHOP}, json={})

        assert response.status_code == status
        assert response.headers["access-control-allow-origin"] == SHOP

    def test_body_too_large_may_be_read(self, anonymous_api: Api) -> None:
        """Though it is refused while it is read."""
        response = anonymous_api(
            "POST", "/purchase", headers={"Origin": SHOP}, content=b" " * 70_000
        )

        assert response.status_code == 413
        assert response.headers["access-control-allow-origin"] == SHOP

    def test_another_origin_is_not_allowed(self, anonymous_api: Api) -> None:
        """Not even a page of the same name without TLS."""
        for origin in ("http://shop.example.org", "https://shop.example.org.evil.example"):
            response = anonymous_api("GET", "/health", headers={"Origin": origin})
            assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("origin", ["shop.example.org", "https://shop.example.org/", "ftp://a.b"])
def test_what_is_no_origin_stops_the_start(monkeypatch: pytest.MonkeyPatch, origin: str) -> None:
    """A browser would never send it, so it would silently allow nothing."""
    monkeypatch.setenv("TICKETSITE_CORS_ORIGINS", origin)

    with pytest.raises(ValidationError, match="must be like https://"):
        Config()


@pytest.mark.parametrize("rate", ["many", "0/second", "10", "5/second; 10/minute", "-1/second"])
def test_what_is_no_rate_stops_the_start(monkeypatch: pytest.MonkeyPatch, rate: str) -> None:
    """Better than a limit that nobody meant."""
    monkeypatch.setenv("TICKETSITE_RATE_LIMIT", rate)

    with pytest.raises(ValidationError, match="no limit"):
        Config()
