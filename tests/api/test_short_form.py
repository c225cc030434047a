"""POST /purchase and /reserve: the short form that older load scripts call."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.api.problems import problem_in
from tests.conftest import Api, make_vacancy
from tickets import services as tickets
from tickets.models import ApiKey, Purchase
from vacancy.models import Vacancy

pytestmark = pytest.mark.django_db(transaction=True)

both = pytest.mark.parametrize("path", ["/purchase", "/reserve"])


class TestBuying:
    """The short form sells like the long one."""

    @pytest.mark.parametrize(
        ("path", "message"), [("/purchase", "Purchased 2."), ("/reserve", "Reserved 2.")]
    )
    def test_answer_has_the_documented_shape(
        self, anonymous_api: Api, vacancy: Vacancy, path: str, message: str
    ) -> None:
        """200, and exactly three members."""
        response = anonymous_api("POST", path, json={"qty": 2})

        assert response.status_code == 200
        assert response.headers["content-type"] == "application/json"
        assert response.json() == {"success": True, "remaining": 8, "message": message}

    @both
    def test_qty_is_one_unless_said(self, anonymous_api: Api, vacancy: Vacancy, path: str) -> None:
        """The shortest body is {}."""
        response = anonymous_api("POST", path, json={})

        assert response.json()["remaining"] == 9

    def test_vacancy_may_be_named(self, anonymous_api: Api, vacancy: Vacancy) -> None:
        """The default is meant only when none is named."""
        other = make_vacancy(capacity=3)

        response = anonymous_api("POST", "/purchase", json={"qty": 1, "vacancy": other.pk})

        vacancy.refresh_from_db()
        assert response.json()["remaining"] == 2
        assert vacancy.available == 10

    @both
    def test_repeat_with_an_idempotency_key_sells_nothing(
        self, api: Api, vacancy: Vacancy, path: str
    ) -> None:
        """The header is optional here, and works as in the long form."""
        again = [
            api("POST", path, json={"qty": 2}, headers={"Idempotency-Key": "k"}) for _ in range(2)
        ]

        vacancy.refresh_from_db()
        assert [answer.json()["success"] for answer in again] == [True, True]
        assert vacancy.sold == 2

    def test_idempotency_key_without_an_api_key_binds_nobody(
        self, anonymous_api: Api, vacancy: Vacancy
    ) -> None:
        """There is no client whose repeat it could be: two strangers are two buyers."""
        for _ in range(2):
            anonymous_api("POST", "/purchase", json={"qty": 1}, headers={"Idempotency-Key": "k"})

        vacancy.refresh_from_db()
        assert vacancy.sold == 2

    def test_purchase_with_a_key_belongs_to_its_client(
        self, api: Api, key_row: ApiKey, vacancy: Vacancy
    ) -> None:
        """It can be found under the long form then."""
        api("POST", "/purchase", json={"qty": 1})

        purchase = Purchase.objects.get()
        assert purchase.client_id == key_row.pk
        assert api("GET", f"/purchases/{purchase.pk}").status_code == 200

    def test_every_call_is_a_purchase_of_its_own(
        self, anonymous_api: Api, vacancy: Vacancy
    ) -> None:
        """Without a key nothing is taken for a repeat."""
        for _ in range(3):
            anonymous_api("POST", "/purchase", json={"qty": 1})

        assert Purchase.objects.count() == 3


class TestRefusals:
    """Refusals of the sale come with status 200, mistakes and locked doors do not."""

    @both
    def test_sold_out_says_how_many_are_left(
        self, anonymous_api: Api, vacancy: Vacancy, path: str
    ) -> None:
        """The script sees success false and the true number."""
        Vacancy.objects.update(available=2, sold=8)

        response = anonymous_api("POST", path, json={"qty": 3})

        body = response.json()
        assert response.status_code == 200
        assert (body["success"], body["remaining"]) == (False, 2)
        assert Purchase.objects.count() == 0

    def test_over_the_limit_says_how_many_are_left(
        self, anonymous_api: Api, vacancy: Vacancy
    ) -> None:
        """A script that stops at zero must not stop because it asked for too many at once."""
        Vacancy.objects.update(max_per_purchase=2)

        body = anonymous_api("POST", "/purchase", json={"qty": 3}).json()

        assert (body["success"], body["remaining"]) == (False, 10)

    @pytest.mark.parametrize(
        "change",
        [{"state": "paused"}, {"state": "closed"}, {"state": "draft"}, {"is_default": False}],
        ids=repr,
    )
    def test_vacancy_that_does_not_sell(
        self, anonymous_api: Api, vacancy: Vacancy, change: dict[str, Any]
    ) -> None:
        """A paused, closed, unpublished or missing default: 200 and success false."""
        Vacancy.objects.update(**change)

        response = anonymous_api("POST", "/purchase", json={"qty": 1})

        assert response.status_code == 200
        assert response.json()["success"] is False
        assert Purchase.objects.count() == 0

    def test_sold_out_is_refused_from_memory_for_a_second_only(
        self, anonymous_api: Api, vacancy: Vacancy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Places that come back are sold again, a second later at most."""
        clock = [100.0]
        monkeypatch.setattr("tickets.sold_out.time.monotonic", lambda: clock[0])
        Vacancy.objects.update(available=0, sold=10)
        anonymous_api("POST", "/purchase", json={"qty": 1})
        Vacancy.objects.update(available=1, sold=9)
        at_once = anonymous_api("POST", "/purchase", json={"qty": 1}).json()

        clock[0] += 1.0
        later = anonymous_api("POST", "/purchase", json={"qty": 1}).json()

        assert (at_once["success"], later["success"]) == (False, True)

    def test_fewer_places_are_sold_though_more_were_refused(
        self, anonymous_api: Api, vacancy: Vacancy
    ) -> None:
        """What is remembered is the number, not a closed door."""
        Vacancy.objects.update(available=2, sold=8)
        anonymous_api("POST", "/purchase", json={"qty": 3})

        body = anonymous_api("POST", "/purchase", json={"qty": 2}).json()

        assert (body["success"], body["remaining"]) == (True, 0)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"qty": 0},
            {"qty": -1},
            {"qty": 1.0},
            {"qty": True},
            {"qty": "1"},
            {"qty": None},
            {"qty": 10**30},
            {"vacancy": 0},
            {"vacancy": 2**63},
            {"vacancy": "1"},
            {"buyer": {}},
        ],
        ids=repr,
    )
    def test_request_that_is_not_as_documented(
        self, anonymous_api: Api, vacancy: Vacancy, wrong: dict[str, Any]
    ) -> None:
        """Mistakes are told as everywhere else."""
        problem_in(anonymous_api("POST", "/purchase", json=wrong), "invalid-request")

        assert Purchase.objects.count() == 0

    def test_missing_body_is_invalid(self, anonymous_api: Api, vacancy: Vacancy) -> None:
        """Not a purchase of one by accident."""
        problem_in(anonymous_api("POST", "/purchase"), "invalid-request")

        assert Purchase.objects.count() == 0


