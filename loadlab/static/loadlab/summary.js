// The tables below the charts, once the run has ended.

import { gettext } from "../ticketsite/i18n.js";
import { slot, table } from "./dom.js";
import { GAP, count, ms, rate } from "./format.js";

const TIMES = ["avg", "p50", "p90", "p95", "p99", "p999", "max"];
const headings = () =>
  [gettext("Request"), gettext("Outcome"), gettext("Count"), gettext("Per second"), gettext("Average")].concat(
    ["p50", "p90", "p95", "p99", "p99.9"],
    gettext("Max"),
  );

function cells(row, name, outcome) {
  const times = TIMES.map((key) => ms(row[`${key}_ms`]));
  return [name, outcome, count(row.count), rate(row.rate_per_s), ...times];
}

function requests(summary, outcomes) {
  const labels = new Map(outcomes.map(({ key, label }) => [key, label]));
  const rows = summary.rows.map((row) =>
    cells(row, row.name, labels.get(row.outcome) ?? row.outcome),
  );
  if (summary.total) rows.push(cells(summary.total, gettext("All"), gettext("All")));
  return table(gettext("Requests by name and outcome, times in milliseconds"), headings(), rows);
}

function comparison(stock) {
  const rows = [
    [gettext("Places sold"), count(stock.bought_seen), count(stock.sold), count(stock.purchased_qty)],
    [gettext("Purchases"), count(stock.bought_seen), GAP, count(stock.purchase_count)],
    [gettext("Tickets"), GAP, GAP, count(stock.ticket_count)],
    [gettext("Places left"), GAP, count(stock.available), GAP],
    [gettext("Told: sold out"), count(stock.sold_out_seen), GAP, GAP],
    [gettext("Refused, all told"), count(stock.refused_seen), GAP, GAP],
  ];
  const titles = [gettext("What"), gettext("Seen by the buyers"), gettext("The vacancy's counter"), gettext("Rows in the database")];
  return table(gettext("Stock as the buyers and the database saw it"), titles, rows);
}

export function showSummary(store, { outcomes }) {
  let shown = false;

  function draw() {
    const { summary } = store.run;
    slot("summary-card").hidden = !summary;
    slot("stock-card").hidden = !summary?.stock;
    if (!summary || shown) return;
    shown = true; // written once, with the end of the run
    slot("summary").replaceChildren(requests(summary, outcomes));
    if (summary.stock) slot("stock").replaceChildren(comparison(summary.stock));
  }
  store.addEventListener("change", draw);
  draw();
}
