"""Who may call what: good keys, bad keys, bound keys."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.test import Client as Browser
from django.utils import timezone

from tests.api.problems import problem_in
from tests.conftest import Api, make_vacancy
from tickets import auth
from tickets import services as tickets
from tickets.models import ApiKey, Purchase
from ticketsite.auth import DEMO_USERNAME
from vacancy.models import Vacancy

pytestmark = pytest.mark.django_db(transaction=True)

NOBODY = "/purchases/00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "two\nlines", "\x00"])
def test_command_refuses_a_name_that_is_none(name: str) -> None:
    """A sentence, and no key that nobody could tell from others."""
    with pytest.raises(CommandError, match="1 to 100 printable characters"):
        call_command("create_api_key", name)

    assert not ApiKey.objects.exists()


class TestBadKeys:
    """401 and how to do better."""

    @pytest.mark.parametrize(
        "header",
        [
            None,
            "",
            "Bearer",
            "Bearer ",
            "Bearer tsk_unknown",
            "Basic {key}",
            "{key}",
            "Bearer {key} {key}",
            "Bearer {key}x",
            "Bearer\x00{key}",
            b"Bearer \xff\xfe",
            "Bearer " + "x" * 20_000,
        ],
        ids=lambda header: repr(header)[:24],
    )
    def test_header_that_names_no_good_key_is_refused(
        self, anonymous_api: Api, key: str, header: str | bytes | None
    ) -> None:
        """Missing, malformed or unknown: 401 and the scheme that is wanted."""
        value = header.replace("{key}", key) if isinstance(header, str) else header
        headers = {} if value is None else {"Authorization": value}

        response = anonymous_api("GET", NOBODY, headers=headers)

        problem_in(response, "unauthenticated")
        assert response.headers["www-authenticate"].startswith("Bearer")

    @pytest.mark.parametrize("path", ["/vacancies", "/vacancies/1", "/available", NOBODY])
    def test_bad_key_is_refused_even_where_none_is_needed(self, path: str) -> None:
        """Better said than ignored."""
        problem_in(Api("tsk_unknown")("GET", path), "unauthenticated")

    def test_scheme_may_be_written_in_any_case(self, anonymous_api: Api, key: str) -> None:
        """RFC 9110, 11.1."""
        response = anonymous_api("GET", NOBODY, headers={"Authorization": f"bEaReR  {key}"})

        problem_in(response, "not-found")

    def test_expired_key_is_refused(self, api: Api, key_row: ApiKey) -> None:
        """That instant excluded: the last moment is already too late."""
        ApiKey.objects.update(expires_at=timezone.now())

        problem_in(api("GET", NOBODY), "unauthenticated")

    def test_key_that_expires_later_is_good(self, api: Api, key_row: ApiKey) -> None:
        """An expiry in the future changes nothing today."""
        ApiKey.objects.update(expires_at=timezone.now() + timedelta(hours=1))

        problem_in(api("GET", NOBODY), "not-found")

    def test_revoked_key_stops_working_within_five_seconds(
        self, api: Api, key_row: ApiKey, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also where it was used a moment before."""
        clock = [100.0]
        monkeypatch.setattr("vacancy.fresh.time.monotonic", lambda: clock[0])
        problem_in(api("GET", NOBODY), "not-found")
        tickets.key_revoke(key_id=key_row.pk, now=timezone.now())

        clock[0] += 5.0

        problem_in(api("GET", NOBODY), "unauthenticated")

    def test_revoking_twice_says_so(self, key_row: ApiKey) -> None:
        """The first moment stands."""
        first = timezone.now()
        assert tickets.key_revoke(key_id=key_row.pk, now=first)

        assert not tickets.key_revoke(key_id=key_row.pk, now=first + timedelta(days=1))

        key_row.refresh_from_db()
        assert key_row.revoked_at == first

    def test_digest_is_no_key(self, key_row: ApiKey) -> None:
        """Whoever reads the database cannot buy with what stands there."""
        problem_in(Api(key_row.digest)("GET", NOBODY), "unauthenticated")


