"""Actions that ask first: the question in a dialog, and the same question as a page."""

import pytest
from django.db.models import Model
from django.urls import reverse

from tests.pages.conftest import make_key, make_purchase, make_vacancy

SCRIPT = {"HX-Request": "true"}  # what the theme's script says of itself
PAUSE = "admin:vacancy_vacancy_pause"


def address(row, action):
    return reverse(f"admin:{row._meta.label_lower.replace('.', '_')}_{action}", args=[row.pk])


@pytest.fixture(params=["pause", "put_on_sale", "stop", "cancel", "revoke"])
def question(db, request):
    """The address of each question that these pages ask, and what the page is about."""
    vacancy = make_vacancy(sold=1)
    row: Model = vacancy
    if request.param == "revoke":
        row = make_key()
    elif request.param == "cancel":
        row = make_purchase(vacancy)
    return address(row, request.param), address(row, "change"), row


class TestOnAPage:
    """A new tab, or no JavaScript."""

    def test_question_stands_inside_the_pages_of_the_admin(self, operator_client, question):
        url, back, row = question

        text = operator_client.get(url).content.decode()

        assert "<title>" in text
        assert reverse("admin:index") in text
        assert f'href="{back}"' in text
        assert str(row) in text

    def test_answer_leads_to_the_page_it_is_about(self, operator_client, question):
        url, back, _row = question

        answer = operator_client.post(url, {"_form_submitted": "on", "reason": "Rain"})

        assert (answer.status_code, answer.headers.get("Location")) == (302, back)

    def test_what_is_wrong_is_said_on_it(self, operator_client, db):
        purchase = make_purchase(make_vacancy(sold=1))

        answer = operator_client.post(address(purchase, "cancel"), {"_form_submitted": "on"})

        assert "This field is required." in answer.content.decode()
        assert "<title>" in answer.content.decode()

    def test_question_about_nothing_is_not_found(self, operator_client):
        assert operator_client.get(reverse(PAUSE, args=[9])).status_code == 404

    def test_who_may_not_act_is_not_asked(self, client_of, staff_with):
        viewer = client_of(staff_with("view_vacancy"))

        assert viewer.get(reverse(PAUSE, args=[make_vacancy().pk])).status_code == 403


class TestInTheDialog:
    def test_question_comes_without_the_page_around_it(self, operator_client, question):
        text = operator_client.get(question[0], headers=SCRIPT).content.decode()

        assert 'id="dialog"' in text
        assert "<title>" not in text

    def test_answer_tells_the_script_where_to_go(self, operator_client, question):
        url, back, _row = question

        body = {"_form_submitted": "on", "reason": "Rain"}
        answer = operator_client.post(url, body, headers=SCRIPT)

        assert (answer.status_code, answer.headers.get("HX-Redirect")) == (200, back)
