"""What every page carries: a strict policy, the reader's zone and the reader's language."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.pages.conftest import make_key
from tickets.models import ApiKey
from ticketsite.middleware import POLICY, zone_named
from vacancy.display import moment, money, number

INDEX = reverse("admin:index")
LOGIN = reverse("admin:login")
KEYS = reverse("admin:tickets_apikey_changelist")
VACANCIES = reverse("admin:vacancy_vacancy_changelist")
AT = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


class TestPolicy:
    @pytest.mark.parametrize("url", [LOGIN, INDEX])
    def test_every_page_carries_it(self, operator_client, url):
        assert operator_client.get(url).headers["Content-Security-Policy"] == POLICY

    def test_no_script_from_elsewhere_or_in_the_page(self):
        scripts = next(part for part in POLICY.split("; ") if part.startswith("script-src"))

        assert scripts == "script-src 'self' 'unsafe-eval'"

    def test_theme_writes_no_style_into_the_page(self, operator_client):
        assert "<style" not in operator_client.get(INDEX).content.decode()


class TestAddress:
    def test_nul_in_a_filter_is_a_bad_request(self, operator_client):
        assert operator_client.get(VACANCIES, {"state": "\0"}).status_code == 400

    @pytest.mark.parametrize(
        "action", ["vacancy_vacancy_pause", "tickets_apikey_revoke", "tickets_purchase_cancel"]
    )
    @pytest.mark.parametrize("name", ["x", "9" * 30])
    def test_dialog_about_nothing_is_not_found(self, operator_client, action, name):
        url = reverse(f"admin:{action}", args=[name])

        answer = operator_client.post(url, {"_form_submitted": "on", "reason": "None of ours"})

        assert answer.status_code == 404


class TestZone:
    @pytest.mark.parametrize(
        ("zone", "shown"),
        [
            ("America/Sao_Paulo", "09:00 GMT-3"),
            ("Asia/Kolkata", "17:30 GMT+5:30"),
            ("UTC", "12:00 UTC"),
            ("../../etc/passwd", "12:00 UTC"),
            ("Nowhere/Land", "12:00 UTC"),
        ],
    )
    def test_times_are_shown_in_the_browsers_zone_and_name_it(self, operator_client, zone, shown):
        key = make_key()
        ApiKey.objects.filter(pk=key.pk).update(created_at=AT)
        operator_client.cookies["ticketsite_zone"] = zone

        assert shown in operator_client.get(KEYS).content.decode()

    def test_zone_of_one_reader_is_not_left_to_the_next(self, operator_client):
        operator_client.cookies["ticketsite_zone"] = "America/Sao_Paulo"
        operator_client.get(INDEX)

        assert timezone.get_current_timezone_name() == "UTC"

    @pytest.mark.parametrize("name", ["", "x" * 65, "/etc/localtime", "Europe/\0Berlin"])
    def test_nonsense_is_no_zone(self, name):
        assert zone_named(name) is None


class TestLanguage:
    def test_browser_that_asks_for_portuguese_gets_it(self, client, db):
        text = client.get(LOGIN, headers={"accept-language": "pt-BR,pt;q=0.9"}).content.decode()

        assert '<html lang="pt-br"' in text

    def test_chosen_language_stays(self, operator_client):
        operator_client.post(reverse("set_language"), {"language": "pt-br", "next": INDEX})

        assert '<html lang="pt-br"' in operator_client.get(INDEX).content.decode()

    @pytest.mark.parametrize(
        ("language", "shown"),
        [("en", ("12,000", "EUR 25.00")), ("pt-br", ("12.000", "EUR 25,00"))],
    )
    def test_numbers_are_grouped_as_the_language_does(self, language, shown):
        from django.utils.translation import override

        with override(language):
            assert (number(12000), money(amount=2500, currency="EUR")) == shown


def test_no_time_is_shown_as_nothing():
    assert moment(None) == ""
