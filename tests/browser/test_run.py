"""A rehearsal as an operator lives it: started, watched, reloaded, stopped, in a real browser."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Complaints
from tests.lab.fitness import expected_outcomes
from tests.site import Site, alive, locust_processes, wait_for

JUDGED = re.compile("Pass|Fail|Inconclusive")


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
    expect(chips).to_have_count(3)
    validity, budget = (cells.nth(at).locator(".ts-strong").inner_text() for at in range(2))
    words = expected_outcomes(validity, budget)
    for chip, word in zip(chips.all(), words, strict=True):
        expect(chip).to_contain_text(word.capitalize())


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
    start(page, duration_s=10)
    expect(legend(page, "users", "Running")).to_have_text("20")
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
    expect(rows.nth(2)).to_be_visible()

    # The newest second may stand at either end; the first one must be there again.
    first_before = {text for text in rows.all_inner_texts() if text.startswith("0:01")}
    page.reload()
    outcomes.get_by_text("Show as table").click()
    expect(rows.nth(2)).to_be_visible()

    assert first_before
    assert first_before <= set(rows.all_inner_texts())
    expect_good_end(page)


def test_stopping_midway_asks_first_and_leaves_no_process(page: Page, site: Site) -> None:
    """Whoever thinks better of it has stopped nothing; else nothing of the generator is left."""
    start(page, duration_s=120)
    expect(legend(page, "users", "Running")).to_have_text("20")
    generators = locust_processes(site.process.pid)

    page.get_by_role("button", name="Stop run").click()
    page.get_by_role("button", name="Keep running").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("[data-slot=chip]")).to_contain_text("Running")
    second = page.locator("[data-chart=users] .ts-legend caption").inner_text()
    expect(page.locator("[data-chart=users] .ts-legend caption")).not_to_have_text(second)

    page.get_by_role("button", name="Stop run").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop run").click()

    expect(page.locator("[data-slot=chip]")).to_contain_text("Stopped")
    assert generators
    wait_for(lambda: not alive(generators), what="the generator to end")
    assert not locust_processes(site.process.pid)
