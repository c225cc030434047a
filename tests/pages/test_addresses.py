"""Addresses that somebody typed or changed: the answer is a page, never an error of ours."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import models
from django.test import Client
from django.urls import reverse

from tests.pages.conftest import make_key, make_purchase, make_run, make_vacancy
from vacancy.model_admin import SiteModelAdmin
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


KINDS = sorted(admin.site._registry, key=lambda model: model._meta.label)
UNUSABLE = {  # by kind of field: what Python, SQLite or PostgreSQL cannot look for
    models.DateTimeField: [
        ("year", "99999999"),
        ("iso_year", "0"),
        ("year__gte", "9" * 30),
        ("gte", "9999999999-01-01"),
        ("gte", "0001-01-01"),
        ("date", "tomorrow"),
        ("range", "2026-01-01"),
    ],
    models.CharField: [("range", "("), ("iregex", "("), ("length", "many")],
    models.UUIDField: [("exact", "7"), ("in", "7,8")],
    models.IntegerField: [("in", "9" * 30), ("range", "1"), ("exact", "1e400")],
    models.AutoField: [("in", "9" * 30), ("range", "1"), ("exact", "NaN")],
    models.JSONField: [("range", "1"), ("contains", "{")],
}


def unusable_filters(model):
    """Yield a filter for everything that cannot be looked for in one field of each kind."""
    kinds = {type(field): field.name for field in model._meta.concrete_fields}
    for kind, field in kinds.items():
        for likeness in (one for one in UNUSABLE if issubclass(kind, one)):
            for lookup, value in UNUSABLE[likeness]:
                yield f"{field}__{lookup}", value


def changelist(model):
    return reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist")


@pytest.mark.django_db(transaction=True)  # PostgreSQL would give up the test's own transaction
@pytest.mark.filterwarnings("ignore:DateTimeField:RuntimeWarning")  # a filter has no zone
class TestFilter:
    @pytest.fixture
    def rows(self, operator):
        """A row of everything: a pattern is not read before there is a text to match."""
        make_purchase(make_vacancy(sold=1), make_key())
        make_run()
        client = Client()
        client.force_login(operator)
        operator.groups.create(name="Ushers")
        operator.logentry_set.create(action_flag=1, object_repr="Gala")
        return client

    @pytest.mark.parametrize("model", KINDS, ids=lambda model: model._meta.label)
    def test_no_address_is_an_error_of_ours(self, rows, model):
        told = [
            (name, value, rows.get(changelist(model), {name: value}).status_code)
            for name, value in unusable_filters(model)
        ]

        assert told
        assert [one for one in told if one[-1] not in {200, 302, 400}] == []

    def test_what_cannot_be_looked_for_leads_to_the_whole_list(self, rows):
        answer = rows.get(changelist(User), {"date_joined__year": "99999999"})

        assert (answer.status_code, answer.headers["Location"]) == (302, f"{changelist(User)}?e=1")

    def test_fault_of_ours_stays_one(self, rows, monkeypatch):
        def fail(*_):
            raise ValueError

        monkeypatch.setattr("ticketsite.admin.UserAdmin.get_queryset", fail)

        with pytest.raises(ValueError):  # noqa: PT011  # any would do
            rows.get(changelist(User), {"e": "1"})

    def test_new_form_takes_nothing_from_the_address(self, rows):
        url = reverse("admin:vacancy_vacancy_add")

        assert rows.get(url, {"starts_at": "soon", "price": "x"}).status_code == 200

    def test_every_kind_of_row_is_covered(self):
        assert all(isinstance(one, SiteModelAdmin) for one in admin.site._registry.values())
