"""GET /vacancies, /vacancies/{id} and /available: what everyone may see."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from django.utils import timezone

from tests.api.problems import problem_in
from tests.conftest import Api, make_vacancy
from vacancy import api as stock_api
from vacancy.models import Vacancy

pytestmark = pytest.mark.django_db(transaction=True)


def listed(api: Api) -> list[int]:
    """Return the ids that the list shows."""
    return [vacancy["id"] for vacancy in api("GET", "/vacancies").json()["vacancies"]]


class TestOneVacancy:
    """GET /vacancies/{id}."""

    def test_answer_has_the_documented_shape(self, anonymous_api: Api) -> None:
        """Exactly the documented members; instants carry their zone."""
        starts_at = datetime.fromisoformat("2031-05-01T19:00:00+00:00")
        vacancy = make_vacancy(starts_at=starts_at, is_default=True)

        response = anonymous_api("GET", f"/vacancies/{vacancy.pk}")

        assert response.status_code == 200
        assert response.json() == {
            "id": vacancy.pk,
            "name": "Concert",
            "venue": "Hall 1",
            "starts_at": "2031-05-01T19:00:00Z",
            "on_sale_from": None,
            "on_sale_until": None,
            "price": 4500,
            "currency": "EUR",
            "max_per_purchase": 10,
            "state": "on_sale",
            "capacity": 10,
            "available": 10,
        }

    @pytest.mark.parametrize("state", ["paused", "closed"])
    def test_vacancy_that_stopped_selling_is_shown_with_its_state(
        self, anonymous_api: Api, state: str
    ) -> None:
        """So that a shop can say why."""
        vacancy = make_vacancy(state=state)

        assert anonymous_api("GET", f"/vacancies/{vacancy.pk}").json()["state"] == state

    def test_draft_does_not_exist(self, anonymous_api: Api, api: Api) -> None:
        """With or without a key, in each way of asking."""
        draft = make_vacancy(state="draft", is_default=True)

        problem_in(anonymous_api("GET", f"/vacancies/{draft.pk}"), "not-found")
        problem_in(api("GET", f"/available?vacancy={draft.pk}"), "not-found")
        problem_in(api("GET", "/available"), "not-found")

    @pytest.mark.parametrize(
        ("wrong", "code"),
        [
            ("0", "not-found"),
            ("-1", "not-found"),
            ("9223372036854775807", "not-found"),
            ("9223372036854775808", "not-found"),
            (str(10**30), "not-found"),
            ("9" * 5000, "invalid-request"),
            ("abc", "invalid-request"),
            ("1.5", "invalid-request"),
            ("%00", "invalid-request"),
            ("%ff", "invalid-request"),
            ("1%0a2", "invalid-request"),
            ("١x", "invalid-request"),
            ("1/2", "not-found"),
            ("1/", "not-found"),
        ],
        ids=lambda value: str(value)[:24],
    )
    def test_id_that_is_none(
        self, anonymous_api: Api, vacancy: Vacancy, wrong: str, code: str
    ) -> None:
        """Numbers that no vacancy has are not found, anything else is no number."""
        problem_in(anonymous_api("GET", f"/vacancies/{wrong}"), code)


class TestList:
    """GET /vacancies."""

    def test_what_is_on_sale_is_listed_in_id_order(self, anonymous_api: Api) -> None:
        """The list has the same members as the single answer."""
        first, second = make_vacancy(), make_vacancy()

        rows = anonymous_api("GET", "/vacancies").json()["vacancies"]

        assert [row["id"] for row in rows] == [first.pk, second.pk]
        assert rows[1] == anonymous_api("GET", f"/vacancies/{second.pk}").json()

    def test_nothing_on_sale_is_an_empty_list(self, anonymous_api: Api) -> None:
        """Not an error."""
        assert anonymous_api("GET", "/vacancies").json() == {"vacancies": []}

    @pytest.mark.parametrize(
        "change",
        [
            {"state": "draft"},
            {"state": "paused"},
            {"state": "closed"},
            {"on_sale_from": timezone.now() + timedelta(hours=1)},
            {"on_sale_until": timezone.now() - timedelta(hours=1)},
            {"is_rehearsal": True},
        ],
        ids=lambda change: next(iter(change.items()))[0] + str(next(iter(change.values())))[:6],
    )
    def test_what_nobody_can_buy_is_not_listed(
        self, anonymous_api: Api, api: Api, change: dict[str, Any]
    ) -> None:
        """Neither for strangers nor for clients."""
        make_vacancy(**change)

        assert listed(anonymous_api) == []
        assert listed(api) == []

    def test_sold_out_is_still_listed(self, anonymous_api: Api) -> None:
        """It is on sale, and there is nothing left: both are worth knowing."""
        vacancy = make_vacancy(available=0, sold=10)

        assert listed(anonymous_api) == [vacancy.pk]


class TestAvailable:
    """GET /available."""

    def test_default_vacancy_is_meant_when_none_is_named(
        self, anonymous_api: Api, vacancy: Vacancy
    ) -> None:
        """Exactly two members."""
        make_vacancy(capacity=3)

        response = anonymous_api("GET", "/available")

        assert response.status_code == 200
        assert response.json() == {"vacancy": vacancy.pk, "qty": 10}

    def test_vacancy_may_be_named(self, anonymous_api: Api, vacancy: Vacancy) -> None:
        """The named one, not the default."""
        other = make_vacancy(capacity=3)

        response = anonymous_api("GET", f"/available?vacancy={other.pk}")

        assert response.json() == {"vacancy": other.pk, "qty": 3}

    def test_no_default_is_not_found(self, anonymous_api: Api) -> None:
        """A site without a default says so."""
        make_vacancy()

        problem_in(anonymous_api("GET", "/available"), "not-found")

    @pytest.mark.parametrize(
        "query",
        ["0", "-1", "abc", "1.5", "", "true", "%00", "%ff", str(2**63), str(10**30), "9" * 5000],
        ids=lambda value: value[:24],
    )
    def test_id_that_is_none_is_invalid(self, anonymous_api: Api, query: str) -> None:
        """The parameter is named in the answer."""
        body = problem_in(anonymous_api("GET", f"/available?vacancy={query}"), "invalid-request")

        assert body["errors"][0]["field"] == "query.vacancy"


class TestFreshness:
    """What is read may be a second old and says so."""

    @pytest.fixture
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """A clock under the test's control."""
        now = [100.0]
        monkeypatch.setattr("vacancy.fresh.time.monotonic", lambda: now[0])
        return now

    @pytest.mark.parametrize("path", ["/vacancies", "/vacancies/{id}", "/available"])
    def test_numbers_are_at_most_a_second_old(
        self, anonymous_api: Api, vacancy: Vacancy, clock: list[float], path: str
    ) -> None:
        """Within the second the answer is kept, after it the database is asked."""
        path = path.format(id=vacancy.pk)
        first = anonymous_api("GET", path)
        Vacancy.objects.update(available=9, sold=1)
        clock[0] += 0.9
        within = anonymous_api("GET", path)

        clock[0] += 0.1
        after = anonymous_api("GET", path)

        assert within.content == first.content
        assert after.text == first.text.replace('"available":10', '"available":9').replace(
            '"qty":10', '"qty":9'
        )

    @pytest.mark.parametrize("path", ["/vacancies", "/vacancies/{id}", "/available"])
    def test_caches_are_told_one_second(
        self, anonymous_api: Api, vacancy: Vacancy, path: str
    ) -> None:
        """Browsers and proxies may keep it as long as we do."""
        response = anonymous_api("GET", path.format(id=vacancy.pk))

        assert response.headers["cache-control"] == "max-age=1"

    @pytest.mark.parametrize("path", ["/vacancies", "/vacancies/{id}", "/available"])
    def test_known_version_is_answered_with_304(
        self, anonymous_api: Api, vacancy: Vacancy, path: str
    ) -> None:
        """Without a body, and with nothing that would overwrite what the caller's cache knows."""
        path = path.format(id=vacancy.pk)
        etag = anonymous_api("GET", path).headers["etag"]

        response = anonymous_api("GET", path, headers={"If-None-Match": etag})

        assert (response.status_code, response.content) == (304, b"")
        assert etag.startswith('W/"')
        assert (response.headers["etag"], response.headers["cache-control"]) == (etag, "max-age=1")
        assert not {"content-type", "content-length"} & set(response.headers)

    @pytest.mark.parametrize("shape", ['"x", {etag}', '{etag},\t"y"', "*", "{strong}"])
    def test_if_none_match_may_be_a_list_a_star_or_strong(
        self, anonymous_api: Api, vacancy: Vacancy, shape: str
    ) -> None:
        """The comparison is the weak one of RFC 9110."""
        etag = anonymous_api("GET", "/vacancies").headers["etag"]
        asked = shape.format(etag=etag, strong=etag.removeprefix("W/"))

        response = anonymous_api("GET", "/vacancies", headers={"If-None-Match": asked})

        assert response.status_code == 304

    def test_other_version_is_answered_whole(self, anonymous_api: Api, vacancy: Vacancy) -> None:
        """A sale changes the ETag."""
        etag = anonymous_api("GET", "/vacancies").headers["etag"]
        Vacancy.objects.update(available=9, sold=1)
        stock_api.forget_everything()

        response = anonymous_api("GET", "/vacancies", headers={"If-None-Match": etag})

        assert response.status_code == 200
        assert response.headers["etag"] != etag


