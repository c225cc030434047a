"""What can be done with a run that is over: files, the baseline, deletion, forgetting."""

import csv
import io
import json
import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Permission, User
from django.db import connections
from django.test import AsyncClient, Client
from django.urls import reverse
from django.utils import translation

from loadlab import services, states
from loadlab.models import Baseline, Run, RunEvent, RunSecond, Sample
from loadlab.sentence import Sentence
from loadlab.verdict import Verdict
from tests.lab.test_baselines import NOW, PASSED, ended, measured

pytestmark = pytest.mark.django_db


@pytest.fixture
def run() -> Run:
    """A finished run with ten seconds, verdicts and an event."""
    verdict = Verdict("validity", "pass", (Sentence("It <kept> up."),)).as_json()
    run = measured(ended(verdicts=[verdict, *PASSED[1:]], reason=""), 5.0, 7.0)
    said = Sentence("The budget was broken for %(count)s seconds in a row.", {"count": 3})
    services.event_record(run_id=run.pk, kind="breach", said=said, now=NOW)
    Run.objects.filter(pk=run.pk).update(
        verdicts=[verdict], started_at=NOW, ended_at=NOW + timedelta(seconds=10)
    )
    return Run.objects.get(pk=run.pk)


def url(name: str, run: Run) -> str:
    """Return an address of a run."""
    return reverse(f"admin:loadlab_run_{name}", args=[run.pk])


EXPORTS = ["export_json", "export_csv", "export_html"]