class TestWhoMayBuy:
    """Anonymous buyers while it is open, good keys always."""

    @both
    def test_anonymous_is_refused_where_it_is_closed(
        self, anonymous_api: Api, vacancy: Vacancy, settings: Any, path: str
    ) -> None:
        """Production keeps it closed."""
        settings.TICKETSITE_OPEN_SHORT_FORM = False

        response = anonymous_api("POST", path, json={"qty": 1})

        problem_in(response, "unauthenticated")
        assert response.headers["www-authenticate"].startswith("Bearer")
        assert Purchase.objects.count() == 0

    def test_key_may_buy_where_it_is_closed(
        self, api: Api, vacancy: Vacancy, settings: Any
    ) -> None:
        """Closed means closed for strangers."""
        settings.TICKETSITE_OPEN_SHORT_FORM = False

        assert api("POST", "/purchase", json={"qty": 1}).json()["success"] is True

    def test_bad_key_is_refused_though_it_is_open(self, vacancy: Vacancy) -> None:
        """A wrong key is never taken for none."""
        problem_in(Api("tsk_wrong")("POST", "/purchase", json={"qty": 1}), "unauthenticated")

    def test_key_without_the_scope_is_refused_though_it_is_open(self, vacancy: Vacancy) -> None:
        """The door clerk's key does not buy."""
        _, secret = tickets.key_create(
            name="door",
            scopes="check_in",
            now=timezone.now(),
            expires_at=timezone.now() + timedelta(days=1),
        )

        problem_in(Api(secret)("POST", "/purchase", json={"qty": 1}), "forbidden")
