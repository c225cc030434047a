"""Addresses that somebody typed or changed: the answer is a page, never an error of ours."""

import pytest
from django.urls import reverse

from tests.pages.conftest import make_purchase, make_vacancy
from vacancy.schemas import MAX_ID, read_id

TOO_LARGE = [str(MAX_ID + 1), "9" * 5000]


@pytest.mark.parametrize(
    ("text", "number"), [("7", 7), (str(MAX_ID), MAX_ID), ("", None), ("-1", None), ("²", None)]
)
def test_id_is_read(text, number):
    assert read_id(text) == number


@pytest.mark.parametrize("text", TOO_LARGE)
def test_number_that_is_no_id_is_none(text):
    assert read_id(text) is None


@pytest.mark.parametrize("number", TOO_LARGE)
class TestNumberThatNoRowHas:
    @pytest.mark.parametrize(
        ("page", "parameter"),
        [
            ("admin:tickets_purchase_changelist", "vacancy"),
            ("admin:tickets_ticket_changelist", "vacancy"),
            ("admin:tickets_ticket_door", "vacancy"),
            ("admin:loadlab_run_add", "like"),
        ],
    )
    def test_page_is_shown_without_it(self, operator_client, page, parameter, number):
        make_purchase(make_vacancy(sold=1))

        assert operator_client.get(reverse(page), {parameter: number}).status_code == 200

    def test_capacity_of_nothing_is_no_page(self, operator_client, number):
        url = reverse("admin:vacancy_vacancy_capacity")

        assert operator_client.get(url, {"ids": number}).status_code == 404

    def test_capacity_is_changed_for_the_others(self, operator_client, number):
        url, vacancy = reverse("admin:vacancy_vacancy_capacity"), make_vacancy()

        answer = operator_client.get(url, {"ids": f"{vacancy.pk},{number}"})

        assert [one["id"] for one in answer.context["vacancies"]] == [vacancy.pk]

    def test_run_is_not_found(self, operator_client, number):
        url = reverse("admin:loadlab_run_change", args=[number])

        assert operator_client.get(url).status_code == 404
