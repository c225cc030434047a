// What the run may claim: one cell for each verdict, and no tick over all of them.

import { fill, gettext } from "../ticketsite/i18n.js";
import { chip, node, slot } from "./dom.js";
import { faults, p95, worstCpu } from "./figures.js";
import { ms, percent, plain } from "./format.js";

const LONG = 240; // characters
const KINDS = ["validity", "budget", "integrity", "comparison"];
const waiting = () => ({ label: gettext("So far"), icon: "hourglass_top", tone: "quiet" });
const unjudged = () => ({ label: gettext("Not judged"), icon: "remove", tone: "quiet" });

function budgetSoFar(store, budget) {
  const values = { p95: ms(p95(store).all), faults: percent(faults(store).pct) };
  if (!budget) return fill(gettext("p95 %(p95)s ms, faults %(faults)s."), values);
  const limits = { limit: plain(budget.p95_ms), share: plain(budget.fault_pct) };
  const text = gettext("p95 %(p95)s ms of %(limit)s ms, faults %(faults)s of %(share)s %.");
  return fill(text, { ...values, ...limits });
}

const SO_FAR = {
  validity: (store) =>
    fill(gettext("Generator CPU at most %(cpu)s, of one core."), { cpu: percent(worstCpu(store)) }),
  budget: budgetSoFar,
  integrity: () => gettext("Counters and rows are compared when the run has ended."),
  comparison: (store, budget, baseline) =>
    baseline
      ? fill(gettext("Will be compared with run %(number)s, the baseline."), { number: baseline.id })
      : gettext("There is no baseline to compare it with."),
};

/** A long account is folded away: the finding above it is what must be read. */
function account(text) {
  if (text.length <= LONG) return node("p", { className: "ts-quiet", text });
  return node("details", { className: "ts-quiet" }, [
    node("summary", { text: gettext("Figures and method") }),
    node("p", { text }),
  ]);
}

/** No line begins with a percent sign. */
const whole = (text) => text.replaceAll(" %", "\u00a0%");

function cell(label, mark, bold, quiet, outcome) {
  return node("div", { className: `ts-verdict ts-verdict-${outcome}`, role: "listitem" }, [
    node("div", { className: "ts-verdict-head" }, [node("span", { text: label }), chip(mark)]),
    ...(bold ? [node("p", { className: "ts-strong", text: whole(bold) })] : []),
    ...(quiet ? [account(whole(quiet))] : []),
  ]);
}

export function showVerdicts(store, { budget, verdictChips, verdictLabels, baseline }) {
  const place = slot("verdicts");
  let shown = null;

  function open(kind) {
    const { run, grid } = store;
    const label = verdictLabels[kind];
    if (!run.active) {
      const text = gettext("The run ended before there was anything to judge.");
      return cell(label, unjudged(), "", text, "open");
    }
    const text = grid.length ? SO_FAR[kind](store, budget, baseline) : gettext("Nothing measured yet.");
    return cell(label, waiting(), "", text, "open");
  }

  function judged(one) {
    const label = verdictLabels[one.kind] ?? one.label;
    return cell(label, verdictChips[one.outcome], one.finding, one.detail, one.outcome);
  }

  function cells() {
    const { verdicts } = store.run;
    if (!verdicts) return KINDS.map(open);
    const found = verdicts.map(judged);
    if (verdicts.some((one) => one.kind === "comparison")) return found;
    const text = SO_FAR.comparison(store, budget, null);
    return [...found, cell(verdictLabels.comparison, unjudged(), "", text, "open")];
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
