// The legend of a plot is a table: swatch, name, value at the cursor. A name hides its series.

import { fill, gettext } from "../ticketsite/i18n.js";
import { node, setText } from "./dom.js";
import { GAP, clock } from "./format.js";

export class Legend {
  #caption = node("caption");
  #cells = new Map();
  #spec;

  constructor(spec, onToggle) {
    this.#spec = spec;
    const rows = spec.series.toReversed().map((series) => this.#row(series, onToggle));
    const body = node("tbody", {}, rows);
    this.element = node("table", { className: "ts-legend" }, [this.#caption, body]);
  }

  #row(series, onToggle) {
    const value = node("td", { text: GAP });
    this.#cells.set(series.key, value);
    const swatch = node("span", {
      className: `ts-swatch ts-swatch-${series.shape}`,
      "aria-hidden": "true",
    });
    if (series.color) swatch.style.setProperty("--ts-ink", `var(${series.color})`);
    const name = [swatch, document.createTextNode(series.name)];
    const row = node("tr", { "data-series": series.key });
    const heading = node("th", { scope: "row" });
    if (series.shape === "none") heading.append(node("span", { className: "ts-legend-name" }, name));
    else heading.append(this.#toggle(series, name, row, onToggle));
    row.append(heading, value);
    return row;
  }

  #toggle(series, name, row, onToggle) {
    const button = node("button", {
      className: "ts-legend-name",
      type: "button",
      "aria-pressed": "true",
      title: gettext("Show or hide"),
    }, name);
    button.addEventListener("click", () => {
      const visible = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(visible));
      row.classList.toggle("ts-legend-off", !visible);
      onToggle(series.key, visible);
    });
    return button;
  }

  tell(place, { view, baseline, which }) {
    const { grid } = view;
    setText(this.#caption, this.#when(place, view));
    for (const series of this.#spec.series) {
      const text = place < 0 ? GAP : this.#value(series, place, grid, baseline, which);
      setText(this.#cells.get(series.key), text);
    }
  }

  #when(place, { at, range, grid }) {
    if (place < 0) return gettext("no second yet");
    const time = clock(grid.second(place));
    if (at !== null || range) return fill(gettext("at %(time)s"), { time });
    return grid.width > 1 ? fill(gettext("last point, %(time)s"), { time }) : fill(gettext("last second, %(time)s"), { time });
  }

  #value(series, place, grid, baseline, which) {
    const source = series.ofBaseline ? baseline : grid;
    const at = series.ofBaseline ? source.nearest(grid.time(place)) : place;
    return (series.write ?? this.#spec.write)(source.value(series.column(which), at));
  }

  /** The same as one sentence, for a screen reader. */
  get sentence() {
    const parts = [this.#caption.textContent];
    for (const series of this.#spec.series.toReversed()) {
      parts.push(`${series.name} ${this.#cells.get(series.key).textContent}`);
    }
    return parts.join(", ");
  }
}
