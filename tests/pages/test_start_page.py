"""The start page: what it offers, what it refuses, and when it has no button."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from loadlab.models import Run
from loadlab.scenarios import SCENARIOS
from tests.pages.conftest import make_run, make_vacancy, make_worker

START = reverse("admin:loadlab_run_add")
BASELINE = {
    "scenario": "baseline",
    "user_count": "20",
    "think_time_s": "0.5",
    "duration_s": "10",
    "capacity": "50",
}
BUTTON = "Start the rehearsal"


def text_of(client):
    return client.get(START).content.decode()


class TestForm:
    def test_scenario_brings_its_settings(self, operator_client):
        form = operator_client.get(START).context["form"]

        assert [form[name].value() for name in ("user_count", "duration_s")] == [100, 60]

    def test_limits_of_the_site_are_told(self, operator_client, settings):
        settings.LOADLAB_MAX_USERS = 77

        assert "1 to 77 users on this site." in text_of(operator_client)

    def test_started_run_has_the_settings_and_who_asked(self, operator, operator_client):
        answer = operator_client.post(START, BASELINE)

        run = Run.objects.get()
        assert (run.user_count, run.duration_s, run.capacity) == (20, 10, 50)
        assert run.requested_by == operator
        assert answer.headers["Location"] == reverse("admin:loadlab_run_change", args=[run.pk])

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("user_count", "0"),
            ("user_count", "100001"),
            ("think_time_s", "-1"),
            ("think_time_s", "nan"),
            ("duration_s", "86401"),
            ("duration_s", ""),
            ("capacity", "0"),
        ],
    )
    def test_wrong_value_starts_nothing_and_is_marked(self, operator_client, field, value):
        answer = operator_client.post(START, BASELINE | {field: value})

        assert not Run.objects.exists()
        assert answer.context["form"].errors.keys() == {field}

    def test_unheard_of_scenario_starts_nothing_with_a_sentence(self, operator_client):
        answer = operator_client.post(START, BASELINE | {"scenario": "unheard-of"})

        assert not Run.objects.exists()
        assert "There is no such scenario." in answer.content.decode()

    def test_setting_that_was_not_sent_has_its_default(self, operator_client):
        operator_client.post(START, {"scenario": "baseline"})

        assert Run.objects.get().values == SCENARIOS["baseline"].defaults()

    def test_every_setting_of_every_scenario_has_a_field(self, operator_client):
        answer = operator_client.get(START)

        text = answer.content.decode()
        names = {field.name for one in SCENARIOS.values() for field in one.fields}
        assert all(f'name="{name}"' in text for name in names)
        assert all(f'value="{name}"' in text for name in SCENARIOS)

    def test_last_settings_are_remembered(self, operator, operator_client):
        make_run(requested_by=operator, user_count=37, duration_s=11)

        form = operator_client.get(START).context["form"]

        assert [form[name].value() for name in ("user_count", "duration_s")] == [37, 11]

    def test_settings_of_others_are_not(self, operator_client, staff_with):
        make_run(requested_by=staff_with(), user_count=37)

        form = operator_client.get(START).context["form"]

        assert form["user_count"].value() == 100

    def test_run_again_brings_that_runs_settings(self, operator_client, staff_with):
        run = make_run(requested_by=staff_with(), user_count=42)

        form = operator_client.get(START, {"like": run.pk}).context["form"]

        assert form["user_count"].value() == 42

    def test_shape_of_a_real_vacancy_can_be_taken(self, operator_client):
        vacancy = make_vacancy(capacity=70, price=4200)

        operator_client.post(
            START, {"scenario": "baseline", "shape_from": vacancy.pk, "capacity": "70"}
        )

        run = Run.objects.get()
        assert (run.shape_from, run.capacity, run.price) == (vacancy.pk, 70, 4200)

    def test_rehearsal_stock_is_not_offered_as_a_shape(self, operator_client):
        make_vacancy(name="Rehearsal of run 3", is_rehearsal=True)

        assert "Rehearsal of run 3" not in text_of(operator_client)

    def test_abort_is_off_unless_asked_for(self, operator_client):
        operator_client.post(START, BASELINE)

        assert Run.objects.get().abort_after_s is None

    def test_abort_can_be_asked_for(self, operator_client):
        operator_client.post(START, BASELINE | {"abort_after_s": "5"})

        assert Run.objects.get().abort_after_s == 5

    @pytest.mark.parametrize("seconds", ["0", "86401", "9" * 30])
    def test_abort_after_more_than_any_run_takes_is_refused(self, operator_client, seconds):
        answer = operator_client.post(START, BASELINE | {"abort_after_s": seconds})

        assert answer.status_code == 200
        assert not Run.objects.exists()

    def test_shared_machine_is_warned_of(self, operator_client, settings):
        settings.LOADLAB_TARGET = "http://127.0.0.1:9999"

        assert "share this machine" in text_of(operator_client)

    def test_other_machine_is_not_warned_of(self, operator_client, settings):
        settings.LOADLAB_TARGET = "http://shop.example:9999"

        assert "share this machine" not in text_of(operator_client)

    def test_target_is_told(self, operator_client, settings):
        settings.LOADLAB_TARGET = "http://127.0.0.1:9999"

        assert "http://127.0.0.1:9999" in text_of(operator_client)


class TestButton:
    def test_is_there_when_a_worker_is(self, operator_client):
        make_worker()

        assert BUTTON in text_of(operator_client)

    def test_gives_way_to_the_command_when_no_worker_is_there(self, operator_client):
        text = text_of(operator_client)

        assert "python manage.py loadworker" in text
        assert BUTTON not in text

    def test_gives_way_to_the_active_run(self, operator_client):
        make_worker()
        run = make_run(state="running")

        text = text_of(operator_client)

        assert reverse("admin:loadlab_run_change", args=[run.pk]) in text
        assert BUTTON not in text

    def test_tells_how_long_the_active_run_still_takes(self, operator_client):
        make_worker()
        make_run(state="running", started_at=timezone.now() + timedelta(seconds=3))

        assert "has 1:0" in text_of(operator_client)

    def test_second_run_is_refused_with_a_sentence(self, operator_client):
        run = make_run(state="running", lease_until="2100-01-01T00:00Z")

        answer = operator_client.post(START, BASELINE)

        assert f"Run {run.pk} is still active" in answer.content.decode()
        assert Run.objects.count() == 1


class TestPermissions:
    def test_stranger_is_sent_to_the_login(self, client, db):
        assert client.get(START).status_code == 302

    def test_plain_user_is_sent_to_the_login(self, client_of, plain_user):
        assert client_of(plain_user).post(START, BASELINE).status_code == 302

    def test_staff_who_may_only_look_is_refused(self, client_of, staff_with):
        viewer = client_of(staff_with("view_run", "add_run"))

        assert viewer.get(START).status_code == 403
        assert viewer.post(START, BASELINE).status_code == 403

    def test_staff_with_the_permission_may_start(self, client_of, staff_with):
        starter = client_of(staff_with("view_run", "start_run"))

        assert starter.post(START, BASELINE).status_code == 302
