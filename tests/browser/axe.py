"""Looks at pages as people do who need contrast, a phone or a reader: four views, by axe-core."""

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.sync_api import Page

WIDTHS = (1440, 390)
THEMES = ("light", "dark")
SERIOUS = {"serious", "critical"}
# The theme's own switch does the same: it sets the class, and everything follows.
SWITCH = "name => document.documentElement.classList.toggle('dark', name === 'dark')"
DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
TOO_WIDE = "() => document.documentElement.scrollWidth > window.innerWidth"
RUN = "async () => (await axe.run({ resultTypes: ['violations'] })).violations"


def problems(page: Page, path: str) -> list[str]:
    """Open a page once and return what is wrong with it in any width and theme."""
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})
    page.goto(path)
    page.wait_for_load_state("networkidle")
    return problems_here(page)


def problems_here(page: Page) -> list[str]:
    """Return what is wrong with the page that is open, in any width and theme."""
    page.evaluate(AXE_SCRIPT)
    wrong = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for theme in THEMES:
            page.evaluate(SWITCH, theme)
            page.evaluate(DRAWN)
            where = f"{page.url} at {width}, {theme}"
            wrong += [f"{where}: {one}" for one in _violations(page)]
            if page.evaluate(TOO_WIDE):
                wrong.append(f"{where}: too wide")
    return wrong


def _violations(page: Page) -> list[str]:
    """Return what axe-core finds that keeps people out, with the first place of each."""
    found: list[dict[str, Any]] = page.evaluate(RUN)
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in SERIOUS
    ]
