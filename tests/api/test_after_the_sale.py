"""What happens to a purchase later: listed, cancelled, used at the door."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.api.problems import problem_in
from tests.conftest import Api, make_vacancy
from tickets import services
from tickets.auditing import audit
from tickets.models import Purchase, Ticket
from vacancy.models import StockMovement, Vacancy
from vacancy.selectors import Counters, counters

pytestmark = pytest.mark.django_db(transaction=True)


def buy(api: Api, vacancy: Vacancy, *, key: str = "k-1", qty: int = 2) -> dict[str, Any]:
    """Buy and return the body."""
    wanted = {"vacancy": vacancy.pk, "qty": qty, "buyer": {"name": "Ada"}}
    response = api("POST", "/purchases", json=wanted, headers={"Idempotency-Key": key})
    body: dict[str, Any] = response.json()
    return body


@pytest.fixture
def door(db: None) -> Api:
    """A scanner: a key that may check in and not buy."""
    _, secret = services.key_create(name="door", scopes="check_in", now=timezone.now())
    return Api(secret)


class TestCancelling:
    """POST /purchases/{id}/cancel."""

    def test_purchase_of_a_rehearsal_that_ends_meanwhile_is_not_found(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its last buyers may still be under way when the stock goes."""
        rehearsal = make_vacancy(is_rehearsal=True)
        _, secret = services.key_create(name="run", vacancy_id=rehearsal.pk, now=timezone.now())
        buyer = Api(secret)
        bought = buy(buyer, rehearsal)["id"]
        hold_vacancy = services._hold_vacancy

        def wait_for_the_end(vacancy_id: int) -> bool:
            services.rehearsal_delete(vacancy_id=vacancy_id)
            return hold_vacancy(vacancy_id)

        monkeypatch.setattr(services, "_hold_vacancy", wait_for_the_end)

        problem_in(buyer("POST", f"/purchases/{bought}/cancel"), "not-found")

    def test_places_are_given_back_once(self, api: Api, vacancy: Vacancy) -> None:
        """A repeat answers the same; the ledger has one line."""
        bought = buy(api, vacancy)["id"]

        answers = [
            api("POST", f"/purchases/{bought}/cancel", json={"reason": "ill"}) for _ in range(2)
        ]

        assert [answer.json()["status"] for answer in answers] == ["cancelled", "cancelled"]
        assert counters(vacancy_id=vacancy.pk) == Counters(10, 10, 0, 0)
        assert "ill" in StockMovement.objects.get().reason
        assert audit() == []

    def test_body_may_be_missing(self, api: Api, vacancy: Vacancy) -> None:
        """A reason is a courtesy."""
        bought = buy(api, vacancy)["id"]

        assert api("POST", f"/purchases/{bought}/cancel").status_code == 200

    def test_sale_is_open_again_at_once(self, api: Api) -> None:
        """What this process knew to be sold out is not."""
        vacancy = make_vacancy(capacity=2)
        bought = buy(api, vacancy)["id"]
        assert buy(api, vacancy, key="k-2")["code"] == "sold-out"

        api("POST", f"/purchases/{bought}/cancel")

        assert buy(api, vacancy, key="k-2")["status"] == "confirmed"

    def test_purchase_of_another_client_does_not_exist(self, api: Api, vacancy: Vacancy) -> None:
        """And keeps its places."""
        bought = buy(api, vacancy)["id"]
        _, secret = services.key_create(name="other", now=timezone.now())

        problem_in(Api(secret)("POST", f"/purchases/{bought}/cancel"), "not-found")

        assert Purchase.objects.get().status == "confirmed"

    def test_used_ticket_keeps_the_purchase(self, api: Api, door: Api, vacancy: Vacancy) -> None:
        """Somebody sits there."""
        bought = buy(api, vacancy)
        door("POST", f"/tickets/{bought['tickets'][0]['code']}/check-in")

        problem_in(api("POST", f"/purchases/{bought['id']}/cancel"), "already-checked-in")

        assert counters(vacancy_id=vacancy.pk) == Counters(10, 8, 0, 2)

    def test_repeated_purchase_gets_its_first_answer(self, api: Api, vacancy: Vacancy) -> None:
        """A key replays what was said; GET says what became of it."""
        first = buy(api, vacancy)
        api("POST", f"/purchases/{first['id']}/cancel")

        assert buy(api, vacancy) == first
        assert api("GET", f"/purchases/{first['id']}").json()["status"] == "cancelled"


