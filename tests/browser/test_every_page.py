"""Every page by day and by night, on a phone and on a desk: it fits, and axe finds nothing."""

import re

import pytest
from playwright.sync_api import Page

from tests.browser.axe import problems, problems_here
from tests.browser.conftest import Complaints, open_dialog
from tests.browser.shop import buy
from tests.browser.stored import stored_runs
from tests.site import Site

SALE_DAY = (
    "/admin/",
    "/admin/vacancy/vacancy/",
    "/admin/vacancy/vacancy/add/",
    "/admin/vacancy/vacancy/1/change/",
    "/admin/vacancy/vacancy/1/history/",
    "/admin/vacancy/vacancy/1/stop/",
    "/admin/vacancy/vacancy/capacity/?ids=1,2",
    "/admin/vacancy/vacancy/import-rows/",
    "/admin/tickets/purchase/",
    "/admin/tickets/ticket/",
    "/admin/tickets/ticket/door/",
)
LAB = (
    "/admin/loadlab/run/",
    "/admin/loadlab/run/add/",
    "/admin/loadlab/run/compare/",
)
ACCESS = (
    "/admin/tickets/apikey/",
    "/admin/tickets/apikey/add/",
    "/admin/auth/user/",
    "/admin/auth/user/1/change/",
    "/admin/auth/user/add/",
    "/admin/auth/group/",
    "/admin/auth/group/1/change/",
    "/admin/admin/logentry/",
    "/admin/password_change/",
)


@pytest.fixture(scope="module")
def runs(site: Site) -> list[str]:
    """The paths of three pages about two runs of one kind, on another machine than all others."""
    first, second = stored_runs(site, *["duration_s=60, fingerprint='seen'"] * 2)
    a, b = (re.sub(r"\D", "", path) for path in (first, second))
    return [
        first,
        f"/admin/loadlab/run/compare/?a={a}&b={b}",
        f"/admin/loadlab/run/{a}/delete/",
    ]


@pytest.mark.parametrize("paths", [SALE_DAY, ACCESS], ids=["sale day", "access"])
def test_page_fits_obeys_axe_and_does_not_complain(
    page: Page, site: Site, complaints: Complaints, paths: tuple[str, ...]
) -> None:
    """No horizontal scrolling, no serious violation, no console error, no failed request."""
    buy(site)

    assert not [wrong for path in paths for wrong in problems(page, path)]
    assert not complaints


def test_pages_of_the_lab_do_too(page: Page, complaints: Complaints, runs: list[str]) -> None:
    """With runs to show."""
    assert not [wrong for path in (*LAB, *runs) for wrong in problems(page, path)]
    assert not complaints


def test_purchase_its_ticket_and_its_dialog_obey_axe(
    page: Page, site: Site, complaints: Complaints
) -> None:
    """Pages that are reached from a list, and a dialog."""
    buy(site)
    page.goto("/admin/tickets/ticket/")
    page.locator("#result_list tbody a").first.click()
    wrong = problems_here(page)
    page.goto("/admin/tickets/purchase/")
    page.locator("#result_list tbody a").first.click()
    wrong += problems_here(page)
    page.set_viewport_size({"width": 1440, "height": 900})
    open_dialog(page, "Cancel purchase").get_by_label("Reason").wait_for()

    assert not wrong + problems_here(page)
    assert not complaints


def test_missing_page_obeys_axe_too(page: Page) -> None:
    """It is seen by those who are lost already."""
    assert not problems(page, "/admin/nothing/here/")


def test_first_stop_of_the_keyboard_leads_past_the_menu(page: Page) -> None:
    """Who uses no mouse does not go through eleven links on each page."""
    page.goto("/admin/vacancy/vacancy/")
    for key in ("Tab", "Enter", "Tab"):
        page.keyboard.press(key)

    assert page.evaluate("document.querySelector('#content').contains(document.activeElement)")


def test_question_of_an_action_is_asked_without_scripts(page: Page, site: Site) -> None:
    """The theme hides every page until its scripts have run: for some they never do."""
    browser, state = page.context.browser, page.context.storage_state()
    assert browser is not None
    plain = browser.new_context(base_url=site.web, storage_state=state, java_script_enabled=False)
    question = plain.new_page()
    question.goto("/admin/vacancy/vacancy/1/stop/")
    question.get_by_role("link", name="Back").click(timeout=10_000)

    assert question.url.endswith("/admin/vacancy/vacancy/1/change/")
    plain.close()


def test_every_title_says_where_it_is(site: Site) -> None:
    """Tabs can be told apart: no two pages share a title."""
    paths = (*SALE_DAY, *LAB, *ACCESS)
    with site.operator() as client:
        pages = [client.get(path).raise_for_status().text for path in paths]
    titles = [re.findall(r"<title>(.*?)</title>", text, re.DOTALL)[0] for text in pages]

    assert len(set(titles)) == len(paths), titles
    assert all(title.strip().endswith("| ticketsite") for title in titles), titles
