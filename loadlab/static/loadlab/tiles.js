// The strip of five numbers.

import { fill, gettext } from "../ticketsite/i18n.js";
import { setText, slot } from "./dom.js";
import { faults, inFlight, p95, perSecond, stock } from "./figures.js";
import { GAP, clock, count, ms, percent, plain, rate, users } from "./format.js";

function tile(name, value, note, alarm = false) {
  setText(slot(`${name}-value`), value);
  setText(slot(`${name}-note`), note);
  slot(`${name}-tile`).classList.toggle("ts-alarm", alarm);
}

function loadNote(run, loop) {
  const asked = run.settings?.target_rate_per_s;
  if (loop === "open" && asked) {
    return fill(gettext("%(rate)s buyers per second asked"), { rate: plain(asked) });
  }
  if (run.ceiling_per_s === null) return gettext("no ceiling: no think time");
  return fill(gettext("ceiling %(rate)s (%(users)s, %(seconds)s s)"), {
    rate: count(run.ceiling_per_s),
    users: users(run.user_count),
    seconds: plain(run.think_time_s),
  });
}

function stockNote(run, of) {
  const gone = run.summary?.sold_out_at_s ?? null;
  if (gone === null) return fill(gettext("of %(count)s"), { count: count(of) });
  return fill(gettext("of %(count)s, gone at %(time)s"), { count: count(of), time: clock(gone) });
}

function p95Note(slow, budget) {
  const notes = budget ? [fill(gettext("limit %(limit)s ms"), { limit: count(budget.p95_ms) })] : [];
  if (slow.bought !== null) notes.push(fill(gettext("bought %(value)s ms"), { value: ms(slow.bought) }));
  return notes.join(", ");
}

function faultNote(bad, budget) {
  const share = fill(gettext("%(bad)s of %(all)s"), { bad: count(bad.bad), all: count(bad.all) });
  if (!budget) return share;
  return fill(gettext("limit %(limit)s %: %(share)s"), { limit: plain(budget.fault_pct), share });
}

export function showTiles(store, { budget, loop }) {
  function draw() {
    const { run } = store;
    const bad = faults(store);
    const slow = p95(store);
    const places = stock(store);
    const tooSlow = Boolean(budget) && slow.all !== null && slow.all > budget.p95_ms;
    const tooBad = Boolean(budget) && bad.pct !== null && bad.pct > budget.fault_pct;
    tile("rate", rate(perSecond(store)), loadNote(run, loop));
    tile("p95", slow.all === null ? GAP : `${ms(slow.all)} ms`, p95Note(slow, budget), tooSlow);
    tile("faults", percent(bad.pct), faultNote(bad, budget), tooBad);
    tile("sold", count(places?.sold), stockNote(run, places?.capacity ?? run.capacity));
    tile("flight", rate(inFlight(store)), fill(gettext("of %(users)s"), { users: users(run.user_count) }));
  }
  store.addEventListener("change", draw);
  draw();
}
