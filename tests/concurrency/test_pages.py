"""How much a lone sale writes on SQLite, which is what it waits for most (docs/speed.md)."""

import pytest
from django.db import connection
from django.utils import timezone

from tests.backends import BACKEND
from tests.concurrency.asking import order
from tests.conftest import make_vacancy
from tickets import selling
from tickets.selectors import Client
from vacancy.models import Vacancy

FIRST, THEN = 1500, 200  # in a small table no index is ever out of balance
PAGES = 10.7


class TestLoneSale:
    """Three rows and, without a key, six lines in indexes, which now and then fill a page."""

    __test__ = BACKEND == "sqlite"

    @pytest.mark.django_db(transaction=True)
    def test_writes_few_pages(self, client: Client) -> None:
        """10.2 of them; with indexes that grow at their left end, or AUTOINCREMENT, over 11."""
        vacancy = make_vacancy(capacity=FIRST + THEN)
        sell_one_by_one(vacancy, client, count=FIRST)
        pages_of_log("TRUNCATE")
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_autocheckpoint = 0")
        try:
            sell_one_by_one(vacancy, client, count=THEN)
            assert pages_of_log("PASSIVE") / THEN < PAGES
        finally:
            connection.close()  # the next one moves the log by itself again


def sell_one_by_one(vacancy: Vacancy, client: Client, *, count: int) -> None:
    """Sell a place to each buyer, with a COMMIT of its own."""
    for _ in range(count):
        selling.serve_together(wishes=[order(vacancy, client=client)], now=timezone.now())


def pages_of_log(mode: str) -> int:
    """Move the log into the database, and return how many pages it had."""
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA wal_checkpoint({mode})")
        busy, pages, _ = cursor.fetchone()
    assert not busy
    return int(pages)
