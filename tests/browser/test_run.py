"""A rehearsal as an operator lives it: started, watched, reloaded, stopped, in a real browser."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Complaints
from tests.lab.fitness import is_starved
from tests.site import Site, alive, locust_processes, wait_for

PATIENCE_MS = 60_000
JUDGED = re.compile("Pass|Fail|Inconclusive")
pytestmark = pytest.mark.timeout(180)


def start(page: Page, *, duration_s: int) -> None:
    """Start a small baseline through the form, and arrive on its page."""
    page.goto("/admin/")
    page.get_by_role("link", name="Start a rehearsal").first.click()
    page.get_by_label("Virtual users").fill("20")
    page.get_by_label("Duration", exact=True).fill(str(duration_s))
    page.get_by_label("Rehearsal stock").fill("30")
    page.get_by_role("button", name="Start the rehearsal").click()
    page.wait_for_url(re.compile(r"/admin/loadlab/run/\d+/change/"))


def expect_good_end(page: Page) -> None:
    """See three verdicts: all passed, or only not proven because the machine was too busy."""
    cells = page.locator("[data-slot=verdicts] .ts-verdict")
    chips = cells.locator(".ts-chip").filter(has_text=JUDGED)
    expect(chips).to_have_count(3, timeout=PATIENCE_MS)
    starved = is_starved(cells.first.inner_text())
    expected = ["Fail", "Inconclusive", "Inconclusive"] if starved else ["Pass"] * 3
    for chip, word in zip(chips.all(), expected, strict=True):
        expect(chip).to_contain_text(word)


def legend(page: Page, chart: str, name: str) -> Locator:
    """Find one series' value in a legend."""
    return page.locator(f"[data-chart={chart}] .ts-legend tr").filter(has_text=name).locator("td")


def numbers(page: Page) -> list[str]:
    """Read everything that must be the same after a reload."""
    tiles = page.locator(".ts-tiles dd").all_inner_texts()
    verdicts = page.locator("[data-slot=verdicts] > *").all_inner_texts()
    tables = page.locator("[data-slot=summary], [data-slot=stock]").all_inner_texts()
    legends = page.locator(".ts-legend-place").all_inner_texts()
    return [*tiles, *verdicts, *tables, *legends]


def test_operator_watches_a_run_from_start_to_verdict(page: Page, complaints: Complaints) -> None:
    """The charts fill while it runs, the verdicts appear, a reload finds the same numbers."""
    start(page, duration_s=6)
    expect(legend(page, "users", "Running")).to_have_text("20", timeout=PATIENCE_MS)
    expect(page.locator("[data-slot=live-text]")).to_have_text("Live")
    expect(page.locator("[data-slot=progress]")).to_be_visible()
    assert float(legend(page, "outcomes", "Read").inner_text()) > 0

    expect_good_end(page)
    account = "the database has 30 places in 30 purchases with 30 tickets"
    expect(page.locator("[data-slot=verdicts]")).to_contain_text(account)
    before = numbers(page)
    page.reload()
    expect_good_end(page)

    assert numbers(page) == before
    assert not complaints


def test_reload_in_the_middle_shows_the_seconds_before_it(page: Page) -> None:
    """What was drawn before the reload is there again, and it goes on."""
    start(page, duration_s=6)
    outcomes = page.locator("[data-chart=outcomes]")
    outcomes.get_by_text("Show as table").click()
    rows = outcomes.locator("details tbody tr")
    expect(rows.nth(2)).to_be_visible(timeout=PATIENCE_MS)

    # The newest second may stand at either end; the first one must be there again.
    first_before = {text for text in rows.all_inner_texts() if text.startswith("0:01")}
    page.reload()
    outcomes.get_by_text("Show as table").click()
    expect(rows.nth(2)).to_be_visible()

    assert first_before
    assert first_before <= set(rows.all_inner_texts())
    expect_good_end(page)


def test_stopping_midway_leaves_no_process(page: Page, site: Site) -> None:
    """Stop asks first, ends the run as stopped, and nothing of the load generator is left."""
    start(page, duration_s=120)
    expect(legend(page, "users", "Running")).to_have_text("20", timeout=PATIENCE_MS)
    generators = locust_processes(site.process.pid)

    page.get_by_role("button", name="Stop run").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop run").click()

    expect(page.locator("[data-slot=chip]")).to_contain_text("Stopped", timeout=PATIENCE_MS)
    assert generators
    wait_for(lambda: not alive(generators), timeout_s=30, what="the generator to end")
    assert not locust_processes(site.process.pid)


def test_keeping_the_run_changes_nothing(page: Page) -> None:
    """Whoever opens the dialog and thinks better of it has stopped nothing."""
    start(page, duration_s=4)
    expect(legend(page, "users", "Running")).to_have_text("20", timeout=PATIENCE_MS)

    page.get_by_role("button", name="Stop run").click()
    page.get_by_role("button", name="Keep running").click()

    chip = page.locator("[data-slot=chip]")
    expect(chip).to_contain_text("Finished", timeout=PATIENCE_MS)
