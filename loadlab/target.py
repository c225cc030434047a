"""What a run aims at: there, ready, selling our rehearsal, and what it runs on."""

import os
import platform
import sqlite3
from collections.abc import Collection
from importlib.metadata import version
from typing import Any

import httpx
from django.db import connection

from loadlab import services
from loadlab.processes import is_here
from loadlab.scenarios import LOAD_REVISION
from loadlab.sentence import Told, gettext_noop

TARGET_TIMEOUT_S = 4.0


class CannotRun(Told):
    """The run cannot go on; the message is its reason, a sentence for people."""


def check_target(
    *, target: str, addresses: Collection[str], rehearsal: services.Rehearsal
) -> dict[str, Any]:
    """Make sure that the target is ready and sells this rehearsal; return what it runs on.

    `addresses` are those that its name leads to.

    Raises:
        CannotRun: says what is wrong and what to do.
    """
    # Redirects are not followed: where they lead was never allowed.
    headers = {"Authorization": f"Bearer {rehearsal.key}"}
    try:
        # No proxy from the environment: the load will not take one either.
        with httpx.Client(
            base_url=target, timeout=TARGET_TIMEOUT_S, headers=headers, trust_env=False
        ) as client:
            ready = client.get("/api/v1/ready")
            available = client.get("/api/v1/available")
            sold_there = None if available.is_redirect else available.json().get("vacancy")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, AttributeError) as error:
        raise CannotRun(
            gettext_noop(
                "No ticketsite answers at %(target)s (%(error)s): is the api role running?"
            ),
            target=target,
            error=type(error).__name__,
        ) from None
    if ready.is_redirect or available.is_redirect:
        text = gettext_noop("%(target)s sends its visitors elsewhere: load does not follow.")
        raise CannotRun(text, target=target)
    if ready.status_code != 200:
        text = gettext_noop("%(target)s is not ready: %(answer)s")
        raise CannotRun(text, target=target, answer=ready.text[:200])
    if sold_there != rehearsal.vacancy_id:
        text = gettext_noop(
            "%(target)s does not sell this rehearsal: does it use another database?"
        )
        raise CannotRun(text, target=target)
    return {
        "server": ready.headers.get("server", "unknown"),
        "database": _database_name(),
        "cores": os.cpu_count() or 1,
        "machine": platform.machine(),
        "python": platform.python_version(),
        "django": version("django"),
        "locust": version("locust"),
        "load": LOAD_REVISION,
        "shared_host": is_here(addresses),
    }


def _database_name() -> str:
    if connection.vendor == "sqlite":
        return f"SQLite {sqlite3.sqlite_version}"
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return f"PostgreSQL {cursor.fetchone()[0].split()[0]}"
