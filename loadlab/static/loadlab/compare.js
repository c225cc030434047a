// Two runs over each other, from second 0: one percentile at a time, stacks side by side.

import { gettext } from "../ticketsite/i18n.js";
import { Card, chosen } from "./card.js";
import { compareSpecs } from "./compare-specs.js";
import { readJson, setText, slot } from "./dom.js";
import { Grid } from "./grid.js";
import { View } from "./view.js";

const page = readJson("compare-page");
const [a, b] = [page.a, page.b].map(({ points }) => (points ? Grid.of(points) : new Grid()));

// As if it were still running: the axis then is as long as the longer of the two was planned.
const run = { active: true, duration_s: page.duration_s };
const store = { run, grid: a.length > b.length ? a : b };
const view = new View(store);
const context = () => ({
  baseline: a,
  which: `${chosen("latency-of")}_${chosen("percentile")}`,
  events: [],
  limit: null,
});

function tellTitle() {
  const bought = chosen("latency-of") === "bought";
  const title = bought ? gettext("Latency of bought, ms") : gettext("Latency of all, ms");
  setText(slot("latency-title"), title);
}

const card = new Card(compareSpecs(page), { view, context, after: tellTitle });
card.redrawOn(["latency-of", "percentile"]);
card.draw(0);
