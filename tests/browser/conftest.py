"""A real browser: the system's Chromium, or the one that Playwright installed."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    Error,
    Locator,
    Page,
    Request,
    expect,
    sync_playwright,
)

from tests.site import Site

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MS = 90_000
Cookies = list[Any]
expect.set_options(timeout=PATIENCE_MS)  # five seconds are not enough for a busy machine


# Not for the session: Playwright's event loop runs in this thread until it is closed, and every
# asynchronous test that came meanwhile would fail.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Start the browser once for a module."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    # A sandbox inside a container that runs as root is refused by Chromium itself.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    arguments += ["--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=arguments)
        except Error as error:
            pytest.skip(f"no browser: install Chromium, or run playwright install ({error})")
        yield browser
        browser.close()


class Complaints(list[str]):
    """What the browser complained of: console errors, failed requests, answers of 400 and up."""

    def listen_to(self, page: Page) -> None:
        """Collect from this page."""
        page.on("console", lambda m: self.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: self.append(str(error)))
        page.on("requestfailed", self._note_failed)
        page.on(
            "response", lambda r: self.append(f"{r.status} {r.url}") if r.status > 399 else None
        )

    def _note_failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # leaving a page ends what still loads
            self.append(f"failed: {request.url}")


def open_dialog(page: Page, name: str) -> Locator:
    """Press the link that asks before it does something, and return what it opens.

    Once the page has loaded: until the theme's scripts listen, it is a link like any other.
    """
    page.wait_for_url(re.compile(r"/change/"), wait_until="load")
    page.get_by_role("link", name=name).first.click()
    return page.get_by_role("dialog")


@pytest.fixture
def complaints() -> Complaints:
    """Collected while the test runs."""
    return Complaints()


@pytest.fixture(scope="session")
def session(site: Site) -> Cookies:
    """The operator's cookies, once for all tests; one test logs in through the form itself."""
    with site.operator() as client:
        cookies = client.cookies.jar
        return [{"name": one.name, "value": one.value or "", "url": site.web} for one in cookies]


@pytest.fixture
def page(chromium: Browser, site: Site, session: Cookies, complaints: Complaints) -> Iterator[Page]:
    """An empty page at 1440 pixels of an operator who is logged in."""
    with _new_page(chromium, site) as page:
        page.context.add_cookies(session)
        complaints.listen_to(page)
        yield page


@pytest.fixture
def own_page(chromium: Browser, site: Site) -> Iterator[Page]:
    """A page whose operator came in through the form, with a session of its own to end."""
    with _new_page(chromium, site) as page:
        page.goto("/admin/")
        page.get_by_label("Username").fill(site.username)
        page.get_by_label("Password").fill(site.password)
        page.keyboard.press("Enter")
        page.get_by_role("link", name="Start a rehearsal").first.wait_for()
        yield page


@contextmanager
def _new_page(chromium: Browser, site: Site) -> Iterator[Page]:
    context = chromium.new_context(
        viewport={"width": 1440, "height": 1000}, base_url=site.web, reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()
