"""The log of the pages: who did what and when, told in the reader's language."""

import pytest
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.urls import reverse
from django.utils import translation

from tests.pages.conftest import make_run, make_vacancy, make_worker
from vacancy.notes import note, note_text

LOG = reverse("admin:admin_logentry_changelist")
VALID = [{"kind": kind, "outcome": "pass"} for kind in ("validity", "integrity")]
START = {
    "scenario": "baseline",
    "user_count": "5",
    "think_time_s": "0.5",
    "duration_s": "5",
    "capacity": "50",
    "process_count": "1",
}


def logged():
    """Return what the log has, oldest first: which act, on what, and the words."""
    return [
        (one.action_flag, one.object_id, note_text(one.change_message))
        for one in LogEntry.objects.order_by("pk")
    ]


def at_run(name, run):
    return reverse(f"admin:loadlab_run_{name}", args=[run.pk])


class TestRuns:
    def test_start_is_logged_with_who_did_it(self, operator_client, operator):
        make_worker()

        operator_client.post(reverse("admin:loadlab_run_add"), START)

        entry = LogEntry.objects.get()
        assert (entry.user, entry.action_flag) == (operator, ADDITION)
        assert note_text(entry.change_message) == "Started."

    def test_stop_is_logged_once(self, operator_client):
        run = make_run(state="running")

        for _again in range(2):
            operator_client.post(at_run("stop", run))

        assert logged() == [(CHANGE, str(run.pk), "Asked to stop.")]

    def test_baseline_is_logged_both_ways(self, operator_client):
        run = make_run(fingerprint="same", verdicts=VALID)

        operator_client.post(at_run("set_baseline", run))
        operator_client.post(at_run("set_baseline", run), {"remove": "1"})

        assert [words for _act, _run, words in logged()] == [
            "Set as baseline.",
            "No longer the baseline.",
        ]

    def test_deletion_outlives_the_run(self, operator_client):
        run = make_run()

        operator_client.post(at_run("delete", run))

        assert [entry[:2] for entry in logged()] == [(DELETION, str(run.pk))]

    def test_refused_deletion_is_not_logged(self, operator_client):
        operator_client.post(at_run("delete", make_run(state="running")))

        assert logged() == []


class TestLanguage:
    @pytest.fixture
    def vacancy(self, operator_client):
        vacancy = make_vacancy()
        url = reverse("admin:vacancy_vacancy_capacity") + f"?ids={vacancy.pk}"
        operator_client.post(url, {"by": "20", "reason": "Side stage opened"})
        return vacancy

    @pytest.mark.parametrize(
        ("language", "words"),
        [
            ("en", "Capacity +20: Side stage opened"),
            ("pt-BR", "Capacidade +20: Side stage opened"),
        ],
    )
    def test_log_and_history_speak_the_reader_s_language(
        self, operator_client, vacancy, language, words
    ):
        history = reverse("admin:vacancy_vacancy_history", args=[vacancy.pk])

        for url in (LOG, history):
            answer = operator_client.get(url, headers={"accept-language": language})
            assert words in answer.content.decode()

    @pytest.mark.parametrize("stored", ["Paused.", "", "{not JSON", '{"text": "%(a)s"}', "{1}"])
    def test_what_is_no_note_is_told_as_it_is(self, stored):
        assert note_text(stored) == stored

    def test_percent_signs_of_people_are_only_text(self):
        with translation.override("en"):
            told = note_text(note("Cancelled: %(reason)s", reason="100 %(d)s off"))

        assert told == "Cancelled: 100 %(d)s off"
