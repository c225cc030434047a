// What the run may claim: one cell for each verdict, and no tick over all of them.

import { chip, node, slot } from "./dom.js";
import { faults, p95, worstCpu } from "./figures.js";
import { ms, percent } from "./format.js";

const KINDS = [
  ["validity", "Validity"],
  ["budget", "Budget"],
  ["integrity", "Integrity"],
];
const WAITING = { label: "Judged at the end", icon: "hourglass_top", tone: "quiet" };
const UNJUDGED = { label: "Not judged", icon: "remove", tone: "quiet" };

function soFar(kind, store, budget) {
  if (!store.seconds.length) return "Nothing measured yet.";
  if (kind === "validity") return `So far: generator CPU at most ${percent(worstCpu(store))}.`;
  if (kind === "integrity") return "Counters and rows are compared when the run has ended.";
  const slow = p95(store).all;
  const limits = budget ? [` of ${budget.p95_ms} ms`, ` of ${budget.fault_pct} %`] : [" ms", ""];
  return `So far: p95 ${ms(slow)}${limits[0]}, faults ${percent(faults(store).pct)}${limits[1]}.`;
}

function cell(label, mark, bold, quiet, outcome) {
  return node("div", { className: `ts-verdict ts-verdict-${outcome}`, role: "listitem" }, [
    node("div", { className: "ts-verdict-head" }, [node("span", { text: label }), chip(mark)]),
    ...(bold ? [node("p", { className: "ts-strong", text: bold })] : []),
    ...(quiet ? [node("p", { className: "ts-quiet", text: quiet })] : []),
  ]);
}

export function showVerdicts(store, { budget, verdictChips }) {
  const place = slot("verdicts");
  let shown = null;

  function cells() {
    const { run } = store;
    if (run.verdicts) {
      return run.verdicts.map((one) =>
        cell(one.label, verdictChips[one.outcome], one.finding, one.detail, one.outcome),
      );
    }
    return KINDS.map(([kind, label]) =>
      run.active
        ? cell(label, WAITING, "", soFar(kind, store, budget), "open")
        : cell(label, UNJUDGED, "", "The run ended before there was anything to judge.", "open"),
    );
  }

  function draw() {
    const fresh = cells();
    const text = fresh.map((one) => one.textContent).join();
    if (text !== shown) place.replaceChildren(...fresh);
    shown = text;
  }
  store.addEventListener("change", draw);
  draw();
}
