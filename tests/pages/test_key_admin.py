"""API keys: made once, shown once, revoked, never edited or deleted."""

import re
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse

from tests.pages.conftest import NOW, make_key, make_vacancy, query_count
from tickets.models import ApiKey
from tickets.selectors import client_for_key, key_digest

LIST = reverse("admin:tickets_apikey_changelist")
ADD = reverse("admin:tickets_apikey_add")
SECRET = re.compile(r"tsk_[\w-]{43}")


def revoke_url(key):
    return reverse("admin:tickets_apikey_revoke", args=[key.pk])


def secret_in(answer):
    found = SECRET.search(answer.content.decode())
    assert found, "the answer shows no key"
    return found.group()


def test_expiry_that_other_zones_cannot_tell_is_refused(operator_client):
    when = {"expires_at_0": "9999-12-31", "expires_at_1": "23:59"}

    operator_client.post(reverse("admin:tickets_apikey_add"), {"name": "x", "scopes": "buy"} | when)

    assert not ApiKey.objects.exists()


class TestCreate:
    def test_new_key_is_in_the_answer_and_works(self, operator_client):
        answer = operator_client.post(ADD, {"name": "Till 3", "scopes": ["buy", "check_in"]})

        secret = secret_in(answer)
        found = client_for_key(secret=secret, now=NOW)
        assert found
        assert (found.name, set(found.scopes)) == ("Till 3", {"buy", "check_in"})

    def test_only_its_hash_is_stored(self, operator_client):
        answer = operator_client.post(ADD, {"name": "Till 3", "scopes": ["buy"]})

        secret = secret_in(answer)
        key = ApiKey.objects.get()
        assert key.digest == key_digest(secret)
        assert secret not in {key.name, key.prefix, key.scopes}
        assert not any(secret in str(one.get_decoded()) for one in Session.objects.all())

    def test_it_is_never_shown_again(self, operator_client):
        operator_client.post(ADD, {"name": "Till 3", "scopes": ["buy"]})

        page = reverse("admin:tickets_apikey_change", args=[ApiKey.objects.get().pk])
        texts = [operator_client.get(url).content.decode() for url in (LIST, page, ADD)]

        assert not any(SECRET.search(text) for text in texts)

    def test_answer_may_not_be_kept_by_a_cache(self, operator_client):
        answer = operator_client.post(ADD, {"name": "Till 3", "scopes": ["buy"]})

        assert "no-store" in answer.headers["Cache-Control"]

    @pytest.mark.parametrize("scopes", [[], ["everything"]])
    def test_scopes_must_be_known_and_not_none(self, operator_client, scopes):
        answer = operator_client.post(ADD, {"name": "Till 3", "scopes": scopes})

        assert answer.status_code == 200
        assert not ApiKey.objects.exists()

    def test_opening_the_form_makes_nothing(self, operator_client):
        operator_client.get(ADD)

        assert not ApiKey.objects.exists()

    def test_viewer_may_not_make_one(self, client_of, staff_with):
        viewer = client_of(staff_with("view_apikey"))

        assert viewer.post(ADD, {"name": "Till 3", "scopes": ["buy"]}).status_code == 403


class TestList:
    def test_state_is_a_word(self, operator_client):
        make_key(name="Works")
        make_key(name="Lapsed", expires_at=NOW - timedelta(days=1))
        make_key(name="Gone")
        ApiKey.objects.filter(name="Gone").update(revoked_at=NOW)

        text = operator_client.get(LIST).content.decode()

        assert all(f"</span>{word}</span>" in text for word in ("Active", "Expired", "Revoked"))

    @pytest.mark.parametrize("state", ["active", "expired", "revoked"])
    def test_state_can_be_picked_out(self, operator_client, state):
        make_key(name="active")
        make_key(name="expired", expires_at=NOW - timedelta(days=1))
        make_key(name="revoked")
        ApiKey.objects.filter(name="revoked").update(revoked_at=NOW)

        rows = operator_client.get(LIST, {"state": state}).context["cl"].result_list

        assert [key.name for key in rows] == [state]

    def test_keys_of_rehearsals_are_hidden(self, operator_client):
        make_key(name="Run 1", vacancy_id=make_vacancy(is_rehearsal=True).pk)

        assert operator_client.get(LIST).context["cl"].result_count == 0

    def test_query_count_is_the_same_for_one_and_for_twenty_rows(self, operator_client):
        make_key()
        before = query_count(operator_client, LIST)

        for number in range(19):
            make_key(name=f"Till {number}")

        assert query_count(operator_client, LIST) == before


class TestRevoke:
    def test_confirmed_revoke_stops_the_key(self, operator_client):
        key = make_key()

        operator_client.post(revoke_url(key), {"_form_submitted": "on"})

        key.refresh_from_db()
        assert key.revoked_at is not None

    def test_opening_the_dialog_stops_nothing(self, operator_client):
        key = make_key()

        operator_client.get(revoke_url(key))

        key.refresh_from_db()
        assert key.revoked_at is None

    def test_second_revoke_says_that_nothing_changed(self, operator_client):
        key = make_key()

        for _ in range(2):
            operator_client.post(revoke_url(key), {"_form_submitted": "on"})

        assert "was revoked before" in operator_client.get(LIST).content.decode()

    def test_viewer_may_not_revoke(self, client_of, staff_with):
        viewer = client_of(staff_with("view_apikey"))

        assert viewer.post(revoke_url(make_key()), {"_form_submitted": "on"}).status_code == 403

    def test_key_cannot_be_deleted(self, operator_client):
        url = reverse("admin:tickets_apikey_delete", args=[make_key().pk])

        assert operator_client.post(url, {"post": "yes"}).status_code == 403
