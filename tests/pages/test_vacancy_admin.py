"""Stock pages: what operators see, what they may change, and what a save must leave alone."""

from datetime import UTC, datetime

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from tests.pages.conftest import make_purchase, make_vacancy, query_count
from vacancy import admin
from vacancy.admin import VacancyAdmin
from vacancy.forms import VacancyForm
from vacancy.models import StockMovement, Vacancy
from vacancy.price import MOST

LIST = "admin:vacancy_vacancy_changelist"
ADD = "admin:vacancy_vacancy_add"
PAGE = "admin:vacancy_vacancy_change"
DELETE = "admin:vacancy_vacancy_delete"
CAPACITY = "admin:vacancy_vacancy_capacity"


def form_of(**changes):
    """Return what the browser would send for an untouched form, changed like this."""
    fields = {
        "name": "Concert",
        "venue": "Hall 1",
        "price": "25.00",
        "currency": "EUR",
        "max_per_purchase": "10",
        "movements-TOTAL_FORMS": "0",
        "movements-INITIAL_FORMS": "0",
    }
    return fields | changes


def page(vacancy):
    return reverse(PAGE, args=[vacancy.pk])


class TestList:
    def test_row_says_how_many_are_sold_and_free(self, operator_client):
        make_vacancy(capacity=1200, sold=300)

        text = operator_client.get(reverse(LIST)).content.decode()

        assert "300 sold, 0 held of 1,200" in text
        assert '<strong data-slot="free">900</strong> free' in text

    def test_price_is_written_with_its_currency(self, operator_client):
        make_vacancy(price=2500, currency="EUR")

        assert "EUR 25.00" in operator_client.get(reverse(LIST)).content.decode()

    def test_rehearsal_stock_is_not_listed(self, operator_client):
        make_vacancy(name="Rehearsal of run 1", is_rehearsal=True)

        assert "Rehearsal of run 1" not in operator_client.get(reverse(LIST)).content.decode()

    def test_query_count_is_the_same_for_one_and_for_twenty_rows(self, operator_client):
        make_vacancy()
        before = query_count(operator_client, reverse(LIST))

        for number in range(19):
            make_vacancy(name=f"Event {number}")

        assert query_count(operator_client, reverse(LIST)) == before


class TestCreate:
    def test_all_places_of_a_new_vacancy_are_available(self, operator_client):
        operator_client.post(reverse(ADD), form_of(capacity="40"))

        vacancy = Vacancy.objects.get()
        assert (vacancy.capacity, vacancy.available, vacancy.state) == (40, 40, "draft")

    def test_second_default_is_a_sentence_beside_the_field(self, operator_client):
        make_vacancy(name="Gala", is_default=True)

        answer = operator_client.post(reverse(ADD), form_of(capacity="40", is_default="on"))

        assert answer.status_code == 200
        assert "is the default. Take its mark away first." in answer.content.decode()

    def test_sale_that_ends_before_it_begins_is_refused(self, operator_client):
        window = {
            "on_sale_from_0": "2026-06-02",
            "on_sale_from_1": "10:00",
            "on_sale_until_0": "2026-06-01",
            "on_sale_until_1": "10:00",
        }

        answer = operator_client.post(reverse(ADD), form_of(capacity="40", **window))

        assert "The sale must end after it begins." in answer.content.decode()

    @pytest.mark.parametrize(
        ("field", "value"), [("currency", "EURO"), ("currency", "E1R"), ("max_per_purchase", "0")]
    )
    def test_wrong_value_is_refused_and_nothing_is_stored(self, operator_client, field, value):
        answer = operator_client.post(reverse(ADD), form_of(capacity="40", **{field: value}))

        assert answer.status_code == 200
        assert not Vacancy.objects.exists()