class TestExport:
    """A run as a file."""

    @pytest.mark.parametrize("name", EXPORTS)
    def test_is_a_file_with_the_runs_number(
        self, operator_browser: Client, run: Run, name: str
    ) -> None:
        """So that ten of them can be told apart."""
        answer = operator_browser.get(url(name, run))

        assert answer.status_code == 200
        assert f'attachment; filename="run-{run.pk}.' in answer["Content-Disposition"]

    @pytest.mark.parametrize("name", EXPORTS)
    def test_is_for_those_who_may_see_runs(self, client: Client, run: Run, name: str) -> None:
        """A login of the staff without that right is refused."""
        staff = User.objects.create_user("clerk", is_staff=True)
        client.force_login(staff)

        assert client.get(url(name, run)).status_code == 403

    @pytest.mark.parametrize("name", EXPORTS)
    def test_of_a_run_that_is_not_there_is_not_found(
        self, operator_browser: Client, name: str
    ) -> None:
        """No empty file."""
        missing = reverse(f"admin:loadlab_run_{name}", args=[4711])

        assert operator_browser.get(missing).status_code == 404

    def test_json_names_its_schema_and_holds_everything(
        self, operator_browser: Client, run: Run
    ) -> None:
        """A reader can tell what it has before it."""
        found = json.loads(operator_browser.get(url("export_json", run)).content)

        assert (found["schema"], found["version"]) == ("ticketsite.run", 1)
        assert [row["seq"] for row in found["seconds"]] == list(range(10))
        assert sum(row["count"] for row in found["samples"]) == 20
        assert found["events"][0]["kind"] == "breach"

    def test_csv_has_one_line_for_each_sample(self, operator_browser: Client, run: Run) -> None:
        """And a header."""
        answer = operator_browser.get(url("export_csv", run))

        rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode())))
        assert [row["count"] for row in rows] == ["2"] * 10
        assert rows[0]["name"] == "GET /available"

    def test_csv_is_no_program(self, operator_browser: Client, run: Run) -> None:
        """A spreadsheet would run what begins like a formula."""
        Sample.objects.filter(seq=0).update(name="=cmd|' /C calc'!A0")

        text = b"".join(operator_browser.get(url("export_csv", run))).decode()

        assert "'=cmd" in text

    def test_report_needs_nothing_but_itself(self, operator_browser: Client, run: Run) -> None:
        """No script, no address to load from: it opens in ten years, without a network."""
        page = operator_browser.get(url("export_html", run)).content.decode()

        parser = _Tags()
        parser.feed(page)
        assert not parser.names & {"script", "link", "img", "iframe", "object"}
        assert not re.search(r"url\(|@import|src=", page)

    def test_report_shows_charts_table_verdicts_and_events(
        self, operator_browser: Client, run: Run
    ) -> None:
        """With what came from outside escaped."""
        page = operator_browser.get(url("export_html", run)).content.decode()

        assert page.count("<svg") == 3
        assert "It &lt;kept&gt; up." in page
        assert "broken for 3 seconds" in page

    def test_json_says_what_the_server_took(self, operator_browser: Client, run: Run) -> None:
        """In each second, null where it was not measured."""
        RunSecond.objects.filter(seq=1).update(server_cpu_pct=140.5)

        found = json.loads(operator_browser.get(url("export_json", run)).content)

        assert [row["server_cpu_pct"] for row in found["seconds"][:3]] == [None, 140.5, None]

    def test_report_draws_what_the_server_took(self, operator_browser: Client, run: Run) -> None:
        """Beside the generator."""
        RunSecond.objects.update(server_cpu_pct=140.5)

        page = operator_browser.get(url("export_html", run)).content.decode()

        assert "<title>server</title>" in page
        assert "</span> server" in page
        assert "not measured" not in page

    @pytest.mark.parametrize(
        ("shared", "words"),
        [(False, "measured: the target is on another machine."), (True, "Server not measured.")],
    )
    def test_report_says_when_the_server_was_not_measured(
        self, operator_browser: Client, run: Run, shared: bool, words: str
    ) -> None:
        """And draws no line for it, least of all at zero."""
        Run.objects.update(environment={"shared_host": shared})

        page = operator_browser.get(url("export_html", run)).content.decode()

        assert words in page
        assert "</span> server" not in page

    def test_chart_has_a_gap_where_nothing_was_measured(
        self, operator_browser: Client, run: Run
    ) -> None:
        """A line across it would be invented."""
        RunSecond.objects.filter(seq=4).update(
            request_count=0, p50_ms=None, p95_ms=None, p99_ms=None, max_ms=None
        )

        page = operator_browser.get(url("export_html", run)).content.decode()

        latency = page.split("<svg")[2].split("</svg>")[0]
        assert latency.count("<polyline") == 6

    def test_report_of_a_run_without_seconds_says_so(self, operator_browser: Client) -> None:
        """It failed before it began: no chart, no verdict, no crash."""
        failed = ended(state=states.FAILED, verdicts=None, reason="No ticketsite answers.")

        page = operator_browser.get(url("export_html", failed)).content.decode()

        assert "No ticketsite answers." in page
        assert "<svg" not in page

    def test_report_speaks_the_readers_language(self, operator_browser: Client, run: Run) -> None:
        """Also its numbers, but never the coordinates of its charts."""
        with translation.override("pt-br"):
            page = operator_browser.get(
                url("export_html", run), headers={"accept-language": "pt-br"}
            ).content.decode()

        assert 'lang="pt-br"' in page
        assert not re.search(r'[xy][12]?="\d+,', page)


class _Tags(HTMLParser):
    """Collects the names of all elements."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.names.add(tag)


@pytest.mark.django_db(transaction=True)
async def test_samples_are_streamed_by_the_web_role_too(operator: User) -> None:
    """Under ASGI an ordinary generator would be read at once, and warned about."""
    from asgiref.sync import sync_to_async

    run = await sync_to_async(lambda: measured(ended(), 5.0))()
    browser = AsyncClient()
    await sync_to_async(browser.force_login)(operator)

    answer = await browser.get(url("export_csv", run))

    chunks = [chunk async for chunk in answer]  # type: ignore[attr-defined]
    # The connection of the thread that read: a test database in use cannot be dropped.
    await sync_to_async(connections.close_all)()
    assert b"".join(chunks).count(b"\n") == 11


class TestBaseline:
    """The button on the run's page."""

    def test_is_set_by_who_may_start_runs(self, operator_browser: Client) -> None:
        """And taken back."""
        run = ended()

        operator_browser.post(url("set_baseline", run))
        is_set = Baseline.objects.filter(run=run).exists()
        operator_browser.post(url("set_baseline", run), {"remove": "1"})

        assert (is_set, Baseline.objects.exists()) == (True, False)

    def test_refusal_is_shown(self, operator_browser: Client) -> None:
        """An unfit run stays what it is."""
        run = ended(state=states.STOPPED)

        answer = operator_browser.post(url("set_baseline", run), follow=True)

        assert "only one that did can be a baseline" in answer.content.decode()

    def test_is_not_set_by_a_visitor(self, client: Client, viewer: User) -> None:
        """Who may look may not decide what others are measured by."""
        client.force_login(viewer)

        assert client.post(url("set_baseline", ended())).status_code == 403

    def test_is_not_set_by_a_link(self, operator_browser: Client) -> None:
        """A GET changes nothing."""
        assert operator_browser.get(url("set_baseline", ended())).status_code == 405


