// Places sold over the time of a sale, as steps: nothing is known between two points.

import { step } from "./bars.js";
import { fill, gettext } from "./i18n.js";
import { heading, shape } from "./nodes.js";
import { setText } from "./rows.js";
import { dayAndTime, number } from "./words.js";

const HEIGHT = 190;
const LEFT = 48;
const BOTTOM = 22;
const TOP = 10;

export class Curve {
  #points = [];
  #capacity = 0;
  #cursor = null;

  constructor({ place, caption, table }) {
    Object.assign(this, { place, caption, table, usual: caption.textContent });
    this.svg = shape("svg", { tabindex: 0, role: "img", height: HEIGHT });
    place.replaceChildren(this.svg);
    table.closest("details").addEventListener("toggle", () => this.#fillTable());
    this.svg.addEventListener("pointermove", ({ offsetX }) => this.#moveTo(this.#nearest(offsetX)));
    this.svg.addEventListener("pointerleave", () => this.#moveTo(null));
    this.svg.addEventListener("blur", () => this.#moveTo(null));
    this.svg.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.#draw()).observe(place);
  }

  /** The stored points, and how many are sold now. */
  show({ points, sold, capacity }) {
    const past = points.map(([at, places]) => ({ at: new Date(at).getTime(), places }));
    const now = { at: Date.now(), places: sold };
    this.#points = past.length ? [...past, now] : [];
    this.#capacity = capacity;
    this.#draw();
    this.#fillTable();
  }

  #draw() {
    this.width = this.place.clientWidth;
    if (!this.width) return;
    this.svg.setAttribute("width", this.width);
    this.svg.setAttribute("aria-label", this.#summary());
    if (!this.#points.length) {
      const middle = { x: this.width / 2, y: HEIGHT / 2, "text-anchor": "middle" };
      this.svg.replaceChildren(shape("text", middle, gettext("Nobody has bought yet.")));
      return;
    }
    const most = Math.max(4, this.#points.at(-1).places);
    const tick = step(most);
    const top = Math.ceil(most / tick) * tick;
    const y = (places) => HEIGHT - BOTTOM - (places / top) * (HEIGHT - BOTTOM - TOP);
    const parts = [];
    for (let places = 0; places <= top; places += tick) {
      parts.push(shape("line", { class: "ts-bars-grid", x1: LEFT, x2: this.width, y1: y(places), y2: y(places) }));
      parts.push(shape("text", { x: LEFT - 8, y: y(places) + 4, "text-anchor": "end" }, number(places)));
    }
    const steps = this.#points.map(({ at, places }, n) => `${n ? `H${this.#x(at)}V` : `M${this.#x(at)},`}${y(places)}`);
    const line = steps.join("");
    parts.push(shape("path", { class: "ts-curve-area", d: `${line}V${y(0)}H${LEFT}Z` }));
    parts.push(shape("path", { class: "ts-curve-line", d: line }));
    this.svg.replaceChildren(...parts, ...this.#axis(), ...this.#mark(y));
  }

  #x(at) {
    const [first, last] = [this.#points[0].at, this.#points.at(-1).at];
    return LEFT + ((at - first) / Math.max(1, last - first)) * (this.width - LEFT - 4);
  }

  #axis() {
    const [first, last] = [this.#points[0].at, this.#points.at(-1).at];
    const label = (at, x, anchor) => shape("text", { x, y: HEIGHT - 4, "text-anchor": anchor }, dayAndTime(at));
    const middle = this.width > 420 ? [label((first + last) / 2, (LEFT + this.width) / 2, "middle")] : [];
    return [label(first, LEFT, "start"), ...middle, shape("text", { x: this.width, y: HEIGHT - 4, "text-anchor": "end" }, gettext("now"))];
  }

  #mark(y) {
    if (this.#cursor === null) return [];
    const { at, places } = this.#points[this.#cursor];
    return [shape("circle", { class: "ts-bars-here", cx: this.#x(at), cy: y(places), r: 4 })];
  }

  #summary() {
    const sold = this.#points.at(-1)?.places ?? 0;
    const counts = { sold: number(sold), capacity: number(this.#capacity) };
    return fill(gettext("%(sold)s of %(capacity)s sold. The numbers are in the table below."), counts);
  }

  #nearest(x) {
    const distance = ({ at }) => Math.abs(this.#x(at) - x);
    return this.#points.reduce((best, point, at) => (distance(point) < distance(this.#points[best]) ? at : best), 0);
  }

  #key(event) {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!move || !this.#points.length) return;
    event.preventDefault();
    const from = this.#cursor ?? (move < 0 ? this.#points.length : -1);
    this.#moveTo(Math.min(this.#points.length - 1, Math.max(0, from + move)));
  }

  #moveTo(at) {
    if (at === this.#cursor || !this.#points.length) return;
    this.#cursor = at;
    const { at: time, places } = this.#points[at ?? 0];
    const values = { time: dayAndTime(time), count: number(places) };
    setText(this.caption, at === null ? this.usual : fill(gettext("%(time)s: %(count)s sold so far"), values));
    this.#draw();
  }

  #fillTable() {
    if (!this.table.closest("details").open) return;
    const table = document.createElement("table");
    table.className = "ts-table";
    table.createTHead().insertRow().append(heading(gettext("Time")), heading(gettext("Sold so far")));
    const body = table.createTBody();
    for (const { at, places } of this.#points.toReversed()) {
      const line = body.insertRow();
      line.append(heading(dayAndTime(at), "row"));
      line.insertCell().textContent = number(places);
    }
    this.table.replaceChildren(table);
  }
}
