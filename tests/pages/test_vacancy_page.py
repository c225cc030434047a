"""The page of one vacancy, and what can be done from it: live numbers, import, stop, export."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from channels.db import database_sync_to_async
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import AsyncClient
from django.urls import reverse

from tests.pages.conftest import make_key, make_purchase, make_vacancy, query_count
from tickets import exporting, sales
from tickets.models import Purchase
from vacancy.models import StockMovement, Vacancy
from vacancy.notes import note_text

IMPORT = reverse("admin:vacancy_vacancy_import_rows")
LIST = reverse("admin:vacancy_vacancy_changelist")
FIRST = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def page(vacancy):
    return reverse("admin:vacancy_vacancy_change", args=[vacancy.pk])


def sold_at(vacancy, at, **fields):
    purchase = make_purchase(vacancy, **fields)
    Purchase.objects.filter(pk=purchase.pk).update(created_at=at)
    return purchase


class TestPage:
    def test_counters_sales_and_buyers_are_on_it(self, operator_client):
        vacancy = make_vacancy(capacity=100, sold=1)
        make_purchase(vacancy, buyer_name="Ada Lovelace")

        answer = operator_client.get(page(vacancy))

        text = answer.content.decode()
        assert "1 sold, 0 held of 100" in text
        assert "Ada Lovelace" in text
        assert answer.context["live_page"]["curve"][-1][1] == 1

    def test_sales_are_hidden_from_who_may_not_see_them(self, client_of, staff_with):
        vacancy = make_vacancy()
        make_purchase(vacancy, buyer_name="Ada Lovelace")

        answer = client_of(staff_with("view_vacancy")).get(page(vacancy))

        assert "Ada Lovelace" not in answer.content.decode()
        assert answer.context["live_page"]["curve"] is None

    def test_query_count_does_not_grow_with_purchases(self, operator_client):
        vacancy = make_vacancy()
        make_purchase(vacancy, make_key())
        before = query_count(operator_client, page(vacancy))

        for number in range(19):
            make_purchase(vacancy, make_key(name=f"Till {number}"))

        assert query_count(operator_client, page(vacancy)) == before

    @pytest.mark.parametrize(
        ("state", "offered"),
        [
            ("draft", {"Put on sale", "Change capacity"}),
            ("on_sale", {"Pause sale", "Stop sale", "Change capacity"}),
            ("paused", {"Put on sale", "Stop sale", "Change capacity"}),
            ("closed", {"Put on sale", "Change capacity"}),
        ],
    )
    def test_only_moves_that_make_sense_are_offered(self, operator_client, state, offered):
        actions = operator_client.get(page(make_vacancy(state=state))).context["actions_detail"]

        assert {str(one["title"]) for one in actions} == offered


class TestCurve:
    @pytest.mark.django_db
    def test_steps_add_up_and_leave_out_what_was_cancelled(self):
        vacancy = make_vacancy()
        sold_at(vacancy, FIRST, qty=2, total=5000)
        sold_at(vacancy, FIRST + timedelta(minutes=3))
        sold_at(vacancy, FIRST + timedelta(minutes=4), status="cancelled", cancelled_at=FIRST)

        points = sales.sold_over_time(vacancy_id=vacancy.pk)

        assert [places for _, places in points] == [0, 2, 3]

    @pytest.mark.django_db
    @pytest.mark.parametrize(("days", "points"), [(1, 3), (30, 3)])
    def test_long_sale_is_told_in_hours_or_days(self, days, points):
        vacancy = make_vacancy()
        for minute in range(5):
            sold_at(vacancy, FIRST + timedelta(minutes=minute))
        sold_at(vacancy, FIRST + timedelta(days=days))

        assert len(sales.sold_over_time(vacancy_id=vacancy.pk)) == points

    @pytest.mark.django_db
    def test_nothing_sold_is_no_curve(self):
        assert sales.sold_over_time(vacancy_id=make_vacancy().pk) == []


class TestStop:
    def stop(self, client, vacancy):
        url = reverse("admin:vacancy_vacancy_stop", args=[vacancy.pk])
        return client.post(url, {"_form_submitted": "on"})

    def test_confirmed_stop_ends_the_sale_and_is_written_down(self, operator, operator_client):
        vacancy = make_vacancy()

        self.stop(operator_client, vacancy)

        vacancy.refresh_from_db()
        movement = StockMovement.objects.get(vacancy=vacancy)
        assert (vacancy.state, movement.kind, movement.actor) == ("closed", "state", operator)
        assert note_text(LogEntry.objects.get().change_message) == "Sale stopped."

    def test_viewer_may_not_stop(self, client_of, staff_with):
        vacancy = make_vacancy()

        self.stop(client_of(staff_with("view_vacancy")), vacancy)

        vacancy.refresh_from_db()
        assert vacancy.state == "on_sale"


GOOD = "name,venue,capacity,price,starts_at\nGala,Foyer,180,12000,2026-06-01T19:00\n"


def upload(client, text, **fields):
    file = SimpleUploadedFile("vacancies.csv", text.encode(), content_type="text/csv")
    return client.post(IMPORT, {"file": file} | fields)


class TestImport:
    def fates(self, answer):
        return [str(row["chip"].label) for row in answer.context["rows"]]

    def test_dry_run_shows_every_rows_fate_and_writes_nothing(self, operator_client):
        make_vacancy(name="Concert", venue="Hall 1")
        text = (
            "name,venue,capacity,currency\n"
            "Gala,Foyer,180,EUR\n"
            "Concert,Hall 1,100,EUR\n"
            "Broken,,ten,EUR\n"
            "Broken,,10,EURO\n"
            "Gala,Foyer,180,EUR\n"
        )

        answer = upload(operator_client, text)

        assert self.fates(answer) == [
            "Will be added",
            "Left as it is",
            "Wrong",
            "Wrong",
            "Left as it is",
        ]
        assert Vacancy.objects.count() == 1

    def test_price_of_a_file_is_in_minor_units_and_told_as_money(self, operator_client):
        answer = upload(operator_client, GOOD)

        assert "EUR 120.00 each" in answer.context["rows"][0]["detail"]

    @pytest.mark.parametrize("price", ["120.00", '"120,00"'])
    def test_price_with_decimals_is_wrong_in_a_file(self, operator_client, price):
        answer = upload(operator_client, f"name,capacity,price\nGala,180,{price}\n")

        [row] = answer.context["rows"]
        assert "In minor units, without a decimal point" in row["detail"]

    @pytest.mark.parametrize("end", ["\r", "\r\n"])
    def test_lines_of_every_system_are_read(self, operator_client, end):
        answer = upload(operator_client, f"name,capacity{end}Gala,180{end}")

        assert self.fates(answer) == ["Will be added"]

    def test_field_of_any_length_has_its_fate(self, operator_client):
        answer = upload(operator_client, "name,capacity\n" + "x" * 200_000 + ",1\n")

        assert self.fates(answer) == ["Wrong"]

    def test_confirmed_import_adds_drafts_and_is_logged(self, operator_client):
        shown = upload(operator_client, GOOD)

        operator_client.post(IMPORT, {"text": shown.context["text"], "confirmed": "yes"})

        gala = Vacancy.objects.get()
        assert (gala.name, gala.state, gala.capacity, gala.available) == ("Gala", "draft", 180, 180)
        assert (gala.price, gala.starts_at) == (12000, datetime(2026, 6, 1, 19, 0, tzinfo=UTC))
        assert LogEntry.objects.get().object_repr == str(gala)

    def test_second_import_of_the_same_file_changes_nothing(self, operator_client):
        for _ in range(2):
            operator_client.post(IMPORT, {"text": GOOD, "confirmed": "yes"})

        assert Vacancy.objects.count() == 1

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("venue\nHall\n", "lacks the columns name, capacity"),
            ("name,capacity,colour\nA,1,red\n", "Unknown columns: colour"),
            ("name,capacity\n", "The file has no rows."),
            ("name,capacity\n" + "A,1\n" * 2001, "More than 2,000 rows"),
        ],
        ids=["missing", "unknown", "empty", "long"],
    )
    def test_file_that_cannot_be_read_is_a_sentence(self, operator_client, text, reason):
        assert reason in upload(operator_client, text).content.decode()

    def test_file_that_is_no_text_is_a_sentence(self, operator_client):
        file = SimpleUploadedFile("x.csv", b"\xff\xfe\x00", content_type="text/csv")

        answer = operator_client.post(IMPORT, {"file": file})

        assert "The file is not UTF-8." in answer.content.decode()

    def test_viewer_may_not_import(self, client_of, staff_with):
        answer = upload(client_of(staff_with("view_vacancy")), GOOD)

        assert answer.status_code == 403

    def test_list_leads_to_it(self, operator_client):
        make_vacancy()
        link = reverse("admin:vacancy_vacancy_import_csv")

        assert link in operator_client.get(LIST).content.decode()
        assert operator_client.get(link).headers["Location"] == IMPORT


def export_of(vacancy):
    return reverse("admin:tickets_purchase_export", args=[vacancy.pk])


async def downloaded(client, vacancy):
    answer = await client.get(export_of(vacancy))
    assert answer.status_code == 200
    body = b"".join([part async for part in answer.streaming_content])
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))))


@pytest.mark.django_db(transaction=True)
class TestExport:
    @pytest.fixture
    def browser(self, operator):
        client = AsyncClient()
        client.force_login(operator)
        return client

    @pytest.fixture
    def vacancy(self, operator):
        return make_vacancy()

    async def test_every_purchase_is_a_row_whatever_its_state(self, browser, vacancy):
        buy = database_sync_to_async(make_purchase)
        await buy(vacancy, buyer_name="Ada", buyer_email="ada@example.org")
        await buy(vacancy, status="cancelled", cancelled_at=FIRST, cancel_reason="Twice")

        rows = await downloaded(browser, vacancy)

        assert [row["status"] for row in rows] == ["confirmed", "cancelled"] or [
            row["status"] for row in rows
        ] == ["cancelled", "confirmed"]
        assert {row["total"] for row in rows} == {"25.00"}

    async def test_pages_follow_each_other_without_a_hole(self, browser, vacancy, monkeypatch):
        monkeypatch.setattr(exporting, "PAGE_ROWS", 3)
        for _ in range(7):
            await database_sync_to_async(make_purchase)(vacancy)

        rows = await downloaded(browser, vacancy)

        assert len({row["purchase"] for row in rows}) == 7

    async def test_formula_of_a_buyer_is_only_text(self, browser, vacancy):
        await database_sync_to_async(make_purchase)(vacancy, buyer_name="=HYPERLINK(1)")

        assert (await downloaded(browser, vacancy))[0]["buyer_name"] == "'=HYPERLINK(1)"

    def test_viewer_of_stock_alone_gets_no_sales(self, client_of, staff_with, vacancy):
        assert client_of(staff_with("view_vacancy")).get(export_of(vacancy)).status_code == 403

    def test_rehearsal_has_no_export(self, operator_client):
        vacancy = make_vacancy(is_rehearsal=True)

        assert operator_client.get(export_of(vacancy)).status_code == 404
