"""The charts of a run as a person uses them: cursor, zoom, series, tables, by mouse and by keys."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Complaints
from tests.browser.stored import stored_runs
from tests.site import Site, wait_for


@pytest.fixture(scope="module")
def stored(site: Site) -> list[str]:
    """The pages of an hour's run, of a minute's, and of one against another machine."""
    elsewhere = "duration_s=20, target='http://192.0.2.1', environment={'shared_host': False}"
    return stored_runs(site, "", "duration_s=60", elsewhere)


@pytest.fixture
def hour(stored: list[str]) -> str:
    """The page of an hour's run."""
    return stored[0]


@pytest.fixture
def minute(stored: list[str]) -> str:
    """The page of a minute's run."""
    return stored[1]


@pytest.fixture
def remote(stored: list[str]) -> str:
    """The page of a run whose target was on another machine."""
    return stored[2]


@pytest.fixture(autouse=True)
def _no_complaints(complaints: Complaints) -> Iterator[None]:
    """No console error and no failed request, whatever a test does."""
    yield
    assert not complaints


def plot(page: Page, chart: str) -> Locator:
    """Find the part of a chart that takes the pointer and the keys."""
    return page.locator(f"[data-chart={chart}] .ts-plot")


def drag(page: Page, chart: str, start: float, stop: float) -> None:
    """Drag over a part of a plot, given as shares of its width."""
    box = plot(page, chart).bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * start, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * stop, y, steps=5)
    page.mouse.up()


def captions(page: Page) -> list[str]:
    """Read what time each legend tells."""
    return page.locator(".ts-legend caption").all_inner_texts()


class TestCursor:
    """One line across all charts."""

    def test_pointer_moves_it_in_all_charts(self, page: Page, minute: str) -> None:
        """Hovering over one shows that time's values in each."""
        page.goto(minute)

        plot(page, "latency").hover(position={"x": 300, "y": 60})

        expect(page.locator(".ts-cursor:visible")).to_have_count(page.locator(".ts-plot").count())
        assert len(set(captions(page))) == 1
        assert captions(page)[0].startswith("at 0:")

    def test_leaving_shows_the_last_second_again(self, page: Page, minute: str) -> None:
        """No cursor without a pointer."""
        page.goto(minute)
        plot(page, "latency").hover(position={"x": 300, "y": 60})

        page.locator("h1, h2").first.hover()

        expect(page.locator(".ts-legend caption").first).to_have_text("last second, 1:00")
        expect(page.locator(".ts-cursor:visible")).to_have_count(0)

    def test_arrow_keys_move_it_by_seconds(self, page: Page, minute: str) -> None:
        """One second, ten with Shift, and both ends."""
        page.goto(minute)
        plot(page, "outcomes").focus()

        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Shift+ArrowRight")

        expect(page.locator(".ts-legend caption").last).to_have_text("at 0:12")

    def test_screen_reader_hears_the_values(self, page: Page, minute: str) -> None:
        """The plot is a slider over time whose value is a sentence."""
        page.goto(minute)
        plot(page, "cpu").focus()

        page.keyboard.press("Home")

        slider = page.get_by_role("slider", name="Processor, % of one core")
        expect(slider).to_have_attribute("aria-valuetext", re.compile("at 0:01.*Generator 25 %"))
        expect(slider).to_have_attribute("aria-valuenow", "1")


class TestServer:
    """What the server took, beside the generator."""

    def test_is_in_legend_and_table(self, page: Page, minute: str) -> None:
        """At the cursor, and in each row; a second in which it is not known is a gap."""
        page.goto(minute)
        chart = page.locator("[data-chart=cpu]")
        plot(page, "cpu").focus()

        page.keyboard.press("Home")
        chart.get_by_text("Show as table").click()

        row = chart.locator("[data-series=server_cpu]")
        expect(row).to_have_text(re.compile(r"Server\s*120 %"))
        expect(chart.locator("details thead")).to_contain_text("Server")
        expect(chart.locator("[data-slot=server-note]")).to_be_empty()

    def test_elsewhere_is_said_to_be_not_measured(self, page: Page, remote: str) -> None:
        """No zero, and no line."""
        page.goto(remote)

        chart = page.locator("[data-chart=cpu]")

        note = "Server not measured: the target is on another machine."
        expect(chart.locator("[data-slot=server-note]")).to_have_text(note)
        expect(chart.locator("[data-series=server_cpu] td")).to_have_text("–")


class TestZoom:
    """A part of the time axis, in all charts."""

    def test_drag_zooms_and_escape_goes_back(self, page: Page, minute: str) -> None:
        """As a person tries it first."""
        page.goto(minute)

        drag(page, "outcomes", 0.3, 0.6)
        expect(page.locator("[data-slot=zoom]")).to_be_visible()
        plot(page, "latency").focus()
        page.keyboard.press("Escape")

        expect(page.locator("[data-slot=zoom]")).to_be_hidden()

    def test_show_all_goes_back_by_button(self, page: Page, minute: str) -> None:
        """For whoever does not know the key; keys alone zoom too."""
        page.goto(minute)
        plot(page, "outcomes").focus()
        page.keyboard.press("+")
        expect(page.locator("[data-slot=zoom-text]")).to_have_text("0:15 to 0:45")

        page.get_by_role("button", name="Show all").click()

        expect(page.locator("[data-slot=zoom]")).to_be_hidden()

    def test_zoom_into_an_hour_finds_the_seconds(self, page: Page, hour: str) -> None:
        """Thinned to 600 points as a whole, second by second in a part."""
        page.goto(hour)
        expect(page.locator(".ts-legend caption").first).to_have_text("last point, 1:00:00")

        with page.expect_response(re.compile(r"/points/")):
            drag(page, "outcomes", 0.3, 0.4)
        plot(page, "outcomes").focus()
        page.keyboard.press("Home")

        # The answer is here, drawn in the next frames: until then the step is six seconds long.
        wait_for(lambda: step_s(page) == 1, what="a step of one second")


