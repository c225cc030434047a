"""GET /health and /ready: alive, and fit for buyers."""

import asyncio
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from tests.api.problems import problem_in
from tests.conftest import Api
from ticketsite import health

PARTS = {"database", "migrations", "cache", "till", "channel_layer"}


def test_health_answers_without_the_database(anonymous_api: Api) -> None:
    """No database mark here: a query would fail this test."""
    response = anonymous_api("GET", "/health")

    assert response.status_code == 200
    assert response.json() == {"status": "ok"}


@pytest.mark.parametrize("path", ["/health", "/ready"])
@pytest.mark.django_db(transaction=True)
def test_probes_ignore_keys(path: str) -> None:
    """A probe with a stale key must not look like a sick server."""
    assert Api("tsk_unknown")("GET", path).status_code == 200


@pytest.mark.django_db(transaction=True)
class TestReady:
    """Each part is tried and named."""

    def test_all_parts_are_named_when_all_is_well(self, anonymous_api: Api) -> None:
        """200, exactly the documented members."""
        response = anonymous_api("GET", "/ready")

        assert response.status_code == 200
        assert response.json() == {"status": "ready", "checks": dict.fromkeys(PARTS, "ok")}

    def test_missing_migration_is_named(self, anonymous_api: Api) -> None:
        """With the command that helps."""
        newest = MigrationRecorder.Migration.objects.filter(app="tickets").latest("id")
        MigrationRecorder(connection).record_unapplied("tickets", newest.name)
        try:
            body = problem_in(anonymous_api("GET", "/ready"), "not-ready")
        finally:
            MigrationRecorder(connection).record_applied("tickets", newest.name)

        assert "manage.py migrate" in body["checks"]["migrations"]
        assert {name for name, state in body["checks"].items() if state != "ok"} == {"migrations"}

    @pytest.mark.parametrize("broken", ["set", "get"])
    def test_broken_cache_is_named_without_its_words(
        self, anonymous_api: Api, monkeypatch: pytest.MonkeyPatch, broken: str
    ) -> None:
        """Messages of drivers can carry passwords."""

        def fail(*_: object, **__: object) -> None:
            raise ConnectionError("redis://:hunter2@cache.internal")

        monkeypatch.setattr(health, "cache", _Cache(**{broken: fail}))

        response = anonymous_api("GET", "/ready")

        body = problem_in(response, "not-ready")
        assert body["checks"]["cache"] == "failed (ConnectionError)"
        assert {name for name, state in body["checks"].items() if state != "ok"} == {"cache"}
        assert "hunter2" not in response.text

    def test_cache_that_forgets_is_named(
        self, anonymous_api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An answer is not enough, it must be the right one."""
        monkeypatch.setattr(health, "cache", _Cache())

        body = problem_in(anonymous_api("GET", "/ready"), "not-ready")

        assert body["checks"]["cache"] == "does not keep what it is given"

    @pytest.mark.parametrize(
        ("part", "patched"),
        [
            ("database", "ticketsite.health._database_answers"),
            ("till", "tickets.till._touch"),
        ],
    )
    def test_part_that_fails_is_named(
        self, anonymous_api: Api, monkeypatch: pytest.MonkeyPatch, part: str, patched: str
    ) -> None:
        """One sick part does not hide the others."""

        def fail() -> str:
            raise RuntimeError("hunter2")

        monkeypatch.setattr(patched, fail)

        body = problem_in(anonymous_api("GET", "/ready"), "not-ready")

        assert body["checks"] == {
            **dict.fromkeys(PARTS, "ok"),
            part: "failed (RuntimeError)",
        }
        assert body["detail"] == f"{part}: failed (RuntimeError)"

    def test_channel_layer_that_loses_messages_is_named(
        self, anonymous_api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is not waited for without end."""
        monkeypatch.setattr(health, "get_channel_layer", _Forgetful)
        monkeypatch.setattr(health, "PATIENCE_S", 0.01)

        body = problem_in(anonymous_api("GET", "/ready"), "not-ready")

        assert body["checks"]["channel_layer"] == "failed (TimeoutError)"

    def test_parts_recover(self, anonymous_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        """A failure leaves nothing behind."""
        with monkeypatch.context() as patch:
            patch.setattr(health, "cache", _Cache())
            problem_in(anonymous_api("GET", "/ready"), "not-ready")

        assert anonymous_api("GET", "/ready").status_code == 200


class _Cache:
    """A cache that takes everything and keeps nothing; any part can be replaced."""

    def __init__(self, **replaced: Any) -> None:
        self.__dict__.update(replaced)

    def set(self, key: str, value: str, timeout: int) -> None:
        """Forget it at once."""

    def get(self, key: str) -> None:
        """Know nothing."""


class _Forgetful:
    """A channel layer that takes messages and never delivers one."""

    async def new_channel(self) -> str:
        """Name some channel."""
        return "channel"

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Lose it."""

    async def receive(self, channel: str) -> None:
        """Wait for ever."""
        await asyncio.Event().wait()
