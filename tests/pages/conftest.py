"""People, rows and requests that the tests of the operator pages share."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from loadlab.models import LabWorker, Run, RunSecond, Sample
from tickets.models import ApiKey, Purchase, Ticket
from tickets.services import key_create
from vacancy.models import Vacancy

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Any, tmp_path: Path) -> None:
    """Name static files as development does: nothing was collected for the tests."""
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture
def operator(db: None) -> User:
    """Somebody who may do everything."""
    return User.objects.create_superuser("ana")


@pytest.fixture
def plain_user(db: None) -> User:
    """Somebody with a login who is no staff."""
    return User.objects.create_user("bob")


@pytest.fixture
def staff_with(db: None) -> Callable[..., User]:
    """Make somebody of the staff with these permissions and no others."""

    def make(*codenames: str) -> User:
        user = User.objects.create_user("carl", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        return user

    return make


@pytest.fixture
def operator_client(operator: User) -> Client:
    """A browser in which the operator is logged in."""
    client = Client()
    client.force_login(operator)
    return client


@pytest.fixture
def client_of() -> Callable[[User], Client]:
    """Log somebody in."""

    def login(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return login


def query_count(client: Client, url: str) -> int:
    """Count the queries of one page, after what is cached at its first showing is cached."""
    client.get(url)
    with CaptureQueriesContext(connection) as queries:
        client.get(url)
    return len(queries)


def make_vacancy(**fields: Any) -> Vacancy:
    """Store a vacancy of 100 places, on sale unless told otherwise."""
    capacity = fields.pop("capacity", 100)
    sold = fields.pop("sold", 0)
    row = {"name": "Concert", "venue": "Hall 1", "state": "on_sale", "price": 2500} | fields
    row |= {"initial_capacity": capacity, "sold": sold, "available": capacity - sold}
    return Vacancy.objects.create(capacity=capacity, **row)


def make_key(**fields: Any) -> ApiKey:
    """Store an API key; nobody needs the secret."""
    row: dict[str, Any] = {"name": "Till 3", "now": NOW}
    key, _ = key_create(**row | fields)
    return key


def make_purchase(vacancy: Vacancy, client: ApiKey | None = None, **fields: Any) -> Purchase:
    """Store a purchase of one place with its ticket; the vacancy's counters are not moved."""
    row = {"qty": 1, "unit_price": 2500, "total": 2500, "currency": "EUR"} | fields
    purchase = Purchase.objects.create(vacancy=vacancy, client=client, created_at=NOW, **row)
    Ticket.objects.create(purchase=purchase)
    return purchase


def make_run(**fields: Any) -> Run:
    """Store a finished run unless told otherwise."""
    state = fields.pop("state", "finished")
    row: dict[str, Any] = {
        "scenario": "baseline",
        "slot": 1 if state in Run.ACTIVE else None,
        "user_count": 100,
        "think_time_s": 0.5,
        "duration_s": 60,
        "capacity": 1000,
        "target": "http://127.0.0.1:8001",
        "environment": {"server": "granian"},
        "started_at": NOW,
        "ended_at": None if state in Run.ACTIVE else NOW + timedelta(seconds=60),
    }
    return Run.objects.create(state=state, **row | fields)


def make_second(run: Run, seq: int) -> None:
    """Store one second in which ten places were bought."""
    RunSecond.objects.create(
        run=run,
        seq=seq,
        ended_at=NOW + timedelta(seconds=seq + 1),
        elapsed_s=seq + 1,
        user_count=100,
        request_count=10,
        in_flight=1,
        p50_ms=3,
        p95_ms=9,
        p99_ms=20,
        max_ms=30,
        cpu_pct=20,
        lag_ms=1,
    )
    Sample.objects.create(
        run=run,
        seq=seq,
        name="POST /purchase",
        outcome="bought",
        count=10,
        sum_ms=40,
        p50_ms=3,
        p95_ms=9,
        p99_ms=20,
        max_ms=30,
        histogram="",
    )


def make_worker() -> None:
    """Let a worker be heard of far into the future."""
    LabWorker.objects.create(name="host:1", seen_at=datetime(2100, 1, 1, tzinfo=UTC))
