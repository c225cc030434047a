// The charts of one run: one cursor, one zoom, one set of events.

import { fill, gettext } from "../ticketsite/i18n.js";
import { Card, chosen } from "./card.js";
import { setText, slot } from "./dom.js";
import { eventsOf } from "./events.js";
import { plain } from "./format.js";
import { Grid } from "./grid.js";
import { chartSpecs } from "./series.js";
import { View } from "./view.js";

/** Seconds of the part that is shown, where the whole run shows only every so many. */
async function finer(view, store, url) {
  const { range } = view;
  if (!range || store.grid.width === 1) return;
  const answer = await fetch(`${url}?from=${range[0]}&to=${range[1]}`);
  if (!answer.ok) return; // the coarse points stay
  const { points } = await answer.json();
  if (points && view.range === range) view.refine(Grid.of(points));
}

function tellLatency({ which, limit }, isLimitShown) {
  const bought = which === "bought";
  const title = bought ? gettext("Latency of bought, ms") : gettext("Latency of all, ms");
  setText(slot("latency-title"), title);
  const text = fill(gettext("limit of p95: %(limit)s ms, beyond this axis"), { limit: plain(limit) });
  setText(slot("limit-note"), limit !== null && !isLimitShown ? text : "");
}

function tellWidth({ width }) {
  const text = gettext("A point stands for %(seconds)s seconds; latency keeps the worst.");
  setText(slot("width-note"), width > 1 ? fill(text, { seconds: width }) : "");
}

function tellServer({ run, grid }) {
  const text = run.environment.shared_host === false
    ? gettext("Server not measured: the target is on another machine.")
    : gettext("Server not measured.");
  setText(slot("server-note"), grid.length && !grid.has("server_cpu") ? text : "");
}

export function showCharts(store, page) {
  const view = new View(store);
  const baseline = page.baseline?.points ? Grid.of(page.baseline.points) : new Grid();
  const context = () => ({
    baseline,
    which: chosen("latency-of"),
    events: eventsOf(store.run, store.grid, page.budget),
    limit: page.budget?.p95_ms ?? null,
  });
  const after = () => {
    tellLatency(context(), card.blocks.some((block) => block.limitShown));
    tellWidth(view.grid);
    tellServer(store);
  };
  const card = new Card(chartSpecs(page), { view, context, after });

  function draw(from) {
    slot("charts").hidden = !store.run.active && !store.grid.length;
    if (!slot("charts").hidden) card.draw(from);
  }

  // Seconds that arrive change nothing in the finer picture of a part that is over.
  store.addEventListener("change", ({ detail }) => !view.detail && draw(detail.from));
  view.addEventListener("zoom", () => finer(view, store, page.pointsUrl));
  card.redrawOn(["latency-of"]);
  draw(0);
}
