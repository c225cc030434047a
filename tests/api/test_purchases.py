"""POST /purchases and GET /purchases/{id}: what a buyer's software relies on."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from django.utils import timezone

from tests.api.problems import problem_in
from tests.conftest import Api, make_vacancy
from tests.sales import serve
from tickets import repeats, till
from tickets import services as tickets
from tickets.models import ApiKey, Purchase, Ticket
from tickets.selectors import Client
from tickets.wishes import Order
from vacancy import services as stock
from vacancy.models import Vacancy

pytestmark = pytest.mark.django_db(transaction=True)

ADA = {"name": "Ada Lovelace", "email": "ada@example.org"}


def buy(api: Api, *, key: str | None = "k-1", **body: Any) -> httpx.Response:
    """Buy with one idempotency key."""
    headers = {} if key is None else {"Idempotency-Key": key}
    return api("POST", "/purchases", json=body, headers=headers)


def places(vacancy: Vacancy) -> tuple[int, int]:
    """Return what is available and what is sold."""
    vacancy.refresh_from_db()
    return vacancy.available, vacancy.sold


class TestBuying:
    """One purchase that goes well."""

    def test_answer_has_the_documented_shape(self, api: Api, vacancy: Vacancy) -> None:
        """201, and exactly the documented members."""
        response = buy(api, vacancy=vacancy.pk, qty=2, buyer=ADA)

        body = response.json()
        codes = [ticket.pop("code") for ticket in body["tickets"]]
        created_at = datetime.fromisoformat(body.pop("created_at"))
        assert response.status_code == 201
        assert body == {
            "id": str(uuid.UUID(body["id"])),
            "vacancy": vacancy.pk,
            "qty": 2,
            "status": "confirmed",
            "total": 9000,
            "currency": "EUR",
            "tickets": [{}, {}],
        }
        assert sorted(codes) == sorted(Ticket.objects.values_list("code", flat=True))
        assert timezone.now() - created_at < timedelta(minutes=1)

    def test_location_leads_to_the_purchase(self, api: Api, vacancy: Vacancy) -> None:
        """The Location header can be followed and tells the same."""
        response = buy(api, vacancy=vacancy.pk, qty=1, buyer=ADA)

        location = response.headers["location"]
        found = api("GET", location.removeprefix("/api/v1"))
        assert location == f"/api/v1/purchases/{response.json()['id']}"
        assert found.status_code == 200
        assert found.json() == response.json()

    def test_places_move_from_available_to_sold(self, api: Api, vacancy: Vacancy) -> None:
        """The counters say what was sold, and the buyer is on the purchase."""
        buy(api, vacancy=vacancy.pk, qty=3, buyer=ADA)

        purchase = Purchase.objects.get()
        assert places(vacancy) == (7, 3)
        assert (purchase.buyer_name, purchase.buyer_email) == tuple(ADA.values())
        assert (purchase.unit_price, purchase.total) == (4500, 13500)

    def test_buyer_is_optional(self, api: Api, vacancy: Vacancy) -> None:
        """A shop may keep its buyers' names to itself."""
        response = buy(api, vacancy=vacancy.pk, qty=1)

        assert response.status_code == 201

    def test_last_places_can_be_bought(self, api: Api, vacancy: Vacancy) -> None:
        """Sold out is reached, not just approached."""
        response = buy(api, vacancy=vacancy.pk, qty=10)

        assert response.status_code == 201
        assert places(vacancy) == (0, 10)

    @pytest.mark.parametrize(
        "name", ["Zoë", "名前", "a" * 200, "O'Neill; DROP TABLE", "<script>", "🎫", "line\nbreak"]
    )
    def test_names_of_people_are_kept_as_given(self, api: Api, vacancy: Vacancy, name: str) -> None:
        """Whatever people are called, it is stored letter by letter."""
        buy(api, vacancy=vacancy.pk, qty=1, buyer={"name": name})

        assert Purchase.objects.get().buyer_name == name


