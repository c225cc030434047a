"""Cancelling with a reason, and the door: who came in, and who may not."""

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from tests.pages.conftest import NOW, make_key, make_purchase, make_vacancy, query_count
from tickets.models import Purchase, Ticket
from vacancy.notes import note_text

DOOR = reverse("admin:tickets_ticket_door")
PURCHASES = reverse("admin:tickets_purchase_changelist")
CONFIRMED = {"_form_submitted": "on", "reason": "Asked by phone"}


def cancel_url(purchase):
    return reverse("admin:tickets_purchase_cancel", args=[purchase.pk])


@pytest.fixture
def sold(db):
    """A purchase of one place, with counters that know of it."""
    return make_purchase(make_vacancy(sold=1), make_key(), buyer_name="Ada Lovelace")


@pytest.mark.django_db(transaction=True)
class TestCancel:
    def test_reason_and_name_stay_and_the_place_is_free_again(
        self, operator, operator_client, sold
    ):
        operator_client.post(cancel_url(sold), CONFIRMED)

        sold.refresh_from_db()
        assert (sold.status, sold.cancel_reason) == ("cancelled", "Asked by phone")
        assert (sold.cancelled_by, sold.vacancy.available) == (operator, 100)
        assert note_text(LogEntry.objects.get().change_message) == "Cancelled: Asked by phone"

    def test_without_a_reason_nothing_happens(self, operator_client, sold):
        operator_client.post(cancel_url(sold), CONFIRMED | {"reason": ""})

        sold.refresh_from_db()
        assert sold.status == "confirmed"

    def test_second_time_says_so(self, operator_client, sold):
        for _ in range(2):
            operator_client.post(cancel_url(sold), CONFIRMED)

        assert "it was cancelled before" in operator_client.get(PURCHASES).content.decode()

    def test_purchase_that_somebody_came_in_with_is_kept(self, operator_client, sold):
        Ticket.objects.update(checked_in_at=NOW)

        operator_client.post(cancel_url(sold), CONFIRMED)

        sold.refresh_from_db()
        assert sold.status == "confirmed"
        assert "it cannot be cancelled" in operator_client.get(PURCHASES).content.decode()

    def test_viewer_may_not_cancel(self, client_of, staff_with, sold):
        client_of(staff_with("view_purchase")).post(cancel_url(sold), CONFIRMED)

        sold.refresh_from_db()
        assert sold.status == "confirmed"

    def test_page_says_who_cancelled_and_why(self, operator_client, sold):
        operator_client.post(cancel_url(sold), CONFIRMED)
        url = reverse("admin:tickets_purchase_change", args=[sold.pk])

        assert "Asked by phone" in operator_client.get(url).content.decode()


@pytest.mark.django_db
class TestSearch:
    @pytest.mark.parametrize("by", ["code", "buyer", "key name", "key prefix", "idempotency key"])
    def test_purchase_is_found_by(self, operator_client, sold, by):
        Purchase.objects.filter(pk=sold.pk).update(idempotency_key="order-17")
        make_purchase(make_vacancy(name="Other"))
        term = {
            "code": str(sold.tickets.get()),
            "buyer": "lovelace",
            "key name": "Till 3",
            "key prefix": sold.client.prefix,
            "idempotency key": "order-17",
        }[by]

        found = operator_client.get(PURCHASES, {"q": term}).context["cl"].result_list

        assert [one.pk for one in found] == [sold.pk]


@pytest.mark.django_db(transaction=True)
class TestDoor:
    def admit(self, client, code):
        return client.post(DOOR, {"code": code}, follow=True).content.decode()

    def test_code_admits_once(self, operator_client, sold):
        code = str(sold.tickets.get()).lower()

        first, second = (self.admit(operator_client, code) for _ in range(2))

        assert "Admitted: Ada Lovelace, Concert." in first
        assert "Do not admit: somebody came in with it at" in second
        assert Ticket.objects.get().checked_in_at is not None

    def test_admission_is_in_the_log(self, operator_client, sold):
        self.admit(operator_client, str(sold.tickets.get()))

        assert note_text(LogEntry.objects.get().change_message) == "Checked in."

    def test_cancelled_purchase_admits_nobody(self, operator_client, sold):
        operator_client.post(cancel_url(sold), CONFIRMED)

        assert "the purchase was cancelled" in self.admit(operator_client, str(sold.tickets.get()))

    def test_unknown_code_is_a_sentence(self, operator_client, sold):
        assert "No ticket has this code." in self.admit(operator_client, "NONSENSE")

    def test_rehearsals_ticket_is_unknown(self, operator_client):
        purchase = make_purchase(make_vacancy(is_rehearsal=True))

        text = self.admit(operator_client, str(purchase.tickets.get()))

        assert "No ticket has this code." in text

    def test_viewer_sees_the_count_and_admits_nobody(self, client_of, staff_with, sold):
        viewer = client_of(staff_with("view_ticket"))

        answer = viewer.get(DOOR)

        assert (answer.context["sold"], answer.context["checked_in"]) == ("1", "0")
        assert viewer.post(DOOR, {"code": str(sold.tickets.get())}).status_code == 403

    def test_nothing_sold_is_said(self, operator_client):
        assert "Nothing sold yet." in operator_client.get(DOOR).content.decode()

    def test_query_count_does_not_grow_with_tickets(self, operator_client, sold):
        before = query_count(operator_client, DOOR)
        for _ in range(10):
            make_purchase(sold.vacancy)
        Ticket.objects.update(checked_in_at=NOW)

        assert query_count(operator_client, DOOR) == before
