"""What several of these files sell, and to whom."""

import pytest

from tests.conftest import make_vacancy
from tickets.models import ApiKey
from tickets.selectors import Client
from vacancy.models import Vacancy


@pytest.fixture
def stock(db: None) -> Vacancy:
    """Five places."""
    return make_vacancy(capacity=5)


@pytest.fixture
def client(key_row: ApiKey) -> Client:
    """A shop with a key."""
    return Client(key_row.pk, "shop", frozenset({"buy"}), None)
