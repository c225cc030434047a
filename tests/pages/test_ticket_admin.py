"""Sales pages: everything real can be found, nothing can be changed."""

import pytest
from django.urls import reverse

from tests.pages.conftest import make_key, make_purchase, make_vacancy, query_count

PURCHASES = "admin:tickets_purchase_changelist"
TICKETS = "admin:tickets_ticket_changelist"


def found(client, listing, term):
    return client.get(reverse(listing), {"q": term}).context["cl"].result_count


@pytest.mark.parametrize("listing", [PURCHASES, TICKETS])
class TestLists:
    def test_rehearsal_sales_are_not_listed(self, operator_client, listing):
        make_purchase(make_vacancy(is_rehearsal=True))

        assert operator_client.get(reverse(listing)).context["cl"].result_count == 0

    def test_query_count_is_the_same_for_one_and_for_twenty_rows(self, operator_client, listing):
        make_purchase(make_vacancy(), make_key())
        before = query_count(operator_client, reverse(listing))

        for number in range(19):
            make_purchase(make_vacancy(name=f"Event {number}"), make_key(name=f"Till {number}"))

        assert query_count(operator_client, reverse(listing)) == before

    def test_one_vacancys_rows_can_be_picked_out(self, operator_client, listing):
        wanted, other = make_vacancy(), make_vacancy(name="Gala")
        make_purchase(wanted)
        make_purchase(other)

        answer = operator_client.get(reverse(listing), {"vacancy": wanted.pk})

        assert answer.context["cl"].result_count == 1

    def test_filter_does_not_offer_rehearsal_stock(self, operator_client, listing):
        make_vacancy(name="Rehearsal of run 1", is_rehearsal=True)
        make_vacancy()
        make_vacancy(name="Gala")

        assert "Rehearsal of run 1" not in operator_client.get(reverse(listing)).content.decode()

    def test_rows_can_be_found_by_what_people_quote(self, operator_client, listing):
        key = make_key(name="Door scanner")
        buyer = {"buyer_name": "Ana Souza", "buyer_email": "ana@example.org"}
        purchase = make_purchase(make_vacancy(), key, **buyer)
        make_purchase(make_vacancy())
        ticket = purchase.tickets.get()

        terms = [str(purchase.pk), "Souza", "ana@example.org", "scanner", ticket.code, str(ticket)]

        assert [found(operator_client, listing, term) for term in terms] == [1] * len(terms)

    def test_nothing_can_be_added(self, operator_client, listing):
        add = reverse(listing.replace("changelist", "add"))

        assert operator_client.get(add).status_code == 403

    def test_plain_user_is_sent_to_the_login(self, client_of, plain_user, listing):
        assert client_of(plain_user).get(reverse(listing)).status_code == 302

    def test_staff_without_the_permission_is_refused(self, client_of, staff_with, listing):
        assert client_of(staff_with()).get(reverse(listing)).status_code == 403


class TestPurchasePage:
    def test_shows_total_and_tickets(self, operator_client):
        purchase = make_purchase(make_vacancy())

        url = reverse("admin:tickets_purchase_change", args=[purchase.pk])
        text = operator_client.get(url).content.decode()

        assert "EUR 25.00" in text
        assert str(purchase.tickets.get()) in text

    def test_cannot_be_changed(self, operator_client):
        purchase = make_purchase(make_vacancy(), buyer_name="Ana")
        url = reverse("admin:tickets_purchase_change", args=[purchase.pk])

        answer = operator_client.post(url, {"buyer_name": "Bob"})

        purchase.refresh_from_db()
        assert answer.status_code == 403
        assert purchase.buyer_name == "Ana"

    def test_codes_are_hidden_from_who_may_not_list_tickets(self, client_of, staff_with):
        purchase = make_purchase(make_vacancy())
        url = reverse("admin:tickets_purchase_change", args=[purchase.pk])

        text = client_of(staff_with("view_purchase")).get(url).content.decode()

        assert str(purchase.tickets.get()) not in text

    def test_rehearsal_purchase_has_no_page(self, operator_client):
        purchase = make_purchase(make_vacancy(is_rehearsal=True))
        url = reverse("admin:tickets_purchase_change", args=[purchase.pk])

        assert operator_client.get(url).status_code == 302