class TestSave:
    def test_save_leaves_the_counters_as_the_sales_made_them(self, operator_client, monkeypatch):
        vacancy = make_vacancy(capacity=100)
        whole_save = Vacancy.save

        def sell_just_before(self, *args, **kwargs):
            Vacancy.objects.filter(pk=self.pk).update(available=93, sold=7)
            whole_save(self, *args, **kwargs)

        monkeypatch.setattr(Vacancy, "save", sell_just_before)
        operator_client.post(page(vacancy), form_of(name="Gala"))

        vacancy.refresh_from_db()
        assert (vacancy.name, vacancy.available, vacancy.sold) == ("Gala", 93, 7)

    def test_typed_counters_are_ignored(self, operator_client):
        vacancy = make_vacancy(capacity=100)

        forged = {"capacity": "5", "available": "5", "sold": "0", "state": "closed"}
        operator_client.post(page(vacancy), form_of(**forged))

        vacancy.refresh_from_db()
        assert (vacancy.capacity, vacancy.available, vacancy.state) == (100, 100, "on_sale")

    def test_other_default_of_the_same_moment_is_a_sentence_beside_the_field(
        self, operator_client, monkeypatch
    ):
        vacancy, gala = make_vacancy(), make_vacancy(name="Gala")
        whole_save, whole_clean = Vacancy.save, VacancyForm.clean_is_default

        def look_once_more(form):
            Vacancy.objects.filter(pk=gala.pk).update(is_default=True)  # the other has committed
            return whole_clean(form)

        def be_second(self, *args, **kwargs):
            Vacancy.objects.filter(pk=gala.pk).update(is_default=True)
            monkeypatch.setattr(VacancyForm, "clean_is_default", look_once_more)
            whole_save(self, *args, **kwargs)

        monkeypatch.setattr(Vacancy, "save", be_second)
        answer = operator_client.post(page(vacancy), form_of(is_default="on"))

        assert "is the default. Take its mark away first." in answer.content.decode()

    @pytest.mark.parametrize("year", ["0001", "9999"])
    def test_day_that_other_zones_cannot_tell_is_refused(self, operator_client, year):
        when = {"on_sale_until_0": f"{year}-12-31", "on_sale_until_1": "23:59"}

        answer = operator_client.post(reverse(ADD), form_of(capacity="40") | when)

        assert answer.status_code == 200
        assert not Vacancy.objects.exists()

    @pytest.mark.parametrize("field", ["price", "capacity"])
    def test_number_that_cannot_be_counted_with_is_refused(self, operator_client, field):
        answer = operator_client.post(
            reverse(ADD), form_of(**{"capacity": "40", field: str(MOST + 1)})
        )

        assert answer.status_code == 200
        assert not Vacancy.objects.exists()


