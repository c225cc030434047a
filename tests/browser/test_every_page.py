"""Every page by day and by night, on a phone and on a desk: it fits, and axe finds nothing."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page

from tests.browser.conftest import Complaints
from tests.browser.shop import buy
from tests.site import Site

pytestmark = pytest.mark.timeout(300)
PATHS = (
    "/admin/",
    "/admin/vacancy/vacancy/",
    "/admin/vacancy/vacancy/add/",
    "/admin/vacancy/vacancy/1/change/",
    "/admin/vacancy/vacancy/capacity/?ids=1,2",
    "/admin/vacancy/vacancy/import-rows/",
    "/admin/tickets/purchase/",
    "/admin/tickets/ticket/",
    "/admin/tickets/ticket/door/",
    "/admin/tickets/apikey/",
    "/admin/tickets/apikey/add/",
    "/admin/loadlab/run/",
    "/admin/loadlab/run/add/",
    "/admin/auth/user/",
    "/admin/auth/user/1/change/",
    "/admin/auth/group/",
    "/admin/admin/logentry/",
)
SERIOUS = {"serious", "critical"}


def serious_violations(page: Page) -> list[str]:
    """Return what axe-core finds that keeps people out, with the first place of each."""
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        f"{page.url} {one['id']}: {one['nodes'][0]['html'][:200]}"
        for one in found
        if one["impact"] in SERIOUS
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_page_fits_obeys_axe_and_does_not_complain(
    page: Page, site: Site, complaints: Complaints, theme: Any, width: int
) -> None:
    """No horizontal scrolling, no serious violation, no console error, no failed request."""
    buy(site)
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 900})
    wrong: list[str] = []
    for path in PATHS:
        page.goto(path)
        page.wait_for_load_state("networkidle")
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            wrong.append(f"{path} is too wide")
        wrong += serious_violations(page)

    assert not wrong
    assert not complaints


def test_purchase_and_its_dialog_obey_axe(page: Page, site: Site, complaints: Complaints) -> None:
    """A page that is reached from a list, and the dialog on it."""
    buy(site)
    page.goto("/admin/tickets/purchase/")
    page.locator("#result_list tbody a").first.click()
    wrong = serious_violations(page)
    page.get_by_role("link", name="Cancel purchase").click()
    page.get_by_role("dialog").get_by_label("Reason").wait_for()

    assert not wrong + serious_violations(page)
    assert not complaints


def test_every_title_says_where_it_is(page: Page) -> None:
    """Tabs can be told apart: no two pages share a title."""
    titles = []
    for path in PATHS:
        page.goto(path)
        titles.append(page.title())

    assert len(set(titles)) == len(PATHS), titles
    assert all(title.strip().endswith("| ticketsite") for title in titles), titles