class TestDelete:
    """Only after a question, and never what others need."""

    def test_asks_first(self, operator_browser: Client, run: Run) -> None:
        """The page says what goes."""
        answer = operator_browser.get(url("delete", run))

        assert "cannot be undone" in answer.content.decode()
        assert Run.objects.filter(pk=run.pk).exists()

    def test_takes_everything_with_it(self, operator_browser: Client, run: Run) -> None:
        """No second, sample or event stays behind."""
        operator_browser.post(url("delete", run))

        left = [rows.objects.count() for rows in (Run, RunSecond, Sample, RunEvent)]
        assert left == [0, 0, 0, 0]

    def test_takes_few_queries_however_long_the_run(
        self, run: Run, django_assert_max_num_queries: Any
    ) -> None:
        """A hundred thousand samples are not read to be deleted."""
        with django_assert_max_num_queries(15):
            services.run_delete(run_id=run.pk)

    @pytest.mark.parametrize("kind", ["active", "baseline", "stock"])
    def test_is_refused_for_what_is_needed(self, operator_browser: Client, kind: str) -> None:
        """An active run, a baseline, one whose stock is still there."""
        run = ended(vacancy_id=5 if kind == "stock" else None)
        if kind == "active":
            Run.objects.filter(pk=run.pk).update(state=states.RUNNING, slot=1)
        if kind == "baseline":
            services.baseline_set(run_id=run.pk, actor=None, now=NOW)

        answer = operator_browser.post(url("delete", run), follow=True)

        assert Run.objects.filter(pk=run.pk).exists()
        assert "messagelist" in answer.content.decode() or "Run" in answer.content.decode()

    def test_is_for_those_who_may(self, client: Client, run: Run) -> None:
        """Starting runs is not enough."""
        staff = User.objects.create_user("clerk", is_staff=True)
        staff.user_permissions.set(Permission.objects.filter(codename__in=["view_run"]))
        client.force_login(staff)

        assert client.post(url("delete", run)).status_code == 403
        assert Run.objects.filter(pk=run.pk).exists()


class TestRetention:
    """Old runs are forgotten, baselines never."""

    @pytest.fixture(autouse=True)
    def _ninety_days(self, settings: LazySettings) -> None:
        settings.LOADLAB_RETENTION_DAYS = 90

    def test_forgets_what_ended_long_ago(self) -> None:
        """To the day."""
        old = measured(ended(ended_at=NOW - timedelta(days=90, seconds=1)), 5.0)
        young = ended(ended_at=NOW - timedelta(days=90))

        assert services.runs_forget(now=NOW) == [old.pk]
        assert list(Run.objects.values_list("pk", flat=True)) == [young.pk]
        assert not Sample.objects.exists()

    def test_keeps_baselines_and_active_runs(self) -> None:
        """However old."""
        baseline = ended(ended_at=NOW - timedelta(days=900))
        services.baseline_set(run_id=baseline.pk, actor=None, now=NOW)
        ended(state=states.RUNNING, slot=1)

        assert services.runs_forget(now=NOW) == []

    def test_keeps_everything_when_told_to(self, settings: LazySettings) -> None:
        """Zero days means for ever."""
        settings.LOADLAB_RETENTION_DAYS = 0
        ended(ended_at=NOW - timedelta(days=900))

        assert services.runs_forget(now=NOW) == []
