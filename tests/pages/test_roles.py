"""The three roles: groups that come with the migrations, with exactly their permissions."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.urls import reverse

from tests.pages.conftest import make_run, make_vacancy
from ticketsite.roles import ENGINEER, ROLES, STOCK_KEEPER, VIEWER, roles_set

SEEN_BY_ALL = ("tickets.view_purchase", "vacancy.view_vacancy", "loadlab.view_run")


@pytest.fixture(autouse=True)
def _roles(db: None) -> None:
    """As after every migrate; a flush by another test may have emptied the table."""
    roles_set()


def codes(role):
    found = Permission.objects.filter(group__name=role).select_related("content_type")
    return {f"{one.content_type.app_label}.{one.codename}" for one in found}


def member(role):
    user = User.objects.create_user(f"{role} person", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return user


class TestPermissions:
    def test_viewer_reads_and_changes_nothing(self):
        assert codes(VIEWER) >= set(SEEN_BY_ALL)
        assert all(".view_" in code for code in codes(VIEWER))

    def test_stock_keeper_changes_stock_cancels_and_admits(self):
        assert codes(STOCK_KEEPER) - codes(VIEWER) == {
            "vacancy.add_vacancy",
            "vacancy.change_vacancy",
            "tickets.change_purchase",
            "tickets.change_ticket",
        }

    def test_engineer_starts_and_stops_runs(self):
        assert codes(ENGINEER) - codes(VIEWER) == {
            "loadlab.start_run",
            "loadlab.change_run",
            "loadlab.delete_run",
        }

    def test_nobody_may_see_sessions(self):
        assert not any("session" in code for role in ROLES for code in codes(role))

    def test_migrate_brings_a_role_back_to_what_it_is(self):
        Group.objects.get(name=VIEWER).permissions.set(Permission.objects.all())
        Group.objects.filter(name=ENGINEER).delete()

        call_command("migrate", verbosity=0)

        assert codes(VIEWER) >= set(SEEN_BY_ALL)
        assert "loadlab.start_run" in codes(ENGINEER)
        assert "vacancy.change_vacancy" not in codes(VIEWER)


class TestPages:
    @pytest.mark.parametrize(
        ("role", "page", "status"),
        [
            (VIEWER, "admin:vacancy_vacancy_changelist", 200),
            (VIEWER, "admin:vacancy_vacancy_add", 403),
            (VIEWER, "admin:loadlab_run_changelist", 200),
            (VIEWER, "admin:loadlab_run_add", 403),
            (VIEWER, "admin:admin_logentry_changelist", 200),
            (STOCK_KEEPER, "admin:vacancy_vacancy_add", 200),
            (STOCK_KEEPER, "admin:loadlab_run_add", 403),
            (STOCK_KEEPER, "admin:auth_user_add", 403),
            (ENGINEER, "admin:loadlab_run_add", 200),
            (ENGINEER, "admin:vacancy_vacancy_add", 403),
            (ENGINEER, "admin:tickets_apikey_add", 403),
        ],
    )
    def test_role_opens_only_its_pages(self, client_of, role, page, status):
        assert client_of(member(role)).get(reverse(page)).status_code == status

    @pytest.mark.parametrize(("role", "status"), [(VIEWER, 403), (ENGINEER, 302)])
    def test_run_is_stopped_by_engineers_only(self, client_of, role, status):
        run = make_run(state="running")

        answer = client_of(member(role)).post(reverse("admin:loadlab_run_stop", args=[run.pk]))

        assert answer.status_code == status

    @pytest.mark.parametrize(("role", "state"), [(VIEWER, "on_sale"), (STOCK_KEEPER, "paused")])
    def test_sale_is_paused_by_stock_keepers_only(self, client_of, role, state):
        vacancy = make_vacancy()
        url = reverse("admin:vacancy_vacancy_pause", args=[vacancy.pk])

        client_of(member(role)).post(url, {"_form_submitted": "on"})

        vacancy.refresh_from_db()
        assert vacancy.state == state


class TestLog:
    def test_log_says_who_changed_what(self, client_of):
        keeper = client_of(member(STOCK_KEEPER))
        fields = {"name": "Gala", "capacity": 5, "price": 0, "currency": "EUR"}
        ledger = {"movements-TOTAL_FORMS": 0, "movements-INITIAL_FORMS": 0}
        keeper.post(reverse("admin:vacancy_vacancy_add"), fields | ledger | {"max_per_purchase": 1})

        text = keeper.get(reverse("admin:admin_logentry_changelist")).content.decode()

        assert "Stock keeper person" in text
        assert "Gala" in text

    def test_log_cannot_be_edited_by_anybody(self, operator_client):
        answer = operator_client.get(reverse("admin:admin_logentry_add"))

        assert answer.status_code == 403