class TestPrice:
    """It is typed in the main unit of its currency and stored in the minor one."""

    def post(self, client, language="en", **changes):
        return client.post(
            reverse(ADD),
            form_of(**{"capacity": "40", **changes}),
            headers={"accept-language": language},
        )

    @pytest.mark.parametrize(
        ("language", "typed", "currency", "stored"),
        [
            ("en", "25", "EUR", 2500),
            ("en", "25.5", "EUR", 2550),
            ("en", "1,500.00", "EUR", 150_000),
            ("en", "2500", "JPY", 2500),
            ("en", "2.5", "KWD", 2500),
            ("en", "21474836.47", "EUR", MOST),
            ("pt-br", "25,00", "BRL", 2500),
            ("pt-br", "25.00", "BRL", 2500),
            ("pt-br", "1.500", "BRL", 150_000),
            ("pt-br", "1.500,5", "BRL", 150_050),
        ],
    )
    def test_what_is_typed_is_stored_in_minor_units(
        self, operator_client, language, typed, currency, stored
    ):
        self.post(operator_client, language, price=typed, currency=currency)

        assert Vacancy.objects.get().price == stored

    @pytest.mark.parametrize(
        ("language", "typed", "currency", "sentence"),
        [
            ("en", "25.005", "EUR", "EUR has 2 decimals, as in 25.00."),
            ("en", "25.5", "JPY", "JPY has no decimals."),
            ("en", "1e-999999", "EUR", "EUR has 2 decimals, as in 25.00."),
            ("en", "21474836.48", "EUR", "A price is at most EUR 21,474,836.47."),
            ("en", "1e999999", "EUR", "A price is at most EUR 21,474,836.47."),
            ("en", "-1", "EUR", "Ensure this value is greater than or equal to 0."),
            ("en", "25,00", "EUR", "Enter a number."),
            ("en", "NaN", "EUR", "Enter a number."),
            ("pt-br", "25,005", "BRL", "BRL tem 2 casas decimais, como em 25,00."),
            ("pt-br", "99999999999", "BRL", "Um preço é no máximo BRL 21.474.836,47."),
            ("pt-br", "-1", "BRL", "Certifique-se que este valor seja maior ou igual a 0."),
        ],
    )
    def test_what_is_no_price_gets_a_sentence(
        self, operator_client, language, typed, currency, sentence
    ):
        answer = self.post(operator_client, language, price=typed, currency=currency)

        assert answer.context["adminform"].form.errors == {"price": [sentence]}

    @pytest.mark.parametrize(
        ("language", "currency", "shown"),
        [("en", "EUR", "25.00"), ("pt-br", "EUR", "25,00"), ("en", "JPY", "2500")],
    )
    def test_page_shows_what_would_be_typed(self, operator_client, language, currency, shown):
        vacancy = make_vacancy(price=2500, currency=currency)

        headers = {"accept-language": language}
        text = operator_client.get(page(vacancy), headers=headers).content.decode()

        assert f'name="price" value="{shown}"' in text

    def test_saving_what_was_shown_changes_nothing(self, operator_client):
        vacancy = make_vacancy(price=2500)

        operator_client.post(page(vacancy), form_of())

        assert "No fields changed" in LogEntry.objects.get().get_change_message()

    def test_same_figure_in_another_currency_is_stored_in_its_unit(self, operator_client):
        vacancy = make_vacancy(price=2500, currency="EUR")

        operator_client.post(page(vacancy), form_of(price="25.00", currency="JPY"))

        vacancy.refresh_from_db()
        assert (vacancy.price, vacancy.currency) == (25, "JPY")

    def test_viewer_reads_it_with_its_currency(self, client_of, staff_with):
        vacancy = make_vacancy(price=2500)

        text = client_of(staff_with("view_vacancy")).get(page(vacancy)).content.decode()

        assert "EUR 25.00" in text
        assert "2500" not in text


class TestDelete:
    @pytest.mark.parametrize("bulk", [True, False])
    def test_vacancy_that_sells_while_it_is_deleted_is_kept(
        self, operator_client, monkeypatch, bulk
    ):
        vacancy = make_vacancy()
        make_purchase(vacancy)
        urls = {True: reverse(LIST), False: reverse(DELETE, args=[vacancy.pk])}
        asked = {"action": "delete_selected", "_selected_action": [vacancy.pk], "post": "yes"}

        def look_too_early(*_):
            monkeypatch.undo()
            return [], {}, set(), []

        monkeypatch.setattr(VacancyAdmin, "get_deleted_objects", look_too_early)
        monkeypatch.setattr(admin, "why_kept", lambda _: "")
        answer = operator_client.post(urls[bulk], asked, follow=True)

        assert "what was sold stays on record" in answer.content.decode()
        assert not LogEntry.objects.exists()

    def test_vacancy_with_purchases_is_kept_with_a_sentence(self, operator_client):
        vacancy = make_vacancy()
        make_purchase(vacancy)
        url = reverse("admin:vacancy_vacancy_delete", args=[vacancy.pk])

        answer = operator_client.post(url, {"post": "yes"}, follow=True)

        assert "has 1 purchase: what was sold stays on record" in answer.content.decode()
        assert Vacancy.objects.filter(pk=vacancy.pk).exists()

    def test_question_counts_the_ledger_and_does_not_list_it(self, operator_client):
        vacancy = make_vacancy()
        ledger = {"kind": "capacity", "qty": 5, "reason": "Side stage", "at": vacancy.created_at}
        StockMovement.objects.create(vacancy=vacancy, **ledger)

        headers = {"accept-language": "pt-br"}
        url = reverse(DELETE, args=[vacancy.pk])
        text = operator_client.get(url, headers=headers).content.decode()

        assert "Lançamentos no livro-razão: 1" in " ".join(text.split())
        assert "Side stage" not in text

    def test_bulk_delete_keeps_vacancies_with_purchases_too(self, operator_client):
        vacancy = make_vacancy()
        make_purchase(vacancy)

        choice = {"action": "delete_selected", "_selected_action": [vacancy.pk], "post": "yes"}
        answer = operator_client.post(reverse(LIST), choice)

        assert "what was sold stays on record" in answer.content.decode()

    def test_vacancy_that_never_sold_can_go(self, operator_client):
        vacancy = make_vacancy()

        url = reverse("admin:vacancy_vacancy_delete", args=[vacancy.pk])
        operator_client.post(url, {"post": "yes"})

        assert not Vacancy.objects.exists()


