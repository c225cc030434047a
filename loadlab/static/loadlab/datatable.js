// "Show as table" below a plot: the points that are shown, in figures. Filled only while open, and
// then only with what is new.

import { fill, gettext } from "../ticketsite/i18n.js";
import { node } from "./dom.js";
import { clock } from "./format.js";

export class DataTable {
  #details;
  #spec;
  #title;
  #body = null;
  #first = 0;

  constructor(details, spec, title, refresh) {
    this.#details = details;
    this.#spec = spec;
    this.#title = title;
    details.addEventListener("toggle", () => refresh());
  }

  /** Show the points of the window; the rows before place `from` are right already. */
  draw(from, { view, baseline, which }) {
    if (!this.#details.open) {
      this.#body = null;
      return;
    }
    const { grid } = view;
    if (!this.#body || from === 0) this.#begin(view);
    const last = grid.length ? grid.nearest(view.window[1]) : -1;
    for (let place = Math.max(from, this.#first); place <= last; place += 1) {
      const row = this.#row(place, grid, baseline, which);
      const old = this.#body.rows[place - this.#first];
      if (old) old.replaceWith(row);
      else this.#body.append(row);
    }
  }

  #begin(view) {
    const { grid, range } = view;
    this.#first = range ? Math.max(0, grid.nearest(range[0])) : 0;
    this.#body = node("tbody");
    const values = { title: this.#title(), seconds: grid.width };
    const caption = grid.width > 1
      ? fill(gettext("%(title)s, a row for every %(seconds)s seconds"), values)
      : fill(gettext("%(title)s, second by second"), values);
    const headings = [gettext("Time"), ...this.#spec.series.map((series) => series.name)];
    const head = node("tr", {}, headings.map((text) => node("th", { text, scope: "col" })));
    const table = node("table", { className: "ts-table" }, [
      node("caption", { className: "ts-hidden", text: caption }),
      node("thead", {}, [head]),
      this.#body,
    ]);
    this.#details.querySelector(".ts-scroll").replaceChildren(table);
  }

  #row(place, grid, baseline, which) {
    const time = grid.time(place);
    const cells = this.#spec.series.map((series) => {
      const source = series.ofBaseline ? baseline : grid;
      const at = series.ofBaseline ? source.nearest(time) : place;
      const text = (series.write ?? this.#spec.write)(source.value(series.column(which), at));
      return node("td", { text });
    });
    return node("tr", {}, [node("th", { text: clock(grid.second(place)), scope: "row" }), ...cells]);
  }
}
