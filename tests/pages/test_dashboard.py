"""The first page: to each what they may see."""

import re
from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from tests.pages.conftest import make_purchase, make_run, make_vacancy, query_count
from tickets.models import AttemptMinute, Hold, Purchase
from vacancy.models import Vacancy

INDEX = reverse("admin:index")
START = reverse("admin:loadlab_run_add")


class TestStock:
    def test_real_stock_is_shown_with_numbers(self, operator_client):
        make_vacancy(capacity=1200, sold=300)
        make_vacancy(name="Rehearsal of run 1", is_rehearsal=True)

        text = operator_client.get(INDEX).content.decode()

        assert "300 sold, 0 held of 1,200" in text
        assert "Rehearsal of run 1" not in text

    def test_rows_end_at_twenty_with_a_link_to_all(self, operator_client):
        for number in range(21):
            make_vacancy(name=f"Event {number}")

        assert "All 21 vacancies" in operator_client.get(INDEX).content.decode()

    def test_empty_stock_says_what_to_do(self, operator_client):
        assert "Nothing to sell yet." in operator_client.get(INDEX).content.decode()

    def test_query_count_is_the_same_for_one_and_for_twenty_rows(self, operator_client):
        make_vacancy()
        make_run()
        before = query_count(operator_client, INDEX)

        for number in range(19):
            make_vacancy(name=f"Event {number}")
            make_run()

        assert query_count(operator_client, INDEX) == before


class TestRuns:
    def test_latest_five_are_shown(self, operator_client):
        runs = [make_run() for _ in range(6)]

        titles = [run["title"] for run in operator_client.get(INDEX).context["runs"]]

        assert titles == [f"{run.pk} Baseline" for run in runs[:0:-1]]


class TestPermissions:
    def test_staff_without_permissions_sees_neither(self, client_of, staff_with):
        make_vacancy(name="Gala")
        make_run()

        answer = client_of(staff_with()).get(INDEX)

        assert (answer.context["stock"], answer.context["runs"]) == (None, None)
        assert "Gala" not in answer.content.decode()

    def test_viewer_is_offered_no_start(self, client_of, staff_with):
        text = client_of(staff_with("view_vacancy", "view_run")).get(INDEX).content.decode()

        assert START not in text

    def test_operator_is_offered_a_start(self, operator_client):
        assert START in operator_client.get(INDEX).content.decode()


class TestSidebar:
    def test_only_one_entry_is_marked_on_a_nested_page(self, operator_client):
        navigation = operator_client.get(START).context["sidebar_navigation"]

        marked = [
            item["title"] for group in navigation for item in group["items"] if item["active"]
        ]
        assert marked == ["Start a rehearsal"]


class TestNumbers:
    def test_first_answer_has_the_numbers_and_the_last_hour(self, operator_client):
        vacancy = make_vacancy(capacity=1200, sold=300)
        purchase = make_purchase(vacancy)
        Purchase.objects.filter(pk=purchase.pk).update(created_at=timezone.now())

        answer = operator_client.get(INDEX)

        page = answer.context["page"]["sections"]
        assert (len(page["pace"]["minutes"]), sum(page["pace"]["minutes"])) == (60, 1)
        assert page["totals"]["available"] == 900
        assert "EUR 25" in answer.content.decode()

    def test_faults_above_the_limit_are_an_alarm_with_its_beginning(self, operator_client):
        minute = timezone.now().replace(second=0, microsecond=0)
        for back, fault in ((4, 0), (3, 3), (2, 2)):
            at = minute - timedelta(minutes=back)
            AttemptMinute.objects.create(minute=at, outcome="bought", count=97)
            AttemptMinute.objects.create(minute=at, outcome="fault", count=fault)

        answer = operator_client.get(INDEX)

        faults = answer.context["page"]["sections"]["faults"]
        assert (faults["alarm"], faults["fault"], faults["total"]) == (True, 5, 296)
        assert faults["since"] == (minute - timedelta(minutes=3)).isoformat()
        assert 'class="ts-alarm"' in answer.content.decode()

    def test_without_attempts_there_is_no_rate(self, operator_client):
        assert "nobody tried to buy" in operator_client.get(INDEX).content.decode()


class TestNeedsYou:
    def needs(self, client):
        return [
            (need["subject"], need["text"])
            for need in client.get(INDEX).context["page"]["sections"]["needs"]["en"]
        ]

    def test_nothing_to_do_is_said(self, operator_client):
        make_vacancy()

        assert self.needs(operator_client) == []
        assert "Everything runs as it should." in operator_client.get(INDEX).content.decode()

    def test_worst_comes_first(self, operator_client):
        now = timezone.now()
        make_vacancy(name="Paused", state="paused")
        make_vacancy(name="Soon", state="draft", on_sale_from=now + timedelta(hours=1))
        make_vacancy(name="Full", capacity=10, sold=10)
        make_vacancy(name="Late", state="draft", on_sale_from=now - timedelta(hours=1))
        make_vacancy(name="Over", on_sale_until=now - timedelta(hours=1))

        assert self.needs(operator_client) == [
            ("Late", "should be on sale and is still a draft."),
            ("Full", "is sold out and still on sale."),
            ("Soon", "opens in {time} and is still a draft."),
            ("Paused", "is paused: nobody can buy."),
            ("Over", "is over and still on sale: close it."),
        ]

    def test_overdue_holds_point_at_the_missing_worker(self, operator_client):
        now = timezone.now()
        vacancy = make_vacancy()
        Hold.objects.create(
            vacancy=vacancy,
            qty=1,
            unit_price=0,
            currency="EUR",
            created_at=now - timedelta(hours=1),
            expires_at=now - timedelta(minutes=5),
        )

        assert self.needs(operator_client)[0][0] == "1 hold is over"

    def test_rehearsals_need_nobody(self, operator_client):
        make_vacancy(is_rehearsal=True, capacity=10, sold=10)

        assert self.needs(operator_client) == []


class TestFullVacancy:
    """All places sold or held: what comes next is said, wherever the vacancy is shown."""

    def full(self, **fields):
        vacancy = make_vacancy(capacity=12, sold=12, **fields)
        Vacancy.objects.filter(pk=vacancy.pk).update(sold=3, held=9)
        for minutes in (9, 4):
            Hold.objects.create(
                vacancy=vacancy,
                qty=4,
                unit_price=0,
                currency="EUR",
                expires_at=timezone.now() + timedelta(minutes=minutes, seconds=59),
                created_at=timezone.now(),
            )
        return vacancy

    def test_need_says_when_the_first_hold_ends(self, operator_client):
        self.full()

        [need] = operator_client.get(INDEX).context["needs"]

        assert re.fullmatch(
            r"has no free place\. 9 held, the first hold ends in 4:5\d\.", need["text"]
        )

    def test_vacancy_s_page_says_it_too(self, operator_client):
        page = reverse("admin:vacancy_vacancy_change", args=[self.full().pk])

        live = operator_client.get(page).context["live"]

        assert live["no_place_text"].startswith("No free place: 9 held, the first hold ends in 4:5")

    def test_sale_that_ends_by_itself_says_so_before(self, operator_client):
        make_vacancy(close_when_sold_out=True)

        [row] = operator_client.get(INDEX).context["stock"]

        assert row["change_text"] == "closes when sold out"

    def test_and_says_why_it_is_closed_afterwards(self, operator_client):
        make_vacancy(capacity=5, sold=5, state="closed", close_when_sold_out=True)

        [row] = operator_client.get(INDEX).context["stock"]

        assert row["change_text"] == "sold out"