class TestRefusals:
    """Nothing is sold, and the answer says why."""

    def test_sold_out_says_how_many_are_left(self, api: Api, vacancy: Vacancy) -> None:
        """A buyer may then take fewer."""
        Vacancy.objects.update(available=2, sold=8)

        body = problem_in(buy(api, vacancy=vacancy.pk, qty=3), "sold-out")

        assert body["available"] == 2
        assert places(vacancy) == (2, 8)
        assert not Purchase.objects.exists()

    def test_more_than_one_purchase_may_have(self, api: Api, vacancy: Vacancy) -> None:
        """The limit is the vacancy's own."""
        Vacancy.objects.update(max_per_purchase=2)

        problem_in(buy(api, vacancy=vacancy.pk, qty=3), "limit-per-purchase")

        assert places(vacancy) == (10, 0)

    @pytest.mark.parametrize("state", ["draft", "paused", "closed"])
    def test_vacancy_that_is_not_selling(self, api: Api, vacancy: Vacancy, state: str) -> None:
        """Only `on_sale` sells."""
        Vacancy.objects.update(state=state)

        problem_in(buy(api, vacancy=vacancy.pk, qty=1), "not-on-sale")

        assert places(vacancy) == (10, 0)

    @pytest.mark.parametrize(
        "window",
        [
            pytest.param({"on_sale_from": timedelta(hours=1)}, id="before"),
            pytest.param({"on_sale_until": timedelta(hours=-1)}, id="after"),
        ],
    )
    def test_vacancy_outside_its_sale_window(
        self, api: Api, vacancy: Vacancy, window: dict[str, timedelta]
    ) -> None:
        """The window counts, whatever the state says."""
        now = timezone.now()
        Vacancy.objects.update(**{name: now + delta for name, delta in window.items()})

        problem_in(buy(api, vacancy=vacancy.pk, qty=1), "not-on-sale")

        assert places(vacancy) == (10, 0)

    def test_vacancy_that_does_not_exist(self, api: Api, vacancy: Vacancy) -> None:
        """Another id is no other kind of default."""
        problem_in(buy(api, vacancy=vacancy.pk + 1, qty=1), "not-found")

        assert places(vacancy) == (10, 0)

    @pytest.mark.parametrize(
        "changed",
        [
            {"qty": 0},
            {"qty": -1},
            {"qty": 1001},
            {"qty": 10**30},
            {"qty": 1.0},
            {"qty": 1.5},
            {"qty": "1"},
            {"qty": True},
            {"qty": None},
            {"qty": [1]},
            {"vacancy": 0},
            {"vacancy": -1},
            {"vacancy": 2**63},
            {"vacancy": 10**30},
            {"vacancy": "1"},
            {"vacancy": True},
            {"vacancy": None},
            {"vacancy": {}},
            {"buyer": None},
            {"buyer": "Ada"},
            {"buyer": {"name": None}},
            {"buyer": {"name": "a" * 201}},
            {"buyer": {"name": "a\x00b"}},
            {"buyer": {"phone": "1"}},
            {"buyer": {"email": "ada"}},
            {"buyer": {"email": "a@b@c"}},
            {"buyer": {"email": "ada @example.org"}},
            {"buyer": {"email": "ada@example.org\n"}},
            {"buyer": {"email": "ada@\x00"}},
            {"buyer": {"email": "a" * 250 + "@b.cd"}},
            {"price": 1},
            {"": 1},
        ],
        ids=lambda changed: repr(changed)[:40],
    )
    def test_request_that_is_not_as_documented(
        self, api: Api, vacancy: Vacancy, changed: dict[str, Any]
    ) -> None:
        """Numbers are whole numbers, unknown members are mistakes; the field is named."""
        field = next(iter(changed))

        body = problem_in(
            buy(api, **{"vacancy": vacancy.pk, "qty": 1, **changed}), "invalid-request"
        )

        assert field in body["errors"][0]["field"]
        assert places(vacancy) == (10, 0)

    def test_request_with_a_thousand_mistakes_is_told_the_first_few(
        self, api: Api, vacancy: Vacancy
    ) -> None:
        """The answer to nonsense is no larger than the nonsense."""
        nonsense: dict[str, Any] = {f"member{at}": at for at in range(1000)}

        body = problem_in(buy(api, vacancy=vacancy.pk, qty=1, **nonsense), "invalid-request")

        assert len(body["errors"]) == 20

    @pytest.mark.parametrize("missing", ["vacancy", "qty"])
    def test_request_that_lacks_something(self, api: Api, vacancy: Vacancy, missing: str) -> None:
        """Neither has a default here."""
        asked: dict[str, Any] = {"vacancy": vacancy.pk, "qty": 1}
        del asked[missing]

        body = problem_in(buy(api, **asked), "invalid-request")

        assert body["errors"][0]["field"].endswith(missing)

    @pytest.mark.parametrize(
        "buyer",
        [
            pytest.param(rb'{"name": "\ud800"}', id="lone surrogate in the name"),
            pytest.param(rb'{"email": "a@\udfff"}', id="lone surrogate in the address"),
            pytest.param(rb'{"\ud800": 1}', id="lone surrogate as a member's name"),
            pytest.param(rb'{"name": "a\u0000"}', id="escaped NUL"),
        ],
    )
    def test_text_that_no_database_can_keep(self, api: Api, vacancy: Vacancy, buyer: bytes) -> None:
        """It is refused as a mistake of the caller, before anything is sold."""
        content = b'{"vacancy": %d, "qty": 1, "buyer": %s}' % (vacancy.pk, buyer)

        response = api("POST", "/purchases", content=content, headers={"Idempotency-Key": "k"})

        problem_in(response, "invalid-request")
        assert places(vacancy) == (10, 0)


