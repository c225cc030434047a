// The tables below the charts, once the run has ended.

import { slot, table } from "./dom.js";
import { count, ms, rate } from "./format.js";

const HEADINGS = ["Request", "Outcome", "Count", "Per second", "Average", "p50", "p90", "p95"].concat(
  ["p99", "p99.9", "Max"],
);
const OUTCOMES = {
  bought: "Bought",
  read: "Read",
  sold_out: "Sold out",
  refused: "Refused",
  fault: "Fault",
  unknown: "Unknown",
};

const times = (row) =>
  ["avg", "p50", "p90", "p95", "p99", "p999", "max"].map((key) => ms(row[`${key}_ms`]));

function cells(row, name = row.name, outcome = OUTCOMES[row.outcome] ?? row.outcome) {
  return [name, outcome, count(row.count), rate(row.rate_per_s), ...times(row)];
}

function requests(summary) {
  const rows = summary.rows.map((row) => cells(row));
  if (summary.total) rows.push(cells(summary.total, "All", "All"));
  return table("Requests by name and outcome, times in milliseconds", HEADINGS, rows);
}

function comparison(stock) {
  const rows = [
    ["Places sold", count(stock.bought_seen), count(stock.sold), count(stock.purchased_qty)],
    ["Purchases", count(stock.bought_seen), "–", count(stock.purchase_count)],
    ["Tickets", "–", "–", count(stock.ticket_count)],
    ["Places left", "–", count(stock.available), "–"],
    ["Told: sold out", count(stock.sold_out_seen), "–", "–"],
    ["Refused, all told", count(stock.refused_seen), "–", "–"],
  ];
  const headings = ["What", "Seen by the buyers", "The vacancy's counter", "Rows in the database"];
  return table("Stock as the buyers and the database saw it", headings, rows);
}

export function showSummary(store) {
  let shown = false;

  function draw() {
    const { summary } = store.run;
    slot("summary-card").hidden = !summary;
    slot("stock-card").hidden = !summary?.stock;
    if (!summary || shown) return;
    shown = true; // written once, with the end of the run
    slot("summary").replaceChildren(requests(summary));
    if (summary.stock) slot("stock").replaceChildren(comparison(summary.stock));
  }
  store.addEventListener("change", draw);
  draw();
}
