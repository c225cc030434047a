// The card with all charts on one time axis: one cursor, one zoom, one set of events.

import { fill, gettext } from "../ticketsite/i18n.js";
import { ChartBlock } from "./chart-block.js";
import { setText, slot } from "./dom.js";
import { eventsOf } from "./events.js";
import { clock, plain } from "./format.js";
import { Grid } from "./grid.js";
import { chartSpecs } from "./series.js";
import { onThemeChange } from "./theme.js";
import { View } from "./view.js";

function chosen(name) {
  return document.querySelector(`input[name="${name}"]:checked`)?.value;
}

/** Seconds of the part that is shown, where the whole run shows only every so many. */
async function finer(view, store, url) {
  const { range } = view;
  if (!range || store.grid.width === 1) return;
  const answer = await fetch(`${url}?from=${range[0]}&to=${range[1]}`);
  if (!answer.ok) return; // the coarse points stay
  const { points } = await answer.json();
  if (points && view.range === range) view.refine(Grid.of(points));
}

export function showCharts(store, page) {
  const view = new View(store);
  const baseline = page.baseline ? Grid.of(page.baseline.points) : new Grid();
  const context = () => ({
    baseline,
    which: chosen("latency-of"),
    events: eventsOf(store.run, store.grid, page.budget),
    limit: page.budget?.p95_ms ?? null,
  });
  let waiting = false;
  const blocks = chartSpecs(page).map(
    (spec, at) => new ChartBlock(spec, { view, isFirst: at === 0, context }),
  );

  function tellState() {
    const { which, limit } = context();
    const bought = which === "bought";
    setText(slot("latency-title"), bought ? gettext("Latency of bought, ms") : gettext("Latency of all, ms"));
    const hidden = blocks.some((block) => block.spec.mayBeLog && !block.limitShown);
    const text = fill(gettext("limit of p95: %(limit)s ms, beyond this axis"), { limit: plain(limit) });
    setText(slot("limit-note"), limit !== null && hidden ? text : "");
    slot("zoom").hidden = !view.range;
    if (!view.range) return;
    const [from, to] = view.range.map((time) => clock(time));
    setText(slot("zoom-text"), fill(gettext("%(from)s to %(to)s"), { from, to }));
  }

  function draw(from) {
    slot("charts").hidden = !store.run.active && !store.grid.length;
    if (!slot("charts").hidden) for (const block of blocks) block.draw(from);
    tellState();
  }

  function point() {
    if (waiting) return;
    waiting = true; // a pointer may move more often than a screen is drawn
    requestAnimationFrame(() => {
      waiting = false;
      for (const block of blocks) block.point();
    });
  }

  // Seconds that arrive change nothing in the finer picture of a part that is over.
  store.addEventListener("change", ({ detail }) => !view.detail && draw(detail.from));
  view.addEventListener("cursor", point);
  view.addEventListener("grid", () => draw(0));
  view.addEventListener("zoom", () => {
    draw(0);
    finer(view, store, page.pointsUrl);
  });
  for (const input of document.querySelectorAll('input[name="latency-of"]')) {
    input.addEventListener("change", () => draw(0));
  }
  slot("log-scale").addEventListener("change", ({ target }) => {
    for (const block of blocks) if (block.spec.mayBeLog) block.setLog(target.checked);
    draw(0);
  });
  slot("show-all").addEventListener("click", () => view.showAll());
  onThemeChange(() => {
    for (const block of blocks) block.paint();
    draw(0);
  });
  draw(0);
}
