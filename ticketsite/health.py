"""Is this process alive, and may it be sent buyers?"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable

from channels.layers import get_channel_layer
from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema

from tickets import till
from ticketsite.problems import problem
from vacancy.lanes import READS, close_if_dead

router = Router(tags=["health"])
PATIENCE_S = 2.0  # with a channel layer; one that lost our message would be waited for for ever


class HealthOut(Schema):
    """Alive."""

    status: str = "ok"


class ReadyOut(Schema):
    """Each part by name, `ok` or what is wrong with it."""

    status: str = "ready"
    checks: dict[str, str]


@router.get("/health", response=HealthOut, auth=None, summary="Alive?")
async def health(request: HttpRequest) -> HttpResponse:
    """Answer without touching anything."""
    return HttpResponse(b'{"status":"ok"}', content_type="application/json")


@router.get("/ready", response=ReadyOut, auth=None, summary="Ready for buyers?")
async def ready(request: HttpRequest) -> HttpResponse:
    """Try each part for real; that also warms this process before the first buyer comes."""
    checks = await READS.run(_database_checks)
    checks["till"] = await _async_outcome(till.warm)
    checks["channel_layer"] = await _async_outcome(_channel_layer_answers)
    wrong = {name: state for name, state in checks.items() if state != "ok"}
    if wrong:
        sentence = "; ".join(f"{name}: {state}" for name, state in wrong.items())
        return problem("not-ready", sentence, checks=checks)
    return HttpResponse(ReadyOut(checks=checks).model_dump_json(), content_type="application/json")


def _database_checks() -> dict[str, str]:
    return {
        "database": _outcome(_database_answers),
        "migrations": _outcome(_migrations_are_applied),
        "cache": _outcome(_cache_answers),
    }


def _outcome(check: Callable[[], str]) -> str:
    # Whatever a driver raises, the answer must name the part; the reason goes to the caller by
    # class name only, because messages can carry addresses and passwords.
    try:
        return check()
    except Exception as error:
        connection.close()
        return f"failed ({type(error).__name__})"


def _database_answers() -> str:
    close_if_dead()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def _migrations_are_applied() -> str:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(missing)} not applied: run manage.py migrate" if missing else "ok"


def _cache_answers() -> str:
    key, value = f"ready-{secrets.token_hex(8)}", secrets.token_hex(8)
    cache.set(key, value, timeout=5)
    return "ok" if cache.get(key) == value else "does not keep what it is given"


async def _async_outcome(check: Callable[[], Awaitable[None]]) -> str:
    try:
        await check()
    except Exception as error:
        return f"failed ({type(error).__name__})"
    return "ok"


async def _channel_layer_answers() -> None:
    layer = get_channel_layer()
    if layer is None:
        raise RuntimeError("no channel layer is configured")
    async with asyncio.timeout(PATIENCE_S):
        channel = await layer.new_channel()
        await layer.send(channel, {"type": "ready.check"})
        await layer.receive(channel)
