// The strip of five numbers.

import { setText, slot } from "./dom.js";
import { faults, inFlight, p95, perSecond, stock } from "./figures.js";
import { clock, count, ms, percent, plural, rate } from "./format.js";

function tile(name, value, note, alarm = false) {
  setText(slot(`${name}-value`), value);
  setText(slot(`${name}-note`), note);
  slot(`${name}-tile`).classList.toggle("ts-alarm", alarm);
}

function ceilingNote(run) {
  if (run.ceiling_per_s === null) return "no ceiling: no think time";
  const load = `${plural(run.user_count, "user")}, ${run.think_time_s} s`;
  return `ceiling ${count(run.ceiling_per_s)} (${load})`;
}

function stockNote(run, of) {
  const gone = run.summary?.sold_out_at_s;
  const when = gone === null || gone === undefined ? "" : `, gone at ${clock(gone)}`;
  return `of ${count(of)}${when}`;
}

function p95Note(slow, budget) {
  const notes = budget ? [`limit ${count(budget.p95_ms)} ms`] : [];
  if (slow.bought !== null) notes.push(`bought ${ms(slow.bought)} ms`);
  return notes.join(", ");
}

export function showTiles(store, budget) {
  function draw() {
    const { run } = store;
    const bad = faults(store);
    const slow = p95(store);
    const places = stock(store);
    const tooSlow = Boolean(budget) && slow.all !== null && slow.all > budget.p95_ms;
    const tooBad = Boolean(budget) && bad.pct !== null && bad.pct > budget.fault_pct;
    const share = `${count(bad.bad)} of ${count(bad.all)}`;
    tile("rate", rate(perSecond(store)), ceilingNote(run));
    tile("p95", slow.all === null ? "–" : `${ms(slow.all)} ms`, p95Note(slow, budget), tooSlow);
    tile(
      "faults",
      percent(bad.pct),
      budget ? `limit ${budget.fault_pct} %: ${share}` : share,
      tooBad,
    );
    tile("sold", count(places?.sold), stockNote(run, places?.capacity ?? run.capacity));
    tile("flight", rate(inFlight(store)), `of ${plural(run.user_count, "user")}`);
  }
  store.addEventListener("change", draw);
  draw();
}
