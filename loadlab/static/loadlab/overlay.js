// What lies over a plot: the cursor, the part being dragged over, event lines and the limit. Nodes
// of the page and not of the canvas: moving them costs no drawing, and their words are text.

import { node } from "./dom.js";

const LABEL_PX = 104; // what a label takes, at most
const ROWS = 3;

export class Overlay {
  #plot;
  #cursor = node("div", { className: "ts-cursor" });
  #selection = node("div", { className: "ts-selection" });
  #limit = node("div", { className: "ts-limit" });
  #events = node("div", { className: "ts-events" });
  #withLabels;

  constructor(place, plot, withLabels) {
    this.#plot = plot;
    this.#withLabels = withLabels;
    const parts = [this.#limit, this.#events, this.#selection, this.#cursor];
    for (const part of parts) part.hidden = true;
    place.append(node("div", { className: "ts-overlay" }, parts));
  }

  point(time) {
    const x = time === null ? null : this.#plot.pixelAt(time);
    this.#cursor.hidden = x === null;
    if (x !== null) this.#stand(this.#cursor, x);
  }

  select(from, to) {
    this.#selection.hidden = from === to;
    this.#stand(this.#selection, Math.min(from, to));
    this.#selection.style.width = `${Math.abs(to - from)}px`;
  }

  /** Draw the limit if the axis reaches it; return whether it does. */
  limit(value) {
    const y = value === null ? null : this.#plot.pixelOf(value);
    this.#limit.hidden = y === null;
    if (y === null) return false;
    const { left, right } = this.#plot.area;
    this.#limit.style.transform = `translate(${left}px, ${y}px)`;
    this.#limit.style.width = `${right - left}px`;
    return true;
  }

  events(found) {
    const { right } = this.#plot.area;
    const ends = Array.from({ length: ROWS }, () => -Infinity);
    const lines = found
      .map((event) => ({ ...event, x: this.#plot.pixelAt(event.time) }))
      .filter(({ x }) => x !== null)
      .map(({ kind, label, x }) => {
        const line = node("div", { className: `ts-event ts-event-${kind}` });
        if (this.#withLabels) {
          const row = Math.max(0, ends.findIndex((end) => end <= x));
          ends[row] = x + LABEL_PX;
          const side = right - x < LABEL_PX ? " ts-event-left" : "";
          line.append(node("span", { className: `ts-event-row-${row}${side}`, text: label }));
        }
        this.#stand(line, x);
        return line;
      });
    this.#events.hidden = !lines.length;
    this.#events.replaceChildren(...lines);
  }

  #stand(part, x) {
    const { top, bottom } = this.#plot.area;
    part.style.transform = `translate(${x}px, ${top}px)`;
    part.style.height = `${bottom - top}px`;
  }
}