class TestIdempotencyKey:
    """What makes retries safe."""

    def test_repeat_gets_the_same_answer_and_sells_nothing(
        self, api: Api, vacancy: Vacancy
    ) -> None:
        """Status, body and Location are those of the first answer."""
        first = buy(api, vacancy=vacancy.pk, qty=2, buyer=ADA)

        repeat = buy(api, vacancy=vacancy.pk, qty=2, buyer=ADA)

        assert (repeat.status_code, repeat.content) == (201, first.content)
        assert repeat.headers["location"] == first.headers["location"]
        assert places(vacancy) == (8, 2)

    def test_reads_do_not_grow_with_repeats(
        self, key_row: ApiKey, vacancy: Vacancy, django_assert_num_queries: Any
    ) -> None:
        """A crowd that retries after a stall is answered with three reads, not with one each."""
        client = Client(key_row.pk, "shop", frozenset({"buy"}), None)
        orders = [
            Order(vacancy_id=vacancy.pk, qty=1, client=client, idempotency_key=f"k-{n}")
            for n in range(5)
        ]
        sales = [serve(order) for order in orders]

        with django_assert_num_queries(3):
            found = repeats.find(wishes=orders, now=timezone.now())

        repeated: list[Any] = list(found.values())
        assert [sale.codes for sale in repeated] == [sale.codes for sale in sales]

    def test_repeat_is_answered_though_all_is_sold_meanwhile(
        self, api: Api, vacancy: Vacancy
    ) -> None:
        """A buyer who lost the answer finds it, whatever happened to the sale."""
        first = buy(api, vacancy=vacancy.pk, qty=10)
        problem_in(buy(api, key="k-2", vacancy=vacancy.pk, qty=1), "sold-out")
        stock.pause(vacancy_id=vacancy.pk, now=timezone.now())

        repeat = buy(api, vacancy=vacancy.pk, qty=10)

        assert (repeat.status_code, repeat.content) == (201, first.content)

    @pytest.mark.parametrize(
        "other", [{"qty": 2}, {"buyer": {"name": "Grace"}}, {"buyer": {"email": "g@example.org"}}]
    )
    def test_same_key_for_another_request_is_refused(
        self, api: Api, vacancy: Vacancy, other: dict[str, Any]
    ) -> None:
        """A mix-up of keys must not look like a success."""
        buy(api, vacancy=vacancy.pk, qty=1, buyer=ADA)

        response = buy(api, **{"vacancy": vacancy.pk, "qty": 1, "buyer": ADA, **other})

        problem_in(response, "idempotency-key-reused")
        assert places(vacancy) == (9, 1)

    def test_same_key_for_another_vacancy_is_refused(self, api: Api, vacancy: Vacancy) -> None:
        """The vacancy is a part of the request."""
        buy(api, vacancy=vacancy.pk, qty=1)

        response = buy(api, vacancy=make_vacancy().pk, qty=1)

        problem_in(response, "idempotency-key-reused")

    def test_same_key_of_another_client_is_another_key(self, api: Api, vacancy: Vacancy) -> None:
        """Two shops may count their orders alike."""
        _, secret = tickets.key_create(name="other shop", now=timezone.now())
        first = buy(api, vacancy=vacancy.pk, qty=1)

        other = buy(Api(secret), vacancy=vacancy.pk, qty=1)

        assert other.status_code == 201
        assert other.json()["id"] != first.json()["id"]
        assert places(vacancy) == (8, 2)

    def test_refused_request_may_be_repeated_after_a_restock(
        self, api: Api, vacancy: Vacancy
    ) -> None:
        """A refusal is not remembered against the key."""
        Vacancy.objects.update(available=0, sold=10)
        problem_in(buy(api, vacancy=vacancy.pk, qty=1), "sold-out")
        stock.capacity_change(
            vacancy_id=vacancy.pk, by=1, reason="one more chair", actor=None, now=timezone.now()
        )
        till.forget_everything()  # a second later

        repeat = buy(api, vacancy=vacancy.pk, qty=1)

        assert repeat.status_code == 201

    @pytest.mark.parametrize("header", [None, "", "   ", '""', '"  "'], ids=repr)
    def test_missing_or_empty_key_is_refused(
        self, api: Api, vacancy: Vacancy, header: str | None
    ) -> None:
        """Without a key a lost answer could not be asked for again."""
        response = buy(api, key=header, vacancy=vacancy.pk, qty=1)

        assert response.status_code == 400
        assert response.json()["code"] in {"idempotency-key-missing", "malformed-request"}
        assert places(vacancy) == (10, 0)

    def test_missing_key_has_a_code_of_its_own(self, api: Api, vacancy: Vacancy) -> None:
        """A program can tell it from other mistakes."""
        problem_in(buy(api, key=None, vacancy=vacancy.pk, qty=1), "idempotency-key-missing")

    @pytest.mark.parametrize(
        "header", ["x" * 255, '"' + "x" * 255 + '"', "~", "a b", "!", '"a\\"b"']
    )
    def test_key_of_any_printable_ascii_is_taken(
        self, api: Api, vacancy: Vacancy, header: str
    ) -> None:
        """Up to 255 characters, quoted or bare."""
        response = buy(api, key=header, vacancy=vacancy.pk, qty=1)

        assert response.status_code == 201

    @pytest.mark.parametrize(
        "header",
        [
            pytest.param(b"x" * 256, id="256 characters"),
            pytest.param(b'"' + b"x" * 256 + b'"', id="256 characters in quotes"),
            pytest.param("schlüssel".encode(), id="UTF-8"),
            pytest.param(b"caf\xe9", id="Latin-1"),
            pytest.param(b"a\x00b", id="NUL"),
            pytest.param(b"a\tb", id="tab"),
            pytest.param(b"a\x7fb", id="delete"),
        ],
    )
    def test_key_that_is_none_is_malformed(self, api: Api, vacancy: Vacancy, header: bytes) -> None:
        """Too long, or not printable ASCII."""
        response = api(
            "POST",
            "/purchases",
            json={"vacancy": vacancy.pk, "qty": 1},
            headers={"Idempotency-Key": header},
        )

        problem_in(response, "malformed-request")
        assert places(vacancy) == (10, 0)

    def test_quoted_and_bare_key_are_the_same(self, api: Api, vacancy: Vacancy) -> None:
        """A client library may quote it one day."""
        first = buy(api, key="order-7", vacancy=vacancy.pk, qty=1)

        repeat = buy(api, key='"order-7"', vacancy=vacancy.pk, qty=1)

        assert repeat.content == first.content

    def test_keys_are_case_sensitive(self, api: Api, vacancy: Vacancy) -> None:
        """Base64 keys differ in case alone."""
        buy(api, key="aB", vacancy=vacancy.pk, qty=1)

        buy(api, key="Ab", vacancy=vacancy.pk, qty=1)

        assert places(vacancy) == (8, 2)


