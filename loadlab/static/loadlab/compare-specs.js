// What the comparison draws: run A is the older side, in gray; run B the newer one. Pure data.

import { fill, gettext } from "../ticketsite/i18n.js";
import { count, ms, plain, rate } from "./format.js";
import { outcome } from "./series.js";

function sides(page, column) {
  const named = (letter, { id }) => fill(gettext("%(letter)s: run %(number)s"), { letter, number: id });
  return [
    { key: "b", name: named("B", page.b), color: "--ts-p95", shape: "p95", column },
    {
      key: "a",
      name: named("A", page.a),
      color: "--ts-baseline",
      shape: "dashed",
      ofBaseline: true,
      column,
    },
  ];
}

function stack(id, page, ofBaseline) {
  const series = page.outcomes.map((one) => ({ ...outcome(one), ofBaseline }));
  return { id, stacked: true, height: 220, write: rate, tick: count, least: 1, series };
}

export function compareSpecs(page) {
  return [
    {
      id: "latency",
      height: 220,
      write: ms,
      tick: plain,
      least: 1,
      mayBeLog: true,
      series: sides(page, (which) => which),
    },
    {
      id: "rate",
      height: 120,
      write: rate,
      tick: count,
      least: 1,
      series: sides(page, () => "count"),
    },
    stack("outcomes-a", page, true),
    stack("outcomes-b", page, false),
  ];
}
