"""A stranger, a plain user, a viewer and an operator on every admin page and every API call."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from loadlab.models import Run
from tests.conftest import Api
from tickets.models import ApiKey, Purchase, Ticket
from tickets.services import key_create
from ticketsite.api import api as ninja_api
from vacancy.models import Vacancy

OPEN = {"admin:login", "admin:jsi18n"}  # needed before anybody can log in
OWN = {"admin:logout", "admin:password_change", "admin:password_change_done"}  # one's own login
# Django refuses these without the parameters that only their own widgets send.
NEEDS_PARAMETERS = {"admin:autocomplete", "admin:app_list", "admin:view_on_site"}


def admin_pages() -> Iterator[tuple[str, list[str]]]:
    """Yield every admin page with a name, and what its address needs."""

    def walk(patterns: list[Any]) -> Iterator[URLPattern]:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns)
            else:
                yield pattern

    for pattern in walk(admin.site.get_urls()):
        if pattern.name and f"admin:{pattern.name}" not in NEEDS_PARAMETERS:
            yield f"admin:{pattern.name}", list(pattern.pattern.regex.groupindex)


PAGES = sorted(dict(admin_pages()).items())


@pytest.fixture
def rows(db: None) -> dict[str, Any]:
    """One row of everything that a page can show."""
    vacancy = Vacancy.objects.create(
        name="Concert",
        state="on_sale",
        capacity=10,
        initial_capacity=10,
        available=8,
        sold=2,
        is_default=True,
    )
    key, _ = key_create(name="shop", now=timezone.now())
    purchase = Purchase.objects.create(
        vacancy=vacancy, client=key, qty=2, unit_price=0, total=0, currency="EUR"
    )
    run = Run.objects.create(
        scenario="baseline",
        user_count=1,
        think_time_s=1,
        duration_s=1,
        capacity=1,
        target="http://127.0.0.1:8001",
        slot=None,
        state=Run.State.FINISHED,
    )
    return {
        "vacancy": vacancy.pk,
        "apikey": ApiKey.objects.get().pk,
        "purchase": purchase.pk,
        "ticket": Ticket.objects.create(purchase=purchase).pk,
        "run": run.pk,
        "user": User.objects.create_user("somebody").pk,
    }


def address(name: str, groups: list[str], rows: dict[str, Any]) -> str:
    """Fill an address with the row that its page is about."""
    model = next((model for model in rows if f"_{model}_" in f"{name}_"), "user")
    # A page about another kind of row says so in its address: `<int:vacancy_id>`.
    named = [group.removesuffix("_id") for group in groups]
    return reverse(name, args=[rows[one if one in rows else model] for one in named])


@pytest.mark.parametrize(("name", "groups"), PAGES, ids=[name for name, _ in PAGES])
@pytest.mark.django_db
class TestAdminPage:
    """Each page of the admin."""

    @pytest.mark.parametrize("persona", ["stranger", "plain user"])
    def test_sends_people_without_business_here_to_the_login(
        self, name: str, groups: list[str], rows: dict[str, Any], persona: str
    ) -> None:
        """Neither a stranger nor a user who is no staff sees or changes anything."""
        client = Client()
        if persona == "plain user":
            client.force_login(User.objects.create_user("plain"))
        path = address(name, groups, rows)

        answers = [client.get(path), client.post(path, {"name": "changed", "action": "x"})]

        if name in OPEN | {"admin:logout"}:
            return
        for answer in answers:
            assert answer.status_code in {302, 403}, answer.status_code
            assert answer.status_code == 403 or "/login/" in answer["Location"]

    def test_opens_for_the_operator(
        self, name: str, groups: list[str], rows: dict[str, Any], operator: User
    ) -> None:
        """Whoever may do everything finds no closed door but those shut for everybody."""
        client = Client()
        client.force_login(operator)

        answer = client.get(address(name, groups, rows))

        shut = name.endswith(("_delete", "_add", "_history")) or name in SHUT_FOR_GET
        assert answer.status_code in ({200, 302, 403, 405} if shut else {200, 302})


# A change of state is a POST; a GET must not do it.
SHUT_FOR_GET = {"admin:loadlab_run_set_baseline", "admin:loadlab_run_stop", "admin:logout"}


def operations() -> list[tuple[str, str]]:
    """List every operation of the documented API."""
    document = json.loads(json.dumps(ninja_api.get_openapi_schema(path_prefix="")))
    return [
        (method.upper(), path)
        for path, methods in sorted(document["paths"].items())
        for method in methods
    ]


PUBLIC = {
    ("GET", "/health"),
    ("GET", "/ready"),
    ("GET", "/vacancies"),
    ("GET", "/vacancies/{vacancy}"),
    ("GET", "/available"),
}


@pytest.mark.parametrize(("method", "path"), operations(), ids=" ".join)
@pytest.mark.django_db(transaction=True)
class TestApiCall:
    """Each call of the buyer API."""

    def test_answers_a_stranger_only_where_it_is_public(
        self, method: str, path: str, rows: dict[str, Any], settings: Any
    ) -> None:
        """What costs a place needs a key; what is for everybody does not."""
        settings.TICKETSITE_OPEN_SHORT_FORM = False

        answer = Api()(method, self.fill(path, rows), json=self.body(method))

        assert answer.status_code == (200 if (method, path) in PUBLIC else 401)

    def test_an_admin_session_is_no_key(
        self, method: str, path: str, rows: dict[str, Any], settings: Any, operator: User
    ) -> None:
        """The operator's cookie opens no buyer's door."""
        settings.TICKETSITE_OPEN_SHORT_FORM = False
        client = Client()
        client.force_login(operator)
        cookie = {"Cookie": f"sessionid={client.cookies['sessionid'].value}"}

        answer = Api()(method, self.fill(path, rows), json=self.body(method), headers=cookie)

        assert answer.status_code == (200 if (method, path) in PUBLIC else 401)

    @staticmethod
    def fill(path: str, rows: dict[str, Any]) -> str:
        """Put real ids into the address."""
        # Holds and codes need not exist: a stranger is turned away before anybody looks.
        known = {"hold": uuid.UUID(int=7), "code": "2" * 20}
        return path.format(vacancy=rows["vacancy"], purchase=rows["purchase"], **known)

    @staticmethod
    def body(method: str) -> dict[str, Any] | None:
        """Send something plausible."""
        return {"vacancy": 1, "qty": 1} if method == "POST" else None


def test_every_view_outside_the_admin_is_known() -> None:
    """A new way in must be placed here, with its test, before it passes."""
    roots = {str(pattern.pattern) for pattern in get_resolver().url_patterns}

    assert roots == {"api/v1/", "admin/jsi18n/", "admin/", "i18n/", ""}