class TestState:
    @pytest.mark.parametrize(
        ("action", "before", "after"),
        [
            ("put_on_sale", "draft", "on_sale"),
            ("put_on_sale", "paused", "on_sale"),
            ("pause", "on_sale", "paused"),
            ("pause", "draft", "draft"),
            ("put_on_sale", "closed", "on_sale"),
        ],
    )
    def test_confirmed_action_moves_only_from_where_it_may(
        self, operator_client, action, before, after
    ):
        vacancy = make_vacancy(state=before)
        url = reverse(f"admin:vacancy_vacancy_{action}", args=[vacancy.pk])

        answer = operator_client.post(url, {"_form_submitted": "on"})

        vacancy.refresh_from_db()
        assert vacancy.state == after
        assert answer.headers["Location"] == page(vacancy)

    def test_opening_the_dialog_changes_nothing(self, operator_client):
        vacancy = make_vacancy(state="draft")

        operator_client.get(reverse("admin:vacancy_vacancy_put_on_sale", args=[vacancy.pk]))

        vacancy.refresh_from_db()
        assert vacancy.state == "draft"

    def test_action_that_moved_nothing_says_so(self, operator_client):
        vacancy = make_vacancy(state="closed")
        url = reverse("admin:vacancy_vacancy_pause", args=[vacancy.pk])

        operator_client.post(url, {"_form_submitted": "on"})

        assert "Nothing changed" in operator_client.get(page(vacancy)).content.decode()

    def test_bulk_action_counts_what_it_moved_and_what_it_left(self, operator_client):
        draft, selling = make_vacancy(state="draft"), make_vacancy(state="on_sale")

        choice = {"action": "put_on_sale_selected", "_selected_action": [draft.pk, selling.pk]}
        text = operator_client.post(reverse(LIST), choice, follow=True).content.decode()

        assert "1 vacancy changed." in text
        assert "1 vacancy was left as it was." in text


class TestCapacity:
    def url(self, *vacancies):
        return f"{reverse(CAPACITY)}?ids={','.join(str(one.pk) for one in vacancies)}"

    def test_change_is_made_and_written_down(self, operator, operator_client):
        vacancy = make_vacancy(capacity=100)

        operator_client.post(self.url(vacancy), {"by": "20", "reason": "Side stage opened"})

        movement = StockMovement.objects.get(vacancy=vacancy)
        assert (movement.qty, movement.reason) == (20, "Side stage opened")
        assert movement.actor == operator

    def test_ledger_stands_on_the_vacancys_page(self, operator_client):
        vacancy = make_vacancy(capacity=100)

        operator_client.post(self.url(vacancy), {"by": "-20", "reason": "Camera platform"})

        text = operator_client.get(page(vacancy)).content.decode()
        assert "Camera platform" in text
        assert "-20" in text

    def test_below_what_is_sold_is_a_sentence_in_the_form(self, operator_client):
        vacancy = make_vacancy(capacity=100, sold=90)

        answer = operator_client.post(self.url(vacancy), {"by": "-20", "reason": "Smaller hall"})

        assert "capacity cannot go below 90" in answer.content.decode()

    def test_more_than_can_be_counted_is_refused(self, operator_client):
        vacancy = make_vacancy(capacity=MOST)

        answer = operator_client.post(self.url(vacancy), {"by": "1", "reason": "Larger hall"})

        vacancy.refresh_from_db()
        assert (answer.status_code, vacancy.capacity) == (200, MOST)

    def test_one_refusal_undoes_all_of_them(self, operator_client):
        roomy, full = make_vacancy(capacity=100), make_vacancy(capacity=10, sold=10)

        operator_client.post(self.url(roomy, full), {"by": "-5", "reason": "Smaller hall"})

        roomy.refresh_from_db()
        assert roomy.capacity == 100
        assert not StockMovement.objects.exists()

    @pytest.mark.parametrize(("by", "reason"), [("0", "Why"), ("5", ""), ("x", "Why")])
    def test_change_needs_a_number_and_a_reason(self, operator_client, by, reason):
        vacancy = make_vacancy(capacity=100)

        answer = operator_client.post(self.url(vacancy), {"by": by, "reason": reason})

        assert answer.status_code == 200
        assert not StockMovement.objects.exists()

    def test_rehearsal_stock_cannot_be_named(self, operator_client):
        rehearsal = make_vacancy(is_rehearsal=True)

        assert operator_client.get(self.url(rehearsal)).status_code == 404


