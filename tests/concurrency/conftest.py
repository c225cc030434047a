"""What several of these files sell, and to whom."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.conftest import make_vacancy
from tickets import selling, till
from tickets.express import Express
from tickets.models import ApiKey
from tickets.selectors import Client
from tickets.wishes import Answer
from vacancy.models import Vacancy


@pytest.fixture
def stock(db: None) -> Vacancy:
    """Five places."""
    return make_vacancy(capacity=5)


@pytest.fixture
def client(key_row: ApiKey) -> Client:
    """A shop with a key."""
    return Client(key_row.pk, "shop", frozenset({"buy"}), None)


@pytest.fixture
async def express(stock: Vacancy) -> Express:
    """The express of this test's event loop, connected."""
    till.serve_from_this_loop()
    await till.warm()
    if (driver := till.TILL.home.driver) is not None:
        await asyncio.wait({driver})  # nobody is served any more
    opened = till.TILL.home.express
    assert opened.is_open
    return opened


@pytest.fixture
def in_thread(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Collect the quantities of each batch that the thread served."""
    seen: list[list[int]] = []
    real = selling.serve_together

    def watched(*, wishes: Sequence[Any], **rest: Any) -> list[Answer]:
        seen.append([getattr(wish, "qty", 0) for wish in wishes])
        return real(wishes=wishes, **rest)

    monkeypatch.setattr(selling, "serve_together", watched)
    return seen
