"""Sales over time: the right minute, real stock only, and only young minutes are read again."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.pages.conftest import make_key, make_purchase, make_vacancy
from tickets import sales
from tickets.models import Hold, Purchase
from tickets.sales import RecentSales
from ticketsite import overview

NOW = datetime(2026, 5, 2, 14, 30, 20, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def sold(vacancy, *, ago, **fields):
    purchase = make_purchase(vacancy, **fields)
    Purchase.objects.filter(pk=purchase.pk).update(created_at=NOW - ago)
    return purchase


def recent():
    memory = RecentSales()
    memory.update(now=NOW)
    return memory


class TestPerMinute:
    def test_sales_stand_in_their_minute_and_the_running_one_is_last(self):
        vacancy = make_vacancy()
        sold(vacancy, ago=timedelta(seconds=5), qty=2, total=5000)
        sold(vacancy, ago=timedelta(seconds=30))
        sold(vacancy, ago=timedelta(minutes=59))

        minutes = recent().per_minute(now=NOW)

        assert (len(minutes), minutes[0], minutes[-2:]) == (60, 1, [1, 2])

    def test_rehearsals_do_not_count(self):
        sold(make_vacancy(is_rehearsal=True), ago=timedelta(seconds=5))

        assert not any(recent().per_minute(now=NOW))

    def test_sale_that_was_committed_late_is_still_seen(self):
        vacancy = make_vacancy()
        memory = recent()
        sold(vacancy, ago=timedelta(seconds=50))

        memory.update(now=NOW + timedelta(seconds=1))

        assert sum(memory.per_minute(now=NOW)) == 1

    def test_old_minutes_are_not_read_again(self, django_assert_num_queries):
        vacancy = make_vacancy()
        sold(vacancy, ago=timedelta(minutes=30))
        memory = recent()
        Purchase.objects.update(qty=7, total=7 * 2500)

        memory.update(now=NOW + timedelta(seconds=1))

        assert sum(memory.per_minute(now=NOW)) == 1

    def test_what_is_older_than_two_days_is_forgotten(self):
        sold(make_vacancy(), ago=timedelta(minutes=1))
        memory = recent()

        memory.update(now=NOW + timedelta(days=3))

        assert memory._minutes == {}


class TestMoney:
    def test_today_begins_at_the_readers_midnight(self):
        vacancy = make_vacancy()
        sold(vacancy, ago=timedelta(hours=13))  # 01:30 UTC, 22:30 of the day before in São Paulo
        overview.RECENT.update(now=NOW)

        def today(zone):
            return overview.money(zone=ZoneInfo(zone), now=NOW)["today"]

        assert today("UTC") == [["EUR", 2500]]
        assert today("America/Sao_Paulo") == []

    def test_yesterday_counts_up_to_this_time_of_the_day(self):
        vacancy = make_vacancy()
        sold(vacancy, ago=timedelta(hours=26))
        sold(vacancy, ago=timedelta(hours=22))
        overview.RECENT.update(now=NOW)

        assert overview.money(zone=UTC, now=NOW)["yesterday"] == [["EUR", 2500]]

    def test_cancellation_takes_its_money_back(self):
        purchase = sold(make_vacancy(), ago=timedelta(minutes=30))
        Purchase.objects.filter(pk=purchase.pk).update(
            status="cancelled", cancelled_at=NOW - timedelta(minutes=3)
        )
        overview.RECENT.update(now=NOW)

        assert overview.money(zone=UTC, now=NOW)["today"] == [["EUR", 0]]

    def test_currencies_are_kept_apart_and_the_largest_is_first(self):
        vacancy = make_vacancy()
        sold(vacancy, ago=timedelta(minutes=3))
        sold(vacancy, ago=timedelta(minutes=3), currency="BRL", unit_price=9000, total=9000)
        overview.RECENT.update(now=NOW)

        assert overview.money(zone=UTC, now=NOW)["today"] == [["BRL", 9000], ["EUR", 2500]]


class TestHolds:
    def test_first_to_end_is_first_and_ended_ones_are_left_out(self):
        vacancy, key = make_vacancy(), make_key()
        for seconds, status in ((90, "active"), (30, "active"), (10, "released")):
            Hold.objects.create(
                vacancy=vacancy,
                client=key,
                qty=1,
                unit_price=0,
                currency="EUR",
                status=status,
                created_at=NOW,
                expires_at=NOW + timedelta(seconds=seconds),
                ended_at=None if status == "active" else NOW,
            )

        ending = sales.holds_ending(limit=5)

        assert [(hold.expires_at - NOW).seconds for hold in ending] == [30, 90]
        assert sales.holds_ending_count(now=NOW, within=timedelta(minutes=1)) == (1, 0)
