"""Personas, places for sale and ways in, shared by all tests."""

import os
from collections.abc import Generator, Iterator
from typing import Any

import httpx
import psycopg
import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.db import connection
from django.test import Client as Browser
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from loadlab.live import LIVE
from tests.backends import BACKEND
from tests.shop import Server, Shop, open_shop
from tests.site import Site, running_site
from tickets import auth, services, till
from tickets.models import ApiKey
from tickets.tally import ATTEMPTS, TALLY
from ticketsite.live import DASHBOARD, TICKER
from ticketsite.overview import RECENT
from vacancy import api as stock_api
from vacancy.lanes import READS
from vacancy.models import Vacancy

NEEDS_A_BACKEND = {"db", "transactional_db", "site", "shop", "backend"}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the part that was asked for.

    What knows no database runs once, with SQLite. A browser knows none either: it sees the pages
    that views make, and those are tested on both.
    """
    part = "database" if BACKEND == "postgres" else config.getoption("--part")
    if part == "all":
        return
    chosen = [item for item in items if _knows_a_database(item) == (part == "database")]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


def _knows_a_database(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    if "page" in fixtures:
        return False
    return bool(item.get_closest_marker("django_db") or NEEDS_A_BACKEND & fixtures)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skipped test is a failure: there, every service and the browser must be present."""
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def _fresh_process_memory() -> Iterator[None]:
    """Forget what a process may remember for a second: here each test is a new second."""
    stock_api.forget_everything()
    auth.forget_everything()
    till.forget_everything()
    ATTEMPTS.forget()
    RECENT.forget()
    TICKER.forget()
    yield
    cache.clear()


@pytest.fixture(autouse=True, scope="session")
def _lanes_give_back_their_connections(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """A test database cannot be dropped while a lane still holds a connection to it."""
    yield
    with django_db_blocker.unblock():  # the till opens one before any job, even before this one
        for lane in (READS, LIVE, DASHBOARD, TALLY, till.TILL):
            lane.close_connection()
    if BACKEND == "postgres":
        _end_other_sessions()


def _end_other_sessions() -> None:
    """A thread that some test left behind may hold a connection too."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND pid <> pg_backend_pid()",  # ours: no test asked for a database
            [connection.settings_dict["NAME"]],
        )


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One running site for all tests that need real processes."""
    with running_site(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A database for api roles in processes of their own: room for all, and 300 places more."""
    return open_shop(tmp_path_factory.mktemp("shop"), hall=1_000_000, balcony=300)


@pytest.fixture(scope="session")
def shop_api(shop: Shop) -> Iterator[Server]:
    """An api role of that shop which nobody kills."""
    with shop.api() as server:
        yield server


@pytest.fixture
def backend() -> str:
    """Name the backend of this run."""
    return BACKEND


@pytest.fixture
def operator(db: None) -> User:
    """Somebody who may do everything in the admin."""
    return User.objects.create_superuser("operator")


@pytest.fixture
def viewer(db: None) -> User:
    """Somebody of the staff who may look at everything and change nothing."""
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    return user


@pytest.fixture
def plain_user(db: None) -> User:
    """Somebody with a login and no business in the admin."""
    return User.objects.create_user("plain")


@pytest.fixture
def operator_browser(operator: User) -> Browser:
    """A logged-in operator's session."""
    browser = Browser()
    browser.force_login(operator)
    return browser


@pytest.fixture
def vacancy(db: None) -> Vacancy:
    """The default vacancy, on sale, ten places."""
    return make_vacancy(is_default=True)


def make_vacancy(*, capacity: int = 10, **fields: Any) -> Vacancy:
    """Store a vacancy on sale; any field can be given."""
    usual: dict[str, Any] = {
        "name": "Concert",
        "venue": "Hall 1",
        "price": 4500,
        "state": Vacancy.State.ON_SALE,
        "capacity": capacity,
        "initial_capacity": capacity,
        "available": capacity,
    }
    return Vacancy.objects.create(**usual | fields)


@pytest.fixture
def key(db: None) -> str:
    """An API key that may buy."""
    _, secret = services.key_create(name="shop", now=timezone.now())
    return secret


@pytest.fixture
def key_row(key: str) -> ApiKey:
    """The stored side of `key`."""
    return ApiKey.objects.get(prefix=key[:12])


class Api:
    """The buyer API through its real way in, without a server: one ASGI call a request."""

    def __init__(self, key: str | None = None) -> None:
        """Use this key, or none."""
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}

    def __call__(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """Send one request to /api/v1 and return the answer."""
        kwargs["headers"] = {**self.headers, **kwargs.pop("headers", {})}
        return async_to_sync(self._send)(method, path, **kwargs)

    async def _send(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        from ticketsite.asgi import api_application

        transport = httpx.ASGITransport(app=api_application)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            return await client.request(method, f"/api/v1{path}", **kwargs)


@pytest.fixture
def api(key: str) -> Api:
    """The API with a good key."""
    return Api(key)


@pytest.fixture
def anonymous_api() -> Api:
    """The API without a key."""
    return Api()