class TestPermissions:
    def test_stranger_is_sent_to_the_login(self, client, db):
        assert client.get(reverse(LIST)).status_code == 302

    def test_plain_user_is_sent_to_the_login(self, client_of, plain_user):
        assert client_of(plain_user).get(reverse(LIST)).status_code == 302

    @pytest.mark.parametrize("action", ["put_on_sale", "pause", "capacity"])
    def test_viewer_may_not_act(self, client_of, staff_with, action):
        vacancy = make_vacancy(state="draft")
        viewer = client_of(staff_with("view_vacancy"))
        url = reverse(f"admin:vacancy_vacancy_{action}", args=[vacancy.pk])

        assert viewer.post(url, {"_form_submitted": "on"}).status_code == 403

    def test_viewer_may_not_open_the_capacity_page(self, client_of, staff_with):
        vacancy = make_vacancy()
        viewer = client_of(staff_with("view_vacancy"))

        assert viewer.get(self_url(vacancy)).status_code == 403

    def test_viewer_reads_times_with_their_zone(self, client_of, staff_with):
        vacancy = make_vacancy(starts_at=datetime(2026, 5, 1, 19, 30, tzinfo=UTC))

        text = client_of(staff_with("view_vacancy")).get(page(vacancy)).content.decode()

        assert "1 May 2026, 19:30 UTC" in text

    def test_keeper_is_told_the_zone_of_what_is_typed(self, operator_client):
        operator_client.cookies["ticketsite_zone"] = "America/Sao_Paulo"

        text = operator_client.get(reverse(ADD)).content.decode()

        assert text.count("Time zone: America/Sao Paulo.") == 3

    def test_viewer_sees_the_ledger_and_no_actions(self, client_of, staff_with):
        vacancy = make_vacancy()

        text = client_of(staff_with("view_vacancy")).get(page(vacancy)).content.decode()

        assert "Ledger" in text
        assert "Change capacity" not in text


def self_url(vacancy):
    return f"{reverse(CAPACITY)}?ids={vacancy.pk}"


@pytest.mark.django_db(transaction=True)
class TestAudit:
    def audit(self, client, *vacancies):
        choice = {"action": "audit_selected", "_selected_action": [one.pk for one in vacancies]}
        return client.post(reverse(LIST), choice, follow=True).content.decode()

    def test_agreement_is_said(self, operator_client):
        text = self.audit(operator_client, make_vacancy(), make_vacancy())

        assert "2 vacancies audited: counters, rows and ledger agree." in text

    def test_each_difference_is_a_sentence(self, operator_client):
        vacancy = make_vacancy(capacity=10, sold=3)

        text = self.audit(operator_client, vacancy, make_vacancy())

        assert f"Vacancy {vacancy.pk}: sold is 3, the rows say 0." in text
        assert "agree" not in text
