// One chart of the card: plot, overlay, legend and table, kept in step.

import { DataTable } from "./datatable.js";
import { handle } from "./handle.js";
import { Legend } from "./legend.js";
import { Overlay } from "./overlay.js";
import { Plot } from "./plot.js";

export class ChartBlock {
  constructor(spec, { view, isFirst, context }) {
    this.spec = spec;
    this.view = view;
    this.context = context; // a function: what is drawn besides the view
    this.root = document.querySelector(`[data-chart="${spec.id}"]`);
    this.place = this.root.querySelector(".ts-plot");
    this.plot = new Plot(this.root.querySelector("canvas"), spec);
    this.overlay = new Overlay(this.place, this.plot, isFirst);
    this.legend = new Legend(spec, (key, visible) => this.#toggle(key, visible));
    this.root.querySelector(".ts-legend-place").append(this.legend.element);
    const title = () => this.root.querySelector("h2").textContent;
    const details = this.root.querySelector("details");
    this.table = new DataTable(details, spec, title, () => this.table.draw(0, this.#all()));
    handle(this.place, this.plot, this.overlay, view);
    new ResizeObserver(() => this.#lay()).observe(this.place);
  }

  #all() {
    return { view: this.view, grid: this.view.grid, ...this.context() };
  }

  get hasData() {
    const { which } = this.context();
    return this.spec.series.some((series) => this.view.grid.has(series.column(which)));
  }

  #toggle(key, visible) {
    this.plot.show(key, visible);
    this.plot.draw(this.view.window);
    this.#lay();
  }

  /** Draw what is new from place `from` on; 0 draws everything again. */
  draw(from) {
    const all = this.#all();
    this.plot.take(from, all);
    this.plot.draw(this.view.window);
    this.table.draw(from, all);
    this.#lay();
    this.point();
  }

  /** Put what lies over the plot in its place again. */
  #lay() {
    const { events, limit } = this.context();
    this.overlay.events(events);
    this.limitShown = this.overlay.limit(this.spec.mayBeLog ? limit : null);
    this.overlay.point(this.view.at);
  }

  /** Follow the cursor. */
  point() {
    const { place, at, window } = this.view;
    this.overlay.point(at);
    this.legend.tell(place, this.#all());
    const element = this.place;
    const now = place < 0 ? 0 : this.view.grid.time(place);
    element.setAttribute("aria-valuemin", window[0]);
    element.setAttribute("aria-valuemax", window[1]);
    element.setAttribute("aria-valuenow", Math.min(Math.max(now, window[0]), window[1]));
    element.setAttribute("aria-valuetext", this.legend.sentence);
  }

  setLog(log) {
    this.plot.setLog(log);
  }

  paint() {
    this.plot.paint();
  }
}
