"""The history of runs, the page of one, and stopping it."""

import json
import re

import pytest
from django.test import Client
from django.urls import reverse

from loadlab.models import Baseline
from tests.pages.conftest import NOW, make_run, make_second, query_count

LIST = reverse("admin:loadlab_run_changelist")
SUMMARY = {
    "rate_per_s": 197.86,
    "total": {"p95_ms": 10.75},
    "stock": {"sold": 1000, "capacity": 1000},
}
VERDICTS = [
    {"kind": "validity", "outcome": "pass"},
    {"kind": "budget", "outcome": "fail"},
    {"kind": "integrity", "outcome": "inconclusive"},
]


def page(run):
    return reverse("admin:loadlab_run_change", args=[run.pk])


def points_url(run):
    return reverse("admin:loadlab_run_points", args=[run.pk])


def stop(run):
    return reverse("admin:loadlab_run_stop", args=[run.pk])


def embedded(text, name):
    script = rf'<script id="{name}" type="application/json">(.*?)</script>'
    found = re.search(script, text, re.DOTALL)
    assert found, f"the page has no {name}"
    return json.loads(found.group(1))


@pytest.mark.parametrize(
    ("scenario", "words"),
    [("baseline", "a stall hardly shows in the percentiles"), ("rush", "from the planned start")],
)
def test_page_says_what_its_latencies_can_show(operator_client, scenario, words):
    run = make_run(scenario=scenario)

    text = operator_client.get(page(run)).content.decode()

    assert re.search(rf'<p class="ts-note ts-chart-note">[^<]*{words}', text)


class TestHistory:
    def test_row_has_the_figures_of_the_whole_run(self, operator_client):
        make_run(summary=SUMMARY, verdicts=VERDICTS)

        text = operator_client.get(LIST).content.decode()

        assert all(figure in text for figure in ("197.9", "10.8 ms", "1,000 of 1,000"))

    def test_worst_verdict_is_named(self, operator_client):
        make_run(summary=SUMMARY, verdicts=VERDICTS)

        assert "Fail: budget" in operator_client.get(LIST).content.decode()

    def test_run_that_failed_before_it_began_is_listed(self, operator_client):
        make_run(state="failed", started_at=None, reason="No answer.")

        assert "Not judged" in operator_client.get(LIST).content.decode()

    def test_empty_history_says_what_to_do(self, operator_client):
        text = operator_client.get(LIST).content.decode()

        assert "A baseline takes 60 seconds." in text

    def test_query_count_is_the_same_for_one_and_for_twenty_rows(self, operator, operator_client):
        make_run(requested_by=operator)
        before = query_count(operator_client, LIST)

        for _ in range(19):
            make_run(requested_by=operator)

        assert query_count(operator_client, LIST) == before


class TestPage:
    def test_first_answer_carries_every_second(self, operator_client):
        run = make_run(state="running")
        for seq in range(3):
            make_second(run, seq)

        snapshot = embedded(operator_client.get(page(run)).content.decode(), "run-snapshot")

        assert snapshot["points"]["columns"]["t"] == [1, 2, 3]
        assert snapshot["run"]["state"] == "running"

    def test_names_the_socket_and_the_zone(self, operator_client):
        run = make_run()

        told = embedded(operator_client.get(page(run)).content.decode(), "run-page")

        assert (told["socket"], told["zone"]) == (f"/ws/runs/{run.pk}/", "UTC")

    def test_part_of_a_long_run_is_answered_second_by_second(self, operator_client):
        run = make_run(duration_s=3600)
        for seq in range(12):
            make_second(run, seq)

        points = operator_client.get(points_url(run), {"from": 4, "to": 8}).json()["points"]

        assert (points["width"], points["columns"]["t"]) == (1, [5, 6, 7, 8])

    @pytest.mark.parametrize("query", [{}, {"from": "x", "to": "y"}, {"from": 5, "to": 5}])
    def test_nonsense_is_answered_with_no_points(self, operator_client, query):
        run = make_run()
        make_second(run, 0)

        assert operator_client.get(points_url(run), query).json() == {"points": None}

    def test_markup_in_a_reason_stays_text(self, operator_client):
        run = make_run(state="failed", reason="</script><script>alert(1)</script>")

        text = operator_client.get(page(run)).content.decode()

        assert "<script>alert(1)" not in text

    @pytest.mark.parametrize("number", ["999", "x"])
    def test_unknown_run_is_not_found(self, operator_client, number):
        url = LIST + f"{number}/change/"

        assert operator_client.get(url).status_code == 404

    def test_query_count_is_the_same_for_one_and_for_twenty_seconds(self, operator_client):
        run = make_run()
        make_second(run, 0)
        before = query_count(operator_client, page(run))

        for seq in range(1, 20):
            make_second(run, seq)

        assert query_count(operator_client, page(run)) == before


class TestStop:
    def test_asks_the_worker_to_stop(self, operator_client):
        run = make_run(state="running")

        operator_client.post(stop(run))

        run.refresh_from_db()
        assert run.stop_requested_at is not None

    def test_get_stops_nothing(self, operator_client):
        run = make_run(state="running")

        assert operator_client.get(stop(run)).status_code == 405

    def test_request_forged_by_another_site_is_refused(self, operator):
        run = make_run(state="running")
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(operator)

        assert browser.post(stop(run)).status_code == 403

    def test_ended_run_is_left_alone_with_a_sentence(self, operator_client):
        run = make_run()

        text = operator_client.post(stop(run), follow=True).content.decode()

        assert f"run {run.pk} is not active" in text

    def test_active_run_offers_it_with_a_confirmation(self, operator_client):
        run = make_run(state="running")

        text = operator_client.get(page(run)).content.decode()

        assert f"Stop run {run.pk}?" in text
        assert "The run is kept and marked stopped." in text

    def test_engineer_may_make_it_the_baseline(self, operator_client):
        text = operator_client.get(page(make_run())).content.decode()

        assert "Set as baseline" in text

    def test_baseline_of_its_like_is_drawn_as_a_shadow(self, operator_client):
        first, run = (make_run(fingerprint="same") for _ in range(2))
        make_second(first, 0)
        Baseline.objects.create(fingerprint="same", run=first, set_at=NOW)

        told = embedded(operator_client.get(page(run)).content.decode(), "run-page")

        assert told["baseline"]["id"] == first.pk
        assert told["baseline"]["points"]["columns"]["all_p95"] == [9]

    def test_ended_run_does_not_offer_it(self, operator_client):
        assert "stop-dialog" not in operator_client.get(page(make_run())).content.decode()


class TestPermissions:
    @pytest.mark.parametrize("address", [page, points_url, stop])
    def test_stranger_is_sent_to_the_login(self, client, db, address):
        assert client.post(address(make_run(state="running"))).status_code == 302

    @pytest.mark.parametrize("address", [page, points_url, stop])
    def test_plain_user_is_sent_to_the_login(self, client_of, plain_user, address):
        assert client_of(plain_user).post(address(make_run())).status_code == 302

    def test_staff_without_the_permission_sees_no_run(self, client_of, staff_with):
        staff = client_of(staff_with())

        run = make_run()
        urls = (LIST, page(run), points_url(run))
        assert [staff.get(url).status_code for url in urls] == [403, 403, 403]

    def test_viewer_watches_and_cannot_stop(self, client_of, staff_with):
        run = make_run(state="running")
        viewer = client_of(staff_with("view_run"))

        text = viewer.get(page(run)).content.decode()

        assert "Stop run" not in text
        assert "Set as baseline" not in viewer.get(page(make_run())).content.decode()
        assert viewer.post(stop(run)).status_code == 403