class TestReadingOnePurchase:
    """GET /purchases/{id}."""

    def test_purchase_of_another_client_does_not_exist(self, api: Api, vacancy: Vacancy) -> None:
        """Not even its existence is told."""
        _, secret = tickets.key_create(name="other shop", now=timezone.now())
        mine = buy(api, vacancy=vacancy.pk, qty=1).json()["id"]

        theirs = problem_in(Api(secret)("GET", f"/purchases/{mine}"), "not-found")
        nobodys = problem_in(api("GET", f"/purchases/{uuid.UUID(int=7)}"), "not-found")

        assert theirs["detail"].replace(mine, "") == nobodys["detail"].replace(
            str(uuid.UUID(int=7)), ""
        )

    def test_purchase_without_a_client_does_not_exist(self, api: Api, vacancy: Vacancy) -> None:
        """What the open short form sold belongs to no key."""
        sale = serve(Order(vacancy_id=vacancy.pk, qty=1, client=None))

        problem_in(api("GET", f"/purchases/{sale.id}"), "not-found")

    @pytest.mark.parametrize("wrong", ["0", "abc", str(10**40), "%00", "%ff", "a" * 36])
    def test_id_that_is_none_is_invalid(self, api: Api, wrong: str) -> None:
        """Ids are UUIDs."""
        problem_in(api("GET", f"/purchases/{wrong}"), "invalid-request")

    def test_key_is_needed(self, api: Api, anonymous_api: Api, vacancy: Vacancy) -> None:
        """Knowing the id is not enough."""
        location = buy(api, vacancy=vacancy.pk, qty=1).headers["location"]

        problem_in(anonymous_api("GET", location.removeprefix("/api/v1")), "unauthenticated")
