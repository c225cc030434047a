// A bar for each of the last minutes, with one value read out at the cursor; and the same as a table.

import { fill, gettext, language, ngettext } from "./i18n.js";
import { heading, shape } from "./nodes.js";
import { setText } from "./rows.js";
import { number, timeOfDay } from "./words.js";

const HEIGHT = 190;
const LEFT = 40;
const BOTTOM = 22;
const TOP = 8;
const MINUTE_MS = 60_000;
const LABELS_EACH = 10;

/** The smallest of 1, 2, 5 times a power of ten with which four lines reach the highest bar. */
export function step(most) {
  const raw = Math.max(most, 4) / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].find((factor) => factor * power >= raw) * power;
}

export class MinuteBars {
  #minutes = [];
  #until = 0;
  #cursor = null;

  constructor({ place, caption, table }) {
    this.place = place;
    this.caption = caption;
    this.table = table;
    this.usual = caption.textContent;
    this.svg = shape("svg", { tabindex: 0, role: "img", height: HEIGHT });
    place.replaceChildren(this.svg);
    table.closest("details").addEventListener("toggle", () => this.#fillTable());
    this.svg.addEventListener("pointermove", (event) => this.#point(event));
    this.svg.addEventListener("pointerleave", () => this.#moveTo(null));
    this.svg.addEventListener("blur", () => this.#moveTo(null));
    this.svg.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.#draw()).observe(place);
  }

  show({ minutes, until }) {
    this.#minutes = minutes;
    this.#until = new Date(until).getTime();
    this.#draw();
    this.#fillTable();
  }

  #x(at) {
    return LEFT + (at * (this.width - LEFT)) / this.#minutes.length;
  }

  #draw() {
    this.width = this.place.clientWidth;
    if (!this.width || !this.#minutes.length) return;
    const tick = step(Math.max(...this.#minutes));
    const scale = (HEIGHT - BOTTOM - TOP) / (Math.ceil(Math.max(...this.#minutes, 4) / tick) * tick);
    const y = (value) => HEIGHT - BOTTOM - value * scale;
    const parts = [];
    for (let value = 0; y(value) >= TOP - 1; value += tick) {
      parts.push(shape("line", { class: "ts-bars-grid", x1: LEFT, x2: this.width, y1: y(value), y2: y(value) }));
      parts.push(shape("text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, number(value)));
    }
    const gap = this.width > 500 ? 2 : 1;
    for (const [at, value] of this.#minutes.entries()) {
      const high = value ? Math.max(value * scale, 2) : 0;
      const wide = Math.max(this.#x(at + 1) - this.#x(at) - gap, 1);
      const place = { x: this.#x(at), y: y(0) - high, width: wide, height: high, rx: 1 };
      parts.push(shape("rect", { class: at === this.#cursor ? "ts-bars-here" : "ts-bars-bar", ...place }));
    }
    this.svg.replaceChildren(...parts, ...this.#labels());
    this.svg.setAttribute("width", this.width);
    this.svg.setAttribute("aria-label", this.#summary());
  }

  #labels() {
    const count = this.#minutes.length;
    const labels = [];
    const each = this.width > 500 ? LABELS_EACH : 3 * LABELS_EACH;
    for (let back = count; back > 0; back -= each) {
      const text = fill(gettext("−%(count)s min"), { count: number(back) });
      const anchor = back === count ? "start" : "middle";
      labels.push(shape("text", { x: this.#x(count - back), y: HEIGHT - 4, "text-anchor": anchor }, text));
    }
    return [...labels, shape("text", { x: this.width, y: HEIGHT - 4, "text-anchor": "end" }, gettext("now"))];
  }

  #summary() {
    const total = this.#minutes.reduce((sum, value) => sum + value, 0);
    if (!total) return gettext("No sales in the last hour.");
    const most = Math.max(...this.#minutes);
    return fill(gettext("%(total)s sold in the last hour, most at %(time)s: %(most)s. The numbers are in the table below."), {
      total: number(total),
      most: number(most),
      time: timeOfDay(this.#begin(this.#minutes.indexOf(most))),
    });
  }

  #begin(at) {
    return this.#until - (this.#minutes.length - 1 - at) * MINUTE_MS;
  }

  #point(event) {
    const at = Math.floor(((event.offsetX - LEFT) / (this.width - LEFT)) * this.#minutes.length);
    this.#moveTo(at >= 0 && at < this.#minutes.length ? at : null);
  }

  #key(event) {
    const moves = { ArrowLeft: -1, ArrowRight: 1 };
    if (!(event.key in moves)) return;
    event.preventDefault();
    const from = this.#cursor ?? (moves[event.key] < 0 ? this.#minutes.length : -1);
    this.#moveTo(Math.min(this.#minutes.length - 1, Math.max(0, from + moves[event.key])));
  }

  #moveTo(at) {
    if (at === this.#cursor) return;
    this.#cursor = at;
    const count = at === null ? 0 : this.#minutes[at];
    const text = ngettext("%(time)s: %(count)s sold", "%(time)s: %(count)s sold", count);
    const values = { time: timeOfDay(this.#begin(at ?? 0)), count: number(count) };
    setText(this.caption, at === null ? this.usual : fill(text, values));
    this.#draw();
  }

  #fillTable() {
    if (!this.table.closest("details").open) return;
    const table = document.createElement("table");
    table.className = "ts-table";
    table.lang = language;
    table.createTHead().insertRow().append(heading(gettext("Minute")), heading(gettext("Sold")));
    const body = table.createTBody();
    for (let at = this.#minutes.length - 1; at >= 0; at -= 1) {
      const row = body.insertRow();
      row.append(heading(timeOfDay(this.#begin(at)), "row"));
      row.insertCell().textContent = number(this.#minutes[at]);
    }
    this.table.replaceChildren(table);
  }
}
