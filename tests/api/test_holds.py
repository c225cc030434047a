"""Holds: places kept for some minutes, then bought, given back, or on sale again."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from django.utils import timezone

from tests.api.problems import problem_in
from tests.conftest import Api, make_vacancy
from tickets import batch, selling, services
from tickets.auditing import audit
from tickets.models import Hold, Purchase
from vacancy.models import StockMovement, Vacancy
from vacancy.selectors import Counters, counters

pytestmark = pytest.mark.django_db(transaction=True)

ADA = {"name": "Ada Lovelace", "email": "ada@example.org"}


def hold(api: Api, vacancy: Vacancy, *, key: str = "h-1", **body: Any) -> httpx.Response:
    """Hold with one idempotency key."""
    wanted = {"vacancy": vacancy.pk, "qty": 2, **body}
    return api("POST", "/holds", json=wanted, headers={"Idempotency-Key": key})


def confirm(api: Api, hold_id: str, *, key: str = "c-1", **kwargs: Any) -> httpx.Response:
    """Confirm with one idempotency key."""
    headers = {"Idempotency-Key": key}
    return api("POST", f"/holds/{hold_id}/confirm", headers=headers, **kwargs)


def now_of(vacancy: Vacancy) -> Counters | None:
    """Return the counters."""
    return counters(vacancy_id=vacancy.pk)


def let_it_expire() -> None:
    """Move every hold into the past; nobody sweeps."""
    begun = timezone.now() - timedelta(hours=1)
    Hold.objects.update(created_at=begun, expires_at=begun + timedelta(seconds=1))


class TestHolding:
    """POST /holds."""

    def test_answer_has_the_documented_shape(self, api: Api, vacancy: Vacancy) -> None:
        """201, where to find it, and until when."""
        response = hold(api, vacancy, hold_seconds=90, buyer=ADA)

        body = response.json()
        kept = datetime.fromisoformat(body["expires_at"]) - datetime.fromisoformat(
            body["created_at"]
        )
        assert response.status_code == 201
        assert response.headers["location"] == f"/api/v1/holds/{uuid.UUID(body['id'])}"
        assert kept == timedelta(seconds=90)
        assert (body["status"], body["total"], body["purchase"]) == ("active", 9000, None)

    def test_places_are_held_for_ten_minutes_unless_said(self, api: Api, vacancy: Vacancy) -> None:
        """Nobody else can buy them."""
        hold(api, vacancy)

        kept = Hold.objects.get()
        assert kept.expires_at - kept.created_at == timedelta(minutes=10)
        assert now_of(vacancy) == Counters(10, 8, 2, 0)

    def test_repeat_gets_the_same_answer_and_holds_nothing(
        self, api: Api, vacancy: Vacancy
    ) -> None:
        """Also after it became something else."""
        first = hold(api, vacancy)
        confirm(api, first.json()["id"])

        again = hold(api, vacancy)

        assert (again.status_code, again.json()) == (201, first.json())
        assert Hold.objects.count() == 1

    def test_same_key_may_buy_and_hold(self, api: Api, vacancy: Vacancy) -> None:
        """A key stands for one request to one path."""
        hold(api, vacancy, key="same")

        bought = api(
            "POST",
            "/purchases",
            json={"vacancy": vacancy.pk, "qty": 1},
            headers={"Idempotency-Key": "same"},
        )

        assert bought.status_code == 201

    @pytest.mark.parametrize("seconds", [0, -1, 3601, "60", 1.5])
    def test_time_outside_its_bounds_is_invalid(
        self, api: Api, vacancy: Vacancy, seconds: Any
    ) -> None:
        """A second to an hour, as a whole number."""
        problem_in(hold(api, vacancy, hold_seconds=seconds), "invalid-request")

        assert now_of(vacancy) == Counters(10, 10, 0, 0)

    def test_key_is_needed(self, api: Api, vacancy: Vacancy) -> None:
        """As for purchases."""
        wanted = {"vacancy": vacancy.pk, "qty": 1}

        problem_in(api("POST", "/holds", json=wanted), "idempotency-key-missing")

    def test_more_than_there_is_is_sold_out(self, api: Api) -> None:
        """A hold is refused as a sale is."""
        vacancy = make_vacancy(capacity=3)

        assert problem_in(hold(api, vacancy, qty=4), "sold-out")["available"] == 3


class TestConfirming:
    """POST /holds/{id}/confirm."""

    def test_hold_becomes_a_purchase(self, api: Api, vacancy: Vacancy) -> None:
        """At its price, for its buyer, with a ticket for each place."""
        held = hold(api, vacancy, buyer=ADA).json()
        Vacancy.objects.update(price=9900)

        bought = confirm(api, held["id"]).json()

        assert (bought["total"], len(bought["tickets"])) == (9000, 2)
        assert Purchase.objects.get().buyer_name == "Ada Lovelace"
        assert now_of(vacancy) == Counters(10, 8, 0, 2)
        assert api("GET", f"/holds/{held['id']}").json()["purchase"] == bought["id"]

    def test_buyer_may_be_named_late(self, api: Api, vacancy: Vacancy) -> None:
        """A shop often asks for the name last."""
        held = hold(api, vacancy).json()

        confirm(api, held["id"], json={"buyer": ADA})

        assert Purchase.objects.get().buyer_email == "ada@example.org"

    def test_repeat_gets_the_same_purchase(self, api: Api, vacancy: Vacancy) -> None:
        """One key, one purchase."""
        held = hold(api, vacancy).json()
        first = confirm(api, held["id"])

        again = confirm(api, held["id"])

        assert (again.status_code, again.json()) == (201, first.json())
        assert now_of(vacancy) == Counters(10, 8, 0, 2)

    def test_another_key_is_told_that_it_is_bought(self, api: Api, vacancy: Vacancy) -> None:
        """Two requests that are not repeats of each other."""
        held = hold(api, vacancy).json()
        confirm(api, held["id"])

        problem_in(confirm(api, held["id"], key="c-2"), "hold-confirmed")

    @pytest.mark.parametrize("state", ["paused", "closed"])
    def test_what_was_promised_is_kept_though_the_sale_is_over(
        self, api: Api, vacancy: Vacancy, state: str
    ) -> None:
        """A pause stops new buyers."""
        held = hold(api, vacancy).json()
        Vacancy.objects.update(state=state)

        assert confirm(api, held["id"]).status_code == 201

    def test_expired_hold_is_gone_and_nothing_is_sold(self, api: Api, vacancy: Vacancy) -> None:
        """410, though nobody has swept yet."""
        held = hold(api, vacancy).json()
        let_it_expire()

        problem_in(confirm(api, held["id"]), "hold-expired")

        assert api("GET", f"/holds/{held['id']}").json()["status"] == "expired"
        assert not Purchase.objects.exists()

    def test_released_hold_is_gone(self, api: Api, vacancy: Vacancy) -> None:
        """410, and the places stay where they are."""
        held = hold(api, vacancy).json()
        api("DELETE", f"/holds/{held['id']}")

        problem_in(confirm(api, held["id"]), "hold-released")

        assert now_of(vacancy) == Counters(10, 10, 0, 0)

    def test_hold_of_another_client_does_not_exist(self, api: Api, vacancy: Vacancy) -> None:
        """For all four calls."""
        held = hold(api, vacancy).json()["id"]
        _, secret = services.key_create(name="other", now=timezone.now())
        stranger = Api(secret)

        problem_in(stranger("GET", f"/holds/{held}"), "not-found")
        problem_in(stranger("DELETE", f"/holds/{held}"), "not-found")
        problem_in(confirm(stranger, held), "not-found")


class TestEnding:
    """Released, expired, taken back: once each."""

    def test_release_gives_the_places_back_once(self, api: Api, vacancy: Vacancy) -> None:
        """And is written down."""
        held = hold(api, vacancy).json()["id"]

        answers = [api("DELETE", f"/holds/{held}").status_code for _ in range(2)]

        assert answers == [204, 204]
        assert now_of(vacancy) == Counters(10, 10, 0, 0)
        assert StockMovement.objects.get().qty == 2

    @pytest.mark.parametrize(
        ("make_it", "code"), [("confirmed", "hold-confirmed"), ("expired", "hold-expired")]
    )
    def test_ended_hold_cannot_be_released(
        self, api: Api, vacancy: Vacancy, make_it: str, code: str
    ) -> None:
        """Its places are elsewhere."""
        held = hold(api, vacancy).json()["id"]
        if make_it == "confirmed":
            confirm(api, held)
        else:
            let_it_expire()

        problem_in(api("DELETE", f"/holds/{held}"), code)

    def test_sweep_gives_back_what_expired_and_nothing_else(
        self, api: Api, vacancy: Vacancy
    ) -> None:
        """Once, with a line in the ledger."""
        hold(api, vacancy, key="old", qty=3)
        let_it_expire()
        hold(api, vacancy, key="new", qty=1)

        swept = [services.holds_expire(now=timezone.now()) for _ in range(2)]

        assert swept == [1, 0]
        assert now_of(vacancy) == Counters(10, 9, 1, 0)
        assert StockMovement.objects.get().kind == "expired"
        assert audit() == []

    def test_expired_places_are_sold_though_nobody_swept(self, api: Api) -> None:
        """The till takes them back in the same transaction."""
        vacancy = make_vacancy(capacity=2)
        hold(api, vacancy)
        let_it_expire()

        assert hold(api, vacancy, key="h-2").status_code == 201
        assert now_of(vacancy) == Counters(2, 0, 2, 0)
        assert audit() == []

    def test_as_many_expired_holds_end_as_are_needed(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However few are taken back at once."""
        monkeypatch.setattr(batch, "TAKEN_BACK_AT_ONCE", 1)
        vacancy = make_vacancy(capacity=6)
        for number in range(3):
            hold(api, vacancy, key=f"h-{number}")
        let_it_expire()

        assert hold(api, vacancy, key="h-3", qty=3).status_code == 201
        assert now_of(vacancy) == Counters(6, 1, 5, 0)
        assert audit() == []

    def test_places_that_are_held_are_not_sold(self, api: Api) -> None:
        """Until their time is over."""
        vacancy = make_vacancy(capacity=2)
        hold(api, vacancy)

        problem_in(hold(api, vacancy, key="h-2", qty=1), "sold-out")

    def test_release_reopens_the_sale_at_once(self, api: Api) -> None:
        """What this process knew to be sold out is not."""
        vacancy = make_vacancy(capacity=2)
        held = hold(api, vacancy).json()["id"]
        problem_in(hold(api, vacancy, key="h-2"), "sold-out")

        api("DELETE", f"/holds/{held}")

        assert hold(api, vacancy, key="h-2").status_code == 201


def test_key_can_be_used_again_after_a_day(api: Api, vacancy: Vacancy) -> None:
    """Then it makes another hold; the first keeps the text for whoever searches."""
    first = hold(api, vacancy).json()["id"]
    Hold.objects.update(created_at=timezone.now() - timedelta(hours=24))

    second = hold(api, vacancy).json()["id"]

    assert first != second
    assert list(Hold.objects.values_list("idempotency_key", flat=True)) == ["h-1", "h-1"]


def test_known_sold_out_costs_a_keyed_request_one_read_and_no_write(
    api: Api, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless it is the repeat of the one who got the last place."""
    vacancy = make_vacancy(capacity=2)
    first = hold(api, vacancy)
    problem_in(hold(api, vacancy, key="h-2"), "sold-out")

    def nobody_may_write(**_: Any) -> None:
        raise AssertionError("a transaction was opened")

    monkeypatch.setattr(selling, "serve_together", nobody_may_write)

    problem_in(hold(api, vacancy, key="h-3"), "sold-out")
    assert hold(api, vacancy).json() == first.json()
