"""Pictures of the running product: every page into var/screenshots, two into the README."""

import os
import re
import shutil
import subprocess
import sys

from playwright.sync_api import Page, sync_playwright

from bench.site import ROOT, Site, running_site

FOLDER = ROOT / "var" / "screenshots"
PAGES = {
    "dashboard": "/admin/",
    "vacancies": "/admin/vacancy/vacancy/",
    "vacancy": "/admin/vacancy/vacancy/8/change/",
    "vacancy-add": "/admin/vacancy/vacancy/add/",
    "capacity": "/admin/vacancy/vacancy/capacity/?ids=8",
    "import": "/admin/vacancy/vacancy/import-rows/",
    "door": "/admin/tickets/ticket/door/?vacancy=4",
    "purchases": "/admin/tickets/purchase/",
    "tickets": "/admin/tickets/ticket/",
    "keys": "/admin/tickets/apikey/",
    "key-add": "/admin/tickets/apikey/add/",
    "runs": "/admin/loadlab/run/",
    "start": "/admin/loadlab/run/add/",
    "users": "/admin/auth/user/",
    "user": "/admin/auth/user/1/change/",
    "group": "/admin/auth/group/1/change/",
    "log": "/admin/admin/logentry/",
    "history": "/admin/vacancy/vacancy/8/history/",
    "compare-choose": "/admin/loadlab/run/compare/",
    "missing": "/admin/nothing/here/",
}
FIRST_OF = {"purchase": "/admin/tickets/purchase/", "ticket": "/admin/tickets/ticket/"}
VIEWS = tuple(
    (language, width, theme)
    for language in ("en", "pt-br")
    for width in (1440, 390)
    for theme in ("light", "dark")
)
RUN_URL = re.compile(r"/run/(\d+)/change/")
RUN_S = 30
RUN_TIMEOUT_MS = 60_000


def log_in(page: Page, site: Site) -> None:
    """Log in through the form."""
    page.goto("/admin/")
    page.get_by_label("Username").fill(site.username)
    page.get_by_label("Password").fill(site.password)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Start a rehearsal").first.wait_for()


def do_a_run(page: Page) -> int:
    """Run a short baseline and return its number, once it has been judged."""
    page.goto("/admin/loadlab/run/add/")
    page.get_by_label("Duration", exact=True).fill(str(RUN_S))
    page.get_by_role("button", name="Start the rehearsal").click()
    page.wait_for_url(RUN_URL)
    url = page.url
    page.goto("about:blank")  # a page that draws would take the processor from the run
    page.wait_for_timeout(RUN_S * 1000 + 3000)
    page.goto(url)
    page.locator("[data-slot=summary] table").wait_for(timeout=RUN_TIMEOUT_MS)
    found = RUN_URL.search(url)
    return int(found[1]) if found else 0


def set_baseline(page: Page) -> None:
    """Make the run on this page what the next one is compared with, if it is fit for that."""
    page.get_by_role("button", name="Set as baseline").click()
    page.get_by_role("dialog").get_by_role("button", name="Set as baseline").click()
    page.wait_for_load_state("networkidle")


def take_all(page: Page, first: int, second: int) -> None:
    """Take every page in both languages, both widths and both themes."""
    paths = {
        **PAGES,
        **{name: first_link(page, path) for name, path in FIRST_OF.items()},
        "run": f"/admin/loadlab/run/{second}/change/",
        "run-delete": f"/admin/loadlab/run/{second}/delete/",
        "compare": f"/admin/loadlab/run/compare/?a={first}&b={second}",
    }
    for language, width, theme in VIEWS:
        page.context.add_cookies(
            # A cookie by `url` would be for the folder of that page alone.
            [{"name": "django_language", "value": language, "domain": "127.0.0.1", "path": "/"}]
        )
        page.set_viewport_size({"width": width, "height": 1000})
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        for name, path in paths.items():
            page.goto(path)
            page.wait_for_load_state("networkidle")
            file = FOLDER / f"{name}-{language}-{width}-{theme}.png"
            page.screenshot(path=file, full_page=True)


def first_link(page: Page, path: str) -> str:
    """Return where the first row of a list leads."""
    page.goto(path)
    return page.locator("#result_list tbody a").first.get_attribute("href") or path


def a_sale_day(site: Site) -> None:
    """Fill the site with something to look at."""
    command = [sys.executable, "-m", "bench.showcase"]
    subprocess.run(command, cwd=ROOT, env=site.environment, check=True)


def take_dashboard(page: Page) -> None:
    """Take the dashboard as the README shows it."""
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(color_scheme="light")
    page.goto("/admin/")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)
    page.screenshot(path=ROOT / "docs" / "dashboard.png")


def take_for_readme(page: Page, number: int) -> None:
    """Take the run page as the README shows it: with the cursor where the places run out."""
    page.set_viewport_size({"width": 1280, "height": 1120})
    page.emulate_media(color_scheme="light")
    page.goto(f"/admin/loadlab/run/{number}/change/")
    page.wait_for_load_state("networkidle")
    plot = page.locator("[data-chart=outcomes] .ts-plot")
    plot.hover(position={"x": 300, "y": 100})
    page.screenshot(path=ROOT / "docs" / "run-page.png")


def main() -> int:
    """Start a site, do a run, take the pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    with running_site() as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=arguments)
        page = browser.new_context(base_url=site.web, reduced_motion="reduce").new_page()
        a_sale_day(site)  # before anybody looks: what is older than two minutes is read once
        log_in(page, site)
        first = do_a_run(page)
        set_baseline(page)
        second = do_a_run(page)
        take_dashboard(page)
        take_for_readme(page, second)
        take_all(page, first, second)  # last: it leaves the browser in another language
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
