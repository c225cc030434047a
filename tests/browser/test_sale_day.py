"""Sale day as an operator lives it: the dashboard lives, stock is changed, people come in."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Complaints, open_dialog
from tests.browser.restarts import restarting_web_role
from tests.browser.shop import buy
from tests.site import Site


def tile(page: Page, name: str) -> Locator:
    """Find the number of a tile."""
    return page.locator(f'[data-slot="{name}-value"]')


def number_in(place: Locator) -> int:
    """Read a number as it is written."""
    return int(re.sub(r"\D", "", place.inner_text()))


def live(page: Page) -> None:
    """Wait until the page says that it is live."""
    expect(page.locator('[data-slot="live-text"]')).to_contain_text("Live")


class TestDashboard:
    """The first page."""

    def test_sale_moves_numbers_and_bars_without_a_reload(
        self, page: Page, site: Site, complaints: Complaints
    ) -> None:
        """What a shop sells is seen by who watches."""
        page.goto("/admin/")
        live(page)
        before = number_in(tile(page, "sold"))
        row = page.locator('.ts-row-stock[data-row="1"], .ts-row-stock').filter(
            has_text="Concert, floor standing"
        )
        bar = row.locator('[data-slot="sold-part"]')
        width = bar.evaluate("node => parseFloat(node.style.width)")

        buy(site, qty=4)

        expect(tile(page, "sold")).to_have_text(f"{before + 4:,}")
        assert bar.evaluate("node => parseFloat(node.style.width)") > width
        expect(page.locator('[data-slot="sold-note"]')).to_contain_text("in the last minute")
        assert not complaints

    def test_chart_has_a_table_and_a_cursor_for_the_keyboard(self, page: Page, site: Site) -> None:
        """The same numbers for who cannot see bars, or has no mouse."""
        buy(site)
        page.goto("/admin/")
        chart = page.locator('[data-slot="pace-chart"] svg')
        chart.focus()
        page.keyboard.press("ArrowLeft")
        expect(page.locator('[data-slot="pace-caption"]')).to_contain_text(
            re.compile(r"\d\d:\d\d: \d+ sold")
        )

        page.get_by_text("Show as table").first.click()

        expect(page.locator('[data-slot="pace-table"] tbody tr')).to_have_count(60)

    def test_server_restart_is_said_and_nothing_is_missed(self, page: Page, site: Site) -> None:
        """Numbers stay while the server is dead; afterwards what was sold meanwhile is there."""
        line = page.locator('[data-slot="live-text"]')
        with restarting_web_role(site) as web:
            page.goto(web.url + "/admin/")
            live(page)
            before = number_in(tile(page, "sold"))

            web.kill()
            expect(line).to_contain_text("Not live since")
            buy(site, qty=2)
            expect(tile(page, "sold")).to_have_text(f"{before:,}")
            web.start()

            expect(line).to_contain_text("Live again, nothing missed")
            expect(tile(page, "sold")).to_have_text(f"{before + 2:,}")

    def test_ended_session_is_told_to_log_in_again(self, own_page: Page) -> None:
        """A page left open overnight says why it stands still."""
        page = own_page
        live(page)
        other = page.context.new_page()
        other.goto("/admin/")
        other.evaluate("document.querySelector('#logout-form').submit()")
        other.wait_for_load_state()

        expect(page.locator('[data-slot="live-text"]')).to_contain_text("log in again")


class TestStock:
    """One vacancy and its sale."""

    @pytest.fixture
    def gala(self, page: Page) -> Page:
        """A vacancy of this test alone, imported from a file that was looked at first."""
        page.goto("/admin/vacancy/vacancy/import-rows/")
        text = f"name,venue,capacity,price\nGala {id(page)},Foyer,40,1200\nBroken,,ten,1\n"
        page.get_by_label("CSV file").set_input_files(
            {"name": "gala.csv", "mimeType": "text/csv", "buffer": text.encode()}
        )
        page.get_by_role("button", name="Look at the rows").click()
        expect(page.get_by_text("Will be added")).to_be_visible()
        expect(page.get_by_text("Wrong", exact=True)).to_be_visible()
        page.get_by_role("button", name="Add 1 as a draft").click()
        page.get_by_role("link", name=f"Gala {id(page)}").first.click()
        return page

    def test_sale_is_opened_paused_and_stopped_each_with_a_question(self, gala: Page) -> None:
        """Every change asks once, and stands in the ledger."""
        for button, question, state in (
            ("Put on sale", "Put on sale?", "On sale"),
            ("Pause sale", "Pause the sale?", "Paused"),
            ("Stop sale", "Stop the sale?", "Closed"),
        ):
            dialog = open_dialog(gala, button)
            expect(dialog).to_contain_text(question)
            dialog.get_by_role("button", name=button).click()
            expect(gala.locator(".ts-vacancy-head")).to_contain_text(state)

        expect(gala.locator("#movements-group")).to_contain_text("Closed")

    def test_keyboard_alone_pauses_a_sale(self, page: Page) -> None:
        """No mouse: focus goes into the dialog and back to the button."""
        page.goto("/admin/vacancy/vacancy/2/change/")
        page.get_by_role("link", name="Pause sale").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_contain_text("Pause the sale?")
        page.keyboard.press("Escape")
        expect(page.get_by_role("link", name="Pause sale")).to_be_focused()

    def test_consequence_is_said_while_a_capacity_is_typed(self, gala: Page) -> None:
        """What the operator is about to do is told before it is done."""
        gala.get_by_role("link", name="Change capacity").first.click()
        preview = gala.locator("[data-preview]")
        gala.get_by_label("Change capacity by").fill("10")
        expect(preview).to_have_text("Capacity goes from 40 to 50; 50 will be free.")
        gala.get_by_label("Change capacity by").fill("-50")
        expect(preview).to_contain_text("at most 40 can go")

        gala.get_by_label("Change capacity by").fill("-10")
        gala.get_by_label("Reason").fill("The stage is larger")
        gala.get_by_role("button", name="Change capacity").click()

        expect(gala.locator(".ts-vacancy")).to_contain_text("0 sold, 0 held of 30")
        expect(gala.locator("#content-main")).to_contain_text("The stage is larger")

    def test_bar_of_an_open_page_follows_the_sale(self, page: Page, site: Site) -> None:
        """The page of one vacancy is live as well."""
        page.goto("/admin/vacancy/vacancy/1/change/")
        live(page)
        free = page.locator('.ts-numbers [data-slot="free"]')
        before = number_in(free)

        buy(site, qty=3)

        expect(free).to_have_text(f"{before - 3:,}")

    def test_purchases_can_be_taken_away_as_a_file(self, page: Page, site: Site) -> None:
        """The export is a CSV with a row for each purchase."""
        buy(site, name="Emmy Noether")
        page.goto("/admin/vacancy/vacancy/1/change/")
        with page.expect_download() as download:
            page.get_by_role("link", name="Export purchases as CSV").click()

        text = download.value.path().read_text(encoding="utf-8-sig")

        assert text.startswith("purchase,status,created_at")
        assert "Emmy Noether" in text


class TestTickets:
    """After the sale."""

    def test_purchase_is_found_by_its_code_and_cancelled_with_a_reason(
        self, page: Page, site: Site
    ) -> None:
        """The search finds it, the dialog asks why, the page remembers."""
        [code] = buy(site, name="Carl Gauss")
        page.goto("/admin/tickets/purchase/")
        page.locator("#searchbar").fill(code)
        page.keyboard.press("Enter")
        page.locator("#result_list tbody a").first.click()
        dialog = open_dialog(page, "Cancel purchase")
        dialog.get_by_label("Reason").fill("Asked by phone")
        dialog.get_by_role("button", name="Cancel purchase").click()

        expect(page.locator("#content")).to_contain_text("Asked by phone")
        expect(page.locator(".ts-chip").filter(has_text="Cancelled").first).to_be_visible()

    def test_door_admits_once_and_counts(self, page: Page, site: Site) -> None:
        """A code opens the door once; the count goes up."""
        [code] = buy(site, name="Grace Hopper")
        page.goto("/admin/tickets/ticket/door/?vacancy=1")
        came = page.locator('[data-slot="checked-in"]')
        before = number_in(came)
        for answer in ("Admitted: Grace Hopper", "Do not admit"):
            page.get_by_label("Ticket code").fill(code)
            page.keyboard.press("Enter")
            expect(page.locator("#main")).to_contain_text(answer)

        expect(came).to_have_text(f"{before + 1:,}")


class TestReader:
    """Language, zone and theme are the reader's."""

    def test_language_is_chosen_from_the_menu(self, page: Page) -> None:
        """And the page says so in its own language."""
        page.goto("/admin/")
        page.locator("[x-on\\:click^='openUserLinks']").click()
        page.get_by_role("button", name=re.compile("Português")).click()

        expect(page.locator("html")).to_have_attribute("lang", "pt-br")
        page.locator("[x-on\\:click^='openUserLinks']").click()
        page.get_by_role("button", name="English").click()
        expect(page.locator("html")).to_have_attribute("lang", "en")

    def test_focus_is_visible_wherever_it_goes(self, page: Page) -> None:
        """Each of the first stops of the Tab key has an outline."""
        page.goto("/admin/")
        bare = []
        for _ in range(20):
            page.keyboard.press("Tab")
            seen = page.evaluate(
                """() => {
                  const node = document.activeElement;
                  const { outlineStyle, outlineWidth } = getComputedStyle(node);
                  const visible = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
                  return visible || node === document.body ? "" : node.outerHTML.slice(0, 120);
                }"""
            )
            if seen:
                bare.append(seen)

        assert not bare
