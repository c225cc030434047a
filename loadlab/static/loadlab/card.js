// What every card of charts on one time axis has: blocks in step, zoom line, log scale, theme.

import { fill, gettext } from "../ticketsite/i18n.js";
import { ChartBlock } from "./chart-block.js";
import { setText, slot } from "./dom.js";
import { clock } from "./format.js";
import { onThemeChange } from "./theme.js";

export class Card {
  #waiting = false;
  #after;

  /** `context` says what is drawn besides the view; `after` is called when all is drawn. */
  constructor(specs, { view, context, after = () => {} }) {
    this.view = view;
    this.#after = after;
    this.blocks = specs.map((spec, at) => new ChartBlock(spec, { view, isFirst: at === 0, context }));
    view.addEventListener("cursor", () => this.#point());
    view.addEventListener("grid", () => this.draw(0));
    view.addEventListener("zoom", () => this.draw(0));
    slot("show-all").addEventListener("click", () => view.showAll());
    slot("log-scale").addEventListener("change", ({ target }) => this.#setLog(target.checked));
    onThemeChange(() => {
      for (const block of this.blocks) block.paint();
      this.draw(0);
    });
  }

  /** Draw what is new from place `from` on; 0 draws everything again. */
  draw(from) {
    for (const block of this.blocks) {
      // A chart of what was never measured in this run would only raise questions.
      block.root.hidden = block.spec.isOptional && !block.hasData;
      if (!block.root.hidden) block.draw(from);
    }
    this.#tellZoom();
    this.#after();
  }

  redrawOn(names) {
    for (const input of document.querySelectorAll(names.map((name) => `input[name="${name}"]`))) {
      input.addEventListener("change", () => this.draw(0));
    }
  }

  #setLog(checked) {
    for (const block of this.blocks) if (block.spec.mayBeLog) block.setLog(checked);
    this.draw(0);
  }

  #point() {
    if (this.#waiting) return;
    this.#waiting = true; // a pointer may move more often than a screen is drawn
    requestAnimationFrame(() => {
      this.#waiting = false;
      for (const block of this.blocks) block.point();
    });
  }

  #tellZoom() {
    const { range } = this.view;
    slot("zoom").hidden = !range;
    if (!range) return;
    const [from, to] = range.map((time) => clock(Math.round(time)));
    setText(slot("zoom-text"), fill(gettext("%(from)s to %(to)s"), { from, to }));
  }
}

export function chosen(name) {
  return document.querySelector(`input[name="${name}"]:checked`)?.value;
}
