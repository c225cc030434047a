"""Two runs laid over each other: what is said, and what is only shown."""

import pytest
from django.urls import reverse

from loadlab import compare_text
from loadlab.comparison import Comparison, Difference
from loadlab.models import Baseline, Run
from tests.pages.conftest import NOW, make_run, make_second, query_count

COMPARE = reverse("admin:loadlab_run_compare")
VALID = [{"kind": "validity", "outcome": "pass", "label": "Validity", "finding": "", "detail": ""}]
SUMMARY = {"rate_per_s": 100.0, "request_count": 200, "fault_count": 1}


def summary(p95, **fields):
    return {**SUMMARY, "total": {"p50_ms": 1, "p95_ms": p95, "p99_ms": 50}, **fields}


def compared(outcome="inconclusive", *, delta=3.0, low=-4.0, high=11.0):
    one = Difference("p95_ms", 100.0, 100 + delta, delta, low, high, 6.0, outcome, None)
    return Comparison(outcome, [one], None, 1, 1, 3, 1000, 1, 98.75).as_json()


@pytest.fixture
def a(db):
    return make_run(fingerprint="same", verdicts=VALID, summary=summary(10))


@pytest.fixture
def b(db):
    return make_run(fingerprint="same", verdicts=VALID, summary=summary(12.5))


def page(client, a, b):
    return client.get(COMPARE, {"a": a.pk, "b": b.pk}).content.decode()


class TestSentence:
    def test_says_how_much_and_what_it_is_worth(self, a, b):
        found = {"comparison": compared(), "same_fingerprint": True, "judged": True}

        said = compare_text.headline(found, a, b)

        assert said == "p95 is 3.00 % higher (−4.00 to +11.0 %): inconclusive."

    def test_improvement_is_lower(self, a, b):
        comparison = compared("improved", delta=-20.0, low=-24.0, high=-12.0)
        found = {"comparison": comparison, "same_fingerprint": True, "judged": True}

        assert "20.0 % lower" in compare_text.headline(found, a, b)

    def test_unlike_runs_are_not_judged(self, operator_client, a):
        other = make_run(fingerprint="other", user_count=7, summary=summary(10))

        text = page(operator_client, a, other)

        assert "shown side by side, not judged" in text
        assert "What differs: shown, not judged" in text

    def test_invalid_run_is_not_judged(self, operator_client, a):
        other = make_run(fingerprint="same", summary=summary(10))

        assert "was not valid" in page(operator_client, a, other)


class TestFigures:
    def test_differences_are_b_minus_a(self, a, b):
        found = {"comparison": None, "same_fingerprint": True, "judged": False}

        row = {one.name: one for one in compare_text.figures(found, a, b)}["p95"]

        assert (row.a, row.b, row.difference, row.chip) == ("10.0", "12.5", "+2.50", None)

    def test_bar_holds_interval_zero_and_zone(self, a, b):
        found = {"comparison": compared(), "same_fingerprint": True, "judged": True}

        bar = compare_text.figures(found, a, b)[1].bar

        assert bar is not None
        assert 0 <= bar.zone_from < bar.low < bar.zero < bar.middle < bar.low + bar.width <= 100

    def test_settings_that_differ_are_listed(self, operator_client, a):
        other = make_run(user_count=7, environment={"server": "uvicorn"}, summary=summary(10))

        text = page(operator_client, a, other)

        assert "Virtual users" in text
        assert "uvicorn" in text


class TestPage:
    def test_carries_the_points_of_both_on_one_grid(self, operator_client, a, b):
        for run in (a, b):
            make_second(run, 0)
        Run.objects.update(verdicts=None)  # nothing is judged: these seconds have no histograms

        told = operator_client.get(COMPARE, {"a": a.pk, "b": b.pk}).context["page"]

        assert [told[side]["points"]["columns"]["t"] for side in "ab"] == [[1], [1]]

    @pytest.mark.parametrize("query", [{}, {"a": 1}, {"a": "x", "b": 2}, {"a": 1, "b": 1}])
    def test_without_two_runs_asks_which(self, operator_client, a, b, query):
        asked = operator_client.get(COMPARE, query).context

        assert [one["id"] for one in asked["runs"]] == [b.pk, a.pk]

    def test_offers_the_newest_run_against_its_baseline(self, operator_client, a, b):
        newest = make_run(fingerprint=a.fingerprint)
        Baseline.objects.create(fingerprint=a.fingerprint, run=a, set_at=NOW)

        asked = operator_client.get(COMPARE).context

        assert (asked["a"], asked["b"]) == (a.pk, newest.pk)

    def test_with_a_single_run_says_what_it_takes(self, operator_client, a):
        assert "It takes two runs" in operator_client.get(COMPARE).content.decode()

    def test_unknown_run_is_not_found(self, operator_client, a):
        assert operator_client.get(COMPARE, {"a": a.pk, "b": 999}).status_code == 404

    def test_query_count_does_not_grow_with_seconds(self, operator_client, a, b):
        make_second(a, 0)
        Run.objects.update(verdicts=None)
        url = f"{COMPARE}?a={a.pk}&b={b.pk}"
        before = query_count(operator_client, url)

        for seq in range(1, 4):
            make_second(a, seq)

        assert query_count(operator_client, url) == before

    def test_staff_without_the_permission_is_refused(self, client_of, staff_with, a, b):
        staff = client_of(staff_with())

        assert staff.get(COMPARE, {"a": a.pk, "b": b.pk}).status_code == 403


class TestWayThere:
    def test_run_page_offers_alike_runs_first(self, operator_client, a, b):
        other = make_run(fingerprint="other")

        offered = operator_client.get(reverse("admin:loadlab_run_change", args=[b.pk])).context

        assert [one["id"] for one in offered["others"]] == [a.pk, other.pk]
        assert [one["alike"] for one in offered["others"]] == [True, False]
