"""What a person sees when something is not there, not allowed or broken."""

from unittest import mock

import pytest
from django.test import Client
from django.urls import reverse


def test_missing_page_has_a_way_back(operator_client):
    answer = operator_client.get("/admin/nothing/here/")

    text = answer.content.decode()
    assert answer.status_code == 404
    assert "There is nothing here" in text
    assert reverse("admin:index") in text


def test_it_speaks_portuguese(client):
    answer = client.get("/nothing", headers={"accept-language": "pt-BR"})

    assert "Não há nada aqui" in answer.content.decode()


def test_forbidden_page_says_what_to_do(client_of, staff_with):
    answer = client_of(staff_with("view_run")).get(reverse("admin:loadlab_run_add"))

    assert answer.status_code == 403
    assert "Your role does not allow this" in answer.content.decode()


def test_form_without_its_token_is_explained(operator):
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)

    answer = client.post(reverse("admin:loadlab_run_add"), {})

    assert answer.status_code == 403
    assert "This form is too old" in answer.content.decode()


@pytest.mark.django_db
def test_broken_page_says_that_nothing_is_lost(operator):
    client = Client(raise_request_exception=False)
    client.force_login(operator)

    with mock.patch("ticketsite.overview.read", side_effect=RuntimeError):
        answer = client.get(reverse("admin:index"))

    assert answer.status_code == 500
    assert "Nothing that was sold is lost" in answer.content.decode()