def step_s(page: Page) -> int:
    """Move the cursor one step to the right and return how far that was, in seconds."""
    before = cursor_s(page)
    page.keyboard.press("ArrowRight")
    return cursor_s(page) - before


def cursor_s(page: Page) -> int:
    """Read where the cursor stands once the frames that draw it are through."""
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    minutes, seconds = map(int, captions(page)[0].removeprefix("at ").split(":"))
    return minutes * 60 + seconds


class TestEvents:
    """What happened when."""

    def test_events_are_named_on_the_first_chart(self, page: Page, hour: str) -> None:
        """Lines in all charts, words in the first."""
        page.goto(hour)

        labels = page.locator("[data-chart=outcomes] .ts-event").all_inner_texts()

        assert labels == ["start", "ramp end", "sold out", "faults above 1 %"]
        expect(page.locator("[data-chart=cpu] .ts-event")).to_have_count(4)


class TestWork:
    """What is drawn stays bounded."""

    def test_hour_is_drawn_with_600_points_a_series(self, page: Page, hour: str) -> None:
        """Counted in the library's own data, not timed."""
        page.goto(hour)

        counts = page.evaluate(
            """() => [...document.querySelectorAll(".ts-plot canvas")].flatMap((canvas) =>
                Chart.getChart(canvas).data.datasets.map((set) => set.data.length))"""
        )

        assert counts
        assert max(counts) == 600

    def test_second_that_arrives_touches_only_itself(self, page: Page, minute: str) -> None:
        """An increment leaves every point before it as the same object."""
        page.goto(minute)
        path = "/static/loadlab/"

        kept = page.evaluate(
            """async (path) => {
                const { RunStore } = await import(path + "store.js");
                const { Grid } = await import(path + "grid.js");
                const snapshot = JSON.parse(document.getElementById("run-snapshot").textContent);
                const store = new RunStore(snapshot);
                const heard = [];
                store.addEventListener("change", ({ detail }) => heard.push(detail.from));
                const columns = { t: [61], n: [1], bought: [7] };
                store.apply({ run: {}, seq: 60, points: { first: 60, width: 1, columns } });
                return [heard, store.grid.length, store.grid.value("bought", 60)];
            }""",
            path,
        )

        assert kept == [[60], 61, 7]


class TestTable:
    """The same in figures."""

    def test_table_has_a_row_for_each_second(self, page: Page, minute: str) -> None:
        """Everything that the chart shows can be read."""
        page.goto(minute)
        chart = page.locator("[data-chart=outcomes]")

        chart.get_by_text("Show as table").click()

        expect(chart.locator("details tbody tr")).to_have_count(60)
        expect(chart.locator("details tbody tr").last).to_contain_text("1:00")

    def test_zoomed_table_has_the_zoomed_rows(self, page: Page, minute: str) -> None:
        """What is shown, no more."""
        page.goto(minute)
        chart = page.locator("[data-chart=outcomes]")
        chart.get_by_text("Show as table").click()
        plot(page, "outcomes").focus()

        page.keyboard.press("+")

        expect(chart.locator("details tbody tr").first).to_contain_text("0:15")
        expect(chart.locator("details tbody tr")).to_have_count(31)


class TestLegend:
    """A name hides its series."""

    def test_series_is_hidden_and_shown_again(self, page: Page, minute: str) -> None:
        """By keyboard: the name is a button."""
        page.goto(minute)
        button = page.locator("[data-chart=outcomes]").get_by_role("button", name="Read")
        visible = """() => Chart.getChart(document.querySelector(
            "[data-chart=outcomes] canvas")).isDatasetVisible(1)"""

        button.press("Enter")
        hidden = page.evaluate(visible)
        button.press("Enter")

        assert (hidden, page.evaluate(visible)) == (False, True)

    def test_log_scale_ends_at_powers_of_ten(self, page: Page, minute: str) -> None:
        """From 1 ms on."""
        page.goto(minute)

        page.get_by_label("Log scale").check()

        limits = page.evaluate(
            """() => { const { y } = Chart.getChart(document.querySelector(
                "[data-chart=latency] canvas")).scales; return [y.type, y.min, y.max]; }"""
        )
        assert limits == ["logarithmic", 1, 100]


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_charts_fit_a_phone(page: Page, hour: str, theme: str) -> None:
    """A tap sets the cursor, and nothing is wider than the screen."""
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(hour)

    plot(page, "users").click(position={"x": 150, "y": 40})

    expect(page.locator(".ts-legend caption").first).to_have_text(re.compile("^at "))
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
