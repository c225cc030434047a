"""The other pages of the lab as a person uses them, and a socket that outlives its server."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints
from tests.browser.restarts import restarting_web_role
from tests.browser.stored import stored_runs
from tests.site import Site

RUN = re.compile(r"/admin/loadlab/run/(\d+)/change/")


@pytest.fixture(scope="module")
def pair(site: Site) -> tuple[str, str]:
    """The pages of two runs of one kind, on another machine than all others."""
    first, second = stored_runs(site, *["duration_s=60, fingerprint='pair'"] * 2)
    return first, second


def number(path: str) -> str:
    """Return the number of a run from the path of its page."""
    found = RUN.search(path)
    assert found
    return found[1]


def start(page: Page, duration_s: int) -> str:
    """Start a small run and return the path of its page."""
    page.goto("/admin/loadlab/run/add/")
    page.get_by_label("Virtual users").fill("10")
    page.get_by_label("Duration", exact=True).fill(str(duration_s))
    page.get_by_label("Rehearsal stock").fill("30")
    page.get_by_role("button", name="Start the rehearsal").click()
    page.wait_for_url(RUN)
    return f"/admin/loadlab/run/{number(page.url)}/change/"


class TestStart:
    """The form says what it will do before it does it."""

    def test_estimate_follows_what_is_typed(self, page: Page) -> None:
        """Requests and the ceiling of the think time, at once."""
        page.goto("/admin/loadlab/run/add/")

        page.get_by_label("Virtual users").fill("50")
        page.get_by_label("Think time").fill("1")
        page.get_by_label("Duration", exact=True).fill("10")

        card = page.get_by_role("complementary")
        expect(card).to_contain_text("About 500 requests in 0:10.")
        expect(card).to_contain_text("50 users with 1 s think time can never pass 50 per second.")

    def test_real_vacancy_brings_its_capacity(self, page: Page) -> None:
        """The stock that it will imitate."""
        page.goto("/admin/loadlab/run/add/")
        choice = page.get_by_label("Imitate")

        choice.select_option(index=1)

        capacity = page.get_by_label("Rehearsal stock").input_value()
        text = choice.locator("option").nth(1).inner_text().replace(",", "")
        assert f": {capacity} places" in text

    def test_scenario_brings_its_own_fields(self, page: Page) -> None:
        """Every card shows fields, and what was typed is still there on the way back."""
        page.goto("/admin/loadlab/run/add/")
        page.get_by_label("Duration", exact=True).fill("7")
        cards = page.get_by_role("radio")

        for at in reversed(range(cards.count())):
            cards.nth(at).check()
            expect(page.get_by_label("Duration", exact=True)).to_be_visible()

        expect(page.get_by_label("Duration", exact=True)).to_have_value("7")


class TestCompare:
    """From one run to two."""

    def test_run_is_compared_from_its_page_by_keyboard(
        self, page: Page, complaints: Complaints, pair: tuple[str, str]
    ) -> None:
        """The dialog lists runs of the same kind first; the comparison names both."""
        first, second = pair
        page.goto(second)

        page.get_by_role("button", name="Compare with").press("Enter")
        other = page.get_by_role("dialog").get_by_role("link").first
        expect(other).to_contain_text("same settings and machine")
        other.press("Enter")

        title = f"Run {number(second)} against run {number(first)}"
        expect(page).to_have_title(re.compile(title))
        expect(page.locator(".ts-headline")).not_to_be_empty()
        assert not complaints

    def test_one_cursor_reads_both_runs(self, page: Page, pair: tuple[str, str]) -> None:
        """One percentile at a time, from second 0."""
        first, second = map(number, pair)
        page.goto(f"/admin/loadlab/run/compare/?a={first}&b={second}")

        page.get_by_label("p99").check(force=True)
        page.locator("[data-chart=latency] .ts-plot").focus()
        page.keyboard.press("Home")

        captions = page.locator(".ts-legend caption")
        expect(captions.first).to_have_text("at 0:01")
        assert set(captions.all_inner_texts()) == {"at 0:01"}
        values = page.locator("[data-chart=latency] .ts-legend td").all_inner_texts()
        assert values[0] == values[1] != "–"

    def test_focus_goes_back_when_the_dialog_closes(
        self, page: Page, pair: tuple[str, str]
    ) -> None:
        """Escape closes it, and whoever opened it is where they were."""
        page.goto(pair[0])
        button = page.get_by_role("button", name="Compare with")
        button.press("Enter")

        page.keyboard.press("Escape")

        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(button).to_be_focused()


class TestBaseline:
    """A run that others are measured by."""

    def test_is_refused_with_a_reason_for_a_run_that_was_not_valid(
        self, page: Page, pair: tuple[str, str]
    ) -> None:
        """These seconds were made, not measured: no verdict, no baseline."""
        page.goto(pair[0])

        page.get_by_role("button", name="Set as baseline").click()
        page.get_by_role("dialog").get_by_role("button", name="Set as baseline").click()

        expect(page.get_by_text("others cannot be measured by it")).to_be_visible()

    def test_export_is_a_file(self, page: Page, pair: tuple[str, str]) -> None:
        """From the menu."""
        page.goto(pair[0])
        page.get_by_text("Export").click()

        with page.expect_download() as download:
            page.get_by_role("link", name="Samples (CSV)").click()

        assert download.value.suggested_filename == f"run-{number(pair[0])}.csv"


def test_last_second_cut_a_little_short_is_no_other_second(page: Page, site: Site) -> None:
    """A run that was stopped 0.05 s before its third second was full still shows three seconds."""
    [path] = stored_runs(site, "duration_s=3, fingerprint='cut short'")
    cut = f"RunSecond.objects.filter(run={number(path)}, seq=2).update(elapsed_s=2.95)"
    site.manage("shell", "-c", f"from loadlab.models import RunSecond; {cut}")
    page.goto(path)
    chart = page.locator("[data-chart=outcomes]")

    chart.get_by_text("Show as table").click()

    assert chart.locator("details tbody th").all_inner_texts() == ["0:01", "0:02", "0:03"]
    expect(chart.locator(".ts-legend caption")).to_have_text("last second, 0:03")


def test_server_restart_leaves_no_hole(page: Page, site: Site) -> None:
    """The server dies under an open page and comes back: the page goes on, nothing is missing."""
    path = start(page, 120)
    live = page.locator("[data-slot=live-text]")
    with restarting_web_role(site) as web:
        page.goto(web.url + path)
        expect(live).to_have_text("Live")
        web.kill()
        expect(live).to_contain_text("Not live since")
        web.start()
        expect(live).to_have_text("Live again, nothing missed")
        chart = page.locator("[data-chart=outcomes]")
        chart.get_by_text("Show as table").click()
        seconds = chart.locator("details tbody th")
        expect(seconds.nth(2)).to_be_visible()  # a quick machine restarts within two
        page.get_by_role("button", name="Stop run").click()
        page.get_by_role("dialog").get_by_role("button", name="Stop run").click()
        expect(page.locator("[data-slot=chip]")).to_contain_text("Stopped")
        rows = seconds.all_inner_texts()

    assert rows == [f"{second // 60}:{second % 60:02d}" for second in range(1, len(rows) + 1)]