class TestPacking:
    """Big answers can be had packed; small ones are sent as they are."""

    GZIP: ClassVar = {"Accept-Encoding": "gzip, br"}

    @pytest.fixture
    def long_list(self) -> None:
        """More than fits into one packet."""
        for _ in range(20):
            make_vacancy()

    @pytest.mark.usefixtures("long_list")
    def test_long_list_is_packed_for_those_who_can_unpack_it(self, anonymous_api: Api) -> None:
        """The same answer, smaller; caches keep both apart, and the entity tag is weak."""
        whole = anonymous_api("GET", "/vacancies", headers={"Accept-Encoding": "identity"})

        packed = anonymous_api("GET", "/vacancies", headers=self.GZIP)

        assert packed.headers["content-encoding"] == "gzip"
        assert int(packed.headers["content-length"]) < len(whole.content) / 4
        assert packed.content == whole.content
        assert packed.headers["etag"] == whole.headers["etag"]

    @pytest.mark.usefixtures("long_list")
    @pytest.mark.parametrize("wanted", ["identity", "br", "gzip;q=0", "gzip; q=0.0", "*;q=0", ""])
    def test_long_list_is_whole_for_others(self, anonymous_api: Api, wanted: str) -> None:
        """They are told that it depends."""
        response = anonymous_api("GET", "/vacancies", headers={"Accept-Encoding": wanted})

        assert "content-encoding" not in response.headers
        assert response.headers["vary"] == "Authorization, Accept-Encoding"

    @pytest.mark.usefixtures("long_list")
    @pytest.mark.parametrize("wanted", ["gzip", "GZIP;q=0.5", "br;q=1.0, gzip;q=0.1", "*"])
    def test_gzip_is_understood_in_each_spelling(self, anonymous_api: Api, wanted: str) -> None:
        """RFC 9110, 12.5.3."""
        response = anonymous_api("GET", "/vacancies", headers={"Accept-Encoding": wanted})

        assert response.headers["content-encoding"] == "gzip"

    @pytest.mark.parametrize("path", ["/vacancies", "/vacancies/{id}", "/available"])
    def test_short_answers_are_never_packed(
        self, anonymous_api: Api, vacancy: Vacancy, path: str
    ) -> None:
        """It would cost more than it saves."""
        response = anonymous_api("GET", path.format(id=vacancy.pk), headers=self.GZIP)

        assert "content-encoding" not in response.headers
        assert response.headers["vary"] == "Authorization"


@pytest.mark.parametrize("path", ["/vacancies", "/available"])
def test_shared_caches_keep_callers_apart(api: Api, vacancy: Vacancy, path: str) -> None:
    """What a bound key sees must not be handed to a stranger by a cache in between."""
    assert api("GET", path).headers["vary"] == "Authorization"
