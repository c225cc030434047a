// How one row of each list on the dashboard is written.

import { fill, gettext, ngettext } from "./i18n.js";
import { setChip, setHref, setText, slot } from "./rows.js";
import { dayAndTime, number, timeOfDay } from "./words.js";

export function fillStock(node, row, chips) {
  setHref(slot(node, "link"), row.url);
  setText(slot(node, "name"), row.name);
  setText(slot(node, "venue"), row.venue);
  fillBar(node, row);
  setChip(slot(node, "chip"), chips[row.state]);
  node.dataset.change = row.change;
  node.dataset.until = row.until ?? "";
}

export function fillBar(node, row) {
  slot(node, "sold-part").style.width = `${row.sold_pct}%`;
  slot(node, "held-part").style.width = `${row.held_pct}%`;
  const counts = { sold: number(row.sold), held: number(row.held), capacity: number(row.capacity) };
  setText(slot(node, "text"), fill(gettext("%(sold)s sold, %(held)s held of %(capacity)s"), counts));
  for (const free of node.querySelectorAll('[data-slot="free"]')) setText(free, number(row.available));
}

export function fillNeed(node, row) {
  node.className = `ts-need ts-need-${row.tone}`;
  setHref(slot(node, "link"), row.url);
  slot(node, "icon").dataset.icon = row.tone === "bad" ? "error" : "info";
  setText(slot(node, "subject"), row.subject);
  const since = row.since ? fill(gettext("since %(time)s."), { time: timeOfDay(row.since) }) : "";
  setText(slot(node, "since"), since && ` ${since}`);
  if (row.until) Object.assign(node.dataset, { until: row.until, text: row.text });
  else {
    delete node.dataset.until;
    setText(slot(node, "text"), row.text);
  }
}

export function fillHold(node, row) {
  setHref(slot(node, "link"), row.url);
  setText(slot(node, "vacancy"), row.vacancy);
  const places = ngettext("%(count)s place", "%(count)s places", row.qty);
  setText(slot(node, "qty"), fill(places, { count: number(row.qty) }));
  setText(slot(node, "key"), row.key);
  node.dataset.until = row.until;
}

export function fillRun(node, row) {
  setHref(slot(node, "link"), row.url);
  setText(slot(node, "title"), row.title);
  setText(slot(node, "at"), dayAndTime(row.at));
  setText(slot(node, "text"), row.text);
  setChip(slot(node, "chip"), row.chip);
}