class TestScopes:
    """A key does what it was made for."""

    @pytest.mark.parametrize("scopes", ["check_in", "", "buyer", "bu y"])
    def test_key_without_buy_is_forbidden(self, vacancy: Vacancy, scopes: str) -> None:
        """403, because a better key would be let in."""
        _, secret = tickets.key_create(name="door", scopes=scopes, now=timezone.now())
        door = Api(secret)

        problem_in(
            door(
                "POST",
                "/purchases",
                json={"vacancy": vacancy.pk, "qty": 1},
                headers={"Idempotency-Key": "k"},
            ),
            "forbidden",
        )
        problem_in(door("GET", NOBODY), "forbidden")
        assert Purchase.objects.count() == 0

    def test_key_with_several_scopes_may_buy(self, vacancy: Vacancy) -> None:
        """Scopes are separated by spaces."""
        _, secret = tickets.key_create(name="all", scopes="check_in buy", now=timezone.now())

        problem_in(Api(secret)("GET", NOBODY), "not-found")


class TestDemoAccounts:
    """A demo database copied to a server opens nothing there."""

    def test_demo_key_is_known_in_development_only(self, settings: Any) -> None:
        """Where real people buy, it is an unknown key."""
        _, secret = tickets.key_create(name="demo", is_demo=True, now=timezone.now())
        demo = Api(secret)
        problem_in(demo("GET", NOBODY), "not-found")

        settings.TICKETSITE_ENV = "production"
        auth.forget_everything()

        problem_in(demo("GET", NOBODY), "unauthenticated")

    def test_demo_user_cannot_log_in_in_production(
        self, django_user_model: Any, settings: Any
    ) -> None:
        """The right password does not help."""
        django_user_model.objects.create_superuser(DEMO_USERNAME, password="pw")
        assert authenticate(username=DEMO_USERNAME, password="pw")

        settings.TICKETSITE_ENV = "production"

        assert authenticate(username=DEMO_USERNAME, password="pw") is None

    def test_session_of_the_demo_user_ends_in_production(
        self, django_user_model: Any, settings: Any
    ) -> None:
        """A session copied along is no way in either."""
        demo = django_user_model.objects.create_superuser(DEMO_USERNAME, password="pw")
        browser = Browser()
        browser.force_login(demo)

        settings.TICKETSITE_ENV = "production"

        assert browser.get("/admin/", secure=True).status_code == 302

    def test_other_users_log_in_in_production(self, django_user_model: Any, settings: Any) -> None:
        """Only the demo user is shut out."""
        other = django_user_model.objects.create_superuser("other", password="pw")
        settings.TICKETSITE_ENV = "production"

        assert authenticate(username="other", password="pw") == other