class TestListing:
    """GET /purchases."""

    def test_pages_have_every_purchase_once_newest_first(self, api: Api, vacancy: Vacancy) -> None:
        """Also when several were made in the same instant."""
        bought = [buy(api, vacancy, key=f"k-{n}", qty=1)["id"] for n in range(5)]
        at = timezone.now() - timedelta(minutes=1)
        Purchase.objects.filter(pk__in=bought[:3]).update(created_at=at)

        seen: list[str] = []
        query = "?limit=2"
        while query:
            page = api("GET", f"/purchases{query}").json()
            seen += [purchase["id"] for purchase in page["purchases"]]
            query = page["next"] and f"?limit=2&cursor={page['next']}"

        assert sorted(seen) == sorted(bought)
        assert set(seen[2:]) == set(bought[:3])

    def test_only_the_keys_own(self, api: Api, vacancy: Vacancy) -> None:
        """Another shop's sales are its own business."""
        buy(api, vacancy)
        _, secret = services.key_create(name="other", now=timezone.now())

        assert Api(secret)("GET", "/purchases").json() == {"purchases": [], "next": None}

    @pytest.mark.parametrize("cursor", ["x", "12", "zz-zz", f"{2**80:x}-{'0' * 32}", "-", "1-"])
    def test_cursor_of_somebody_else_is_malformed(self, api: Api, cursor: str) -> None:
        """Never a 500, never the first page."""
        problem_in(api("GET", f"/purchases?cursor={cursor}"), "malformed-request")

    @pytest.mark.parametrize("limit", ["0", "201", "x", "-1"])
    def test_limit_has_bounds(self, api: Api, limit: str) -> None:
        """1 to 200."""
        problem_in(api("GET", f"/purchases?limit={limit}"), "invalid-request")

    def test_query_count_does_not_grow_with_rows(
        self, api: Api, vacancy: Vacancy, django_assert_max_num_queries: Any
    ) -> None:
        """Purchases and their tickets: two reads for a page."""
        from tickets.selectors import Client, purchases_of_client

        for n in range(3):
            buy(api, vacancy, key=f"k-{n}", qty=1)
        owner = Purchase.objects.first()
        assert owner is not None
        client = Client(owner.client_id or 0, "shop", frozenset({"buy"}), None)

        with django_assert_max_num_queries(2):
            found = purchases_of_client(client=client, after=None, limit=10)
            assert [len(list(purchase.tickets.all())) for purchase in found] == [1, 1, 1]


class TestDoor:
    """GET /tickets/{code} and check-in."""

    def test_ticket_is_shown_and_admits_once(self, api: Api, door: Api, vacancy: Vacancy) -> None:
        """The second time says when the first was."""
        code = buy(api, vacancy)["tickets"][0]["code"]

        before = door("GET", f"/tickets/{code}").json()
        first = door("POST", f"/tickets/{code}/check-in").json()
        second = problem_in(door("POST", f"/tickets/{code}/check-in"), "already-checked-in")

        assert (before["status"], first["status"]) == ("valid", "checked_in")
        assert before["vacancy_name"] == "Concert"
        assert first["checked_in_at"].replace("Z", "+00:00") == second["checked_in_at"]

    def test_code_may_be_typed_as_printed(self, api: Api, door: Api, vacancy: Vacancy) -> None:
        """Small letters, hyphens."""
        code = buy(api, vacancy)["tickets"][0]["code"]
        printed = str(Ticket.objects.get(code=code)).lower()

        assert door("GET", f"/tickets/{printed}").json()["code"] == code

    def test_cancelled_ticket_admits_nobody(self, api: Api, door: Api, vacancy: Vacancy) -> None:
        """And says so when it is looked up."""
        bought = buy(api, vacancy)
        code = bought["tickets"][0]["code"]
        api("POST", f"/purchases/{bought['id']}/cancel")

        problem_in(door("POST", f"/tickets/{code}/check-in"), "purchase-cancelled")

        assert door("GET", f"/tickets/{code}").json()["status"] == "cancelled"

    def test_code_with_more_behind_it_is_another(
        self, api: Api, door: Api, vacancy: Vacancy
    ) -> None:
        """Whoever scans twice into one field has typed no ticket."""
        code = buy(api, vacancy)["tickets"][0]["code"]

        problem_in(door("POST", f"/tickets/{code}{code}/check-in"), "not-found")

    @pytest.mark.parametrize("code", ["2" * 20, "x", "%00", "a" * 300])
    def test_code_that_is_none_is_not_found(self, door: Api, code: str) -> None:
        """Whatever was typed."""
        problem_in(door("GET", f"/tickets/{code}"), "not-found")
        problem_in(door("POST", f"/tickets/{code}/check-in"), "not-found")

    def test_shops_key_opens_no_door(self, api: Api, vacancy: Vacancy) -> None:
        """Buying and admitting are two scopes."""
        code = buy(api, vacancy)["tickets"][0]["code"]

        problem_in(api("POST", f"/tickets/{code}/check-in"), "forbidden")

    def test_door_buys_nothing(self, door: Api, vacancy: Vacancy) -> None:
        """Nor sees what shops bought."""
        problem_in(door("GET", "/purchases"), "forbidden")
