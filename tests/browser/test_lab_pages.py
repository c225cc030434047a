"""The other pages of the lab as a person uses them, and a socket that outlives its server."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints
from tests.browser.test_every_page import serious_violations
from tests.browser.test_run_charts import stored_run
from tests.site import ROOT, Site, end, free_port, wait_for

PATIENCE_MS = 60_000
RUN = re.compile(r"/admin/loadlab/run/(\d+)/change/")
pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def pair(site: Site) -> tuple[str, str]:
    """The pages of two runs of one kind, on another machine than all others."""
    first, second = (stored_run(site, "duration_s=60, fingerprint='pair'") for _ in range(2))
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

        captions = page.locator(".ts-legend caption").all_inner_texts()
        assert set(captions) == {"at 0:01"}
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


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("width", [390, 1440])
def test_pages_of_the_lab_fit_and_obey_axe(
    page: Page, complaints: Complaints, pair: tuple[str, str], theme: str, width: int
) -> None:
    """No serious violation, nothing too wide, no complaint."""
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 900})
    first, second = map(number, pair)
    compare = f"/admin/loadlab/run/compare/?a={first}&b={second}"
    wrong = []
    for path in (pair[0], compare, "/admin/loadlab/run/", "/admin/loadlab/run/add/"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            wrong.append(f"{path} is too wide")
        wrong += serious_violations(page)

    assert not wrong
    assert not complaints


@contextmanager
def web_role(site: Site, port: int) -> Iterator["subprocess.Popen[str]"]:
    """Serve the site's pages a second time; at the end it is ended."""
    command = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(
        [*command, "ticketsite.asgi:application"],
        cwd=ROOT,
        env=site.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        wait_for(lambda: site.answers(port), timeout_s=60, what="the second web role")
        yield process
    finally:
        end(process)


def test_server_restart_leaves_no_hole(page: Page, site: Site) -> None:
    """The server dies under an open page and comes back: the page goes on, nothing is missing."""
    path = start(page, 20)
    port = free_port()
    live = page.locator("[data-slot=live-text]")
    with web_role(site, port):
        page.goto(f"http://127.0.0.1:{port}{path}")
        expect(live).to_have_text("Live", timeout=PATIENCE_MS)
    expect(live).to_contain_text("Not live since", timeout=PATIENCE_MS)
    with web_role(site, port):
        expect(live).to_have_text("Live again, nothing missed", timeout=PATIENCE_MS)
        expect(page.locator("[data-slot=chip]")).to_contain_text("Finished", timeout=PATIENCE_MS)

        chart = page.locator("[data-chart=outcomes]")
        chart.get_by_text("Show as table").click()
        rows = chart.locator("details tbody th").all_inner_texts()

    assert rows == [f"0:{second:02d}" for second in range(1, 21)]