class TestBoundKey:
    """A rehearsal's key and its stock know nobody else, and nobody else knows them."""

    @pytest.fixture
    def rehearsal(self, vacancy: Vacancy) -> Vacancy:
        """Rehearsal stock beside the real default."""
        return make_vacancy(capacity=5, is_rehearsal=True, name="Rehearsal")

    @pytest.fixture
    def bound(self, rehearsal: Vacancy) -> Api:
        """The API with a key that is bound to the rehearsal."""
        _, secret = tickets.key_create(name="run", vacancy_id=rehearsal.pk, now=timezone.now())
        return Api(secret)

    def test_bound_key_sees_its_own_stock_by_every_way(
        self, bound: Api, rehearsal: Vacancy
    ) -> None:
        """It is listed, found and default for this key."""
        rows = bound("GET", "/vacancies").json()["vacancies"]

        assert [row["id"] for row in rows] == [rehearsal.pk]
        assert bound("GET", f"/vacancies/{rehearsal.pk}").status_code == 200
        assert bound("GET", "/available").json() == {"vacancy": rehearsal.pk, "qty": 5}
        assert bound("GET", f"/available?vacancy={rehearsal.pk}").status_code == 200

    def test_bound_key_sees_no_real_stock(self, bound: Api, vacancy: Vacancy) -> None:
        """By id or by number, it does not exist."""
        problem_in(bound("GET", f"/vacancies/{vacancy.pk}"), "not-found")
        problem_in(bound("GET", f"/available?vacancy={vacancy.pk}"), "not-found")

    def test_bound_key_buys_its_own_stock(self, bound: Api, rehearsal: Vacancy) -> None:
        """In the long form by id, in the short form by default or by id."""
        bound(
            "POST",
            "/purchases",
            json={"vacancy": rehearsal.pk, "qty": 1},
            headers={"Idempotency-Key": "k"},
        )
        bound("POST", "/purchase", json={"qty": 1})
        bound("POST", "/reserve", json={"qty": 1, "vacancy": rehearsal.pk})

        rehearsal.refresh_from_db()
        assert rehearsal.sold == 3

    def test_bound_key_buys_no_real_stock(self, bound: Api, vacancy: Vacancy) -> None:
        """Neither form gives it a place."""
        body = {"vacancy": vacancy.pk, "qty": 1}

        problem_in(
            bound("POST", "/purchases", json=body, headers={"Idempotency-Key": "k"}), "not-found"
        )
        short = bound("POST", "/purchase", json=body).json()

        assert short["success"] is False
        assert not Purchase.objects.exists()

    def test_nobody_else_sees_rehearsal_stock(
        self, api: Api, anonymous_api: Api, rehearsal: Vacancy, vacancy: Vacancy
    ) -> None:
        """By list, id or number."""
        for caller in (api, anonymous_api):
            rows = caller("GET", "/vacancies").json()["vacancies"]
            assert [row["id"] for row in rows] == [vacancy.pk]
            problem_in(caller("GET", f"/vacancies/{rehearsal.pk}"), "not-found")
            problem_in(caller("GET", f"/available?vacancy={rehearsal.pk}"), "not-found")

    def test_nobody_else_buys_rehearsal_stock(
        self, api: Api, anonymous_api: Api, rehearsal: Vacancy
    ) -> None:
        """Neither form, with or without a key."""
        body = {"vacancy": rehearsal.pk, "qty": 1}

        problem_in(
            api("POST", "/purchases", json=body, headers={"Idempotency-Key": "k"}), "not-found"
        )
        shorts = [caller("POST", "/purchase", json=body).json() for caller in (api, anonymous_api)]

        assert [short["success"] for short in shorts] == [False, False]
        assert not Purchase.objects.exists()

    def test_another_rehearsals_key_is_a_stranger(self, rehearsal: Vacancy) -> None:
        """Two runs never meet."""
        other = make_vacancy(is_rehearsal=True)
        _, secret = tickets.key_create(name="other run", vacancy_id=other.pk, now=timezone.now())
        stranger = Api(secret)

        problem_in(stranger("GET", f"/vacancies/{rehearsal.pk}"), "not-found")
        short = stranger("POST", "/purchase", json={"qty": 1, "vacancy": rehearsal.pk}).json()

        assert short["success"] is False

    def test_sold_out_rehearsal_says_nothing_about_the_real_sale(
        self, bound: Api, api: Api, anonymous_api: Api, rehearsal: Vacancy
    ) -> None:
        """What is remembered of one is never told to the other, in the same second."""
        bound("POST", "/purchase", json={"qty": 5})
        refused = bound("POST", "/purchase", json={"qty": 1}).json()

        bought = [
            caller("POST", "/purchase", json={"qty": 1}).json() for caller in (api, anonymous_api)
        ]

        assert refused["success"] is False
        assert [answer["success"] for answer in bought] == [True, True]
