// The card with all charts on one time axis: plots, their legends and their tables.

import { node, setText, slot, table } from "./dom.js";
import { clock } from "./format.js";
import { Plot } from "./plot.js";
import { CHARTS } from "./series.js";
import { onThemeChange } from "./theme.js";

const MOST_ROWS = 300;

function legend(spec) {
  const caption = node("caption");
  const cells = new Map();
  const rows = spec.series.toReversed().map((series) => {
    const value = node("td", { text: "–" });
    cells.set(series.key, value);
    const swatch = node("span", {
      className: `ts-swatch ts-swatch-${series.shape}`,
      "aria-hidden": "true",
    });
    swatch.style.setProperty("--ts-ink", `var(${series.color})`);
    return node("tr", {}, [
      node("th", { scope: "row" }, [swatch, document.createTextNode(series.name)]),
      value,
    ]);
  });
  const element = node("table", { className: "ts-legend" }, [caption, node("tbody", {}, rows)]);
  return { element, caption, cells };
}

function asTable(spec, title, seconds, which) {
  const step = Math.ceil(seconds.length / MOST_ROWS) || 1;
  const rows = seconds
    .filter((_, at) => at % step === 0)
    .map((second) => [
      clock(second.t),
      ...spec.series.map((series) => spec.write(series.value(second, which))),
    ]);
  const caption = step > 1 ? `${title}, every ${step} seconds` : `${title}, second by second`;
  return table(caption, ["Time", ...spec.series.map((series) => series.name)], rows);
}

class ChartBlock {
  constructor(spec) {
    this.spec = spec;
    this.root = document.querySelector(`[data-chart="${spec.id}"]`);
    this.details = this.root.querySelector("details");
    this.plot = new Plot(this.root.querySelector("canvas"), spec);
    this.legend = legend(spec);
    this.root.querySelector(".ts-legend-place").append(this.legend.element);
    this.details.addEventListener("toggle", () => this.fillTable());
  }

  draw(seconds, view) {
    this.seconds = seconds;
    this.view = view;
    this.plot.draw(seconds, view);
    const last = seconds.at(-1);
    setText(this.legend.caption, last ? `last second, ${clock(last.t)}` : "no second yet");
    for (const series of this.spec.series) {
      const value = last ? this.spec.write(series.value(last, view.which)) : "–";
      setText(this.legend.cells.get(series.key), value);
    }
    this.fillTable();
  }

  fillTable() {
    if (!this.details.open) return;
    const title = this.root.querySelector("h2").textContent;
    const fresh = asTable(this.spec, title, this.seconds, this.view.which);
    this.details.querySelector(".ts-scroll").replaceChildren(fresh);
  }
}

export function showCharts(store) {
  const blocks = CHARTS.map((spec) => new ChartBlock(spec));
  const chosen = () => document.querySelector('input[name="latency-of"]:checked').value;

  function draw() {
    const { run, seconds } = store;
    slot("charts").hidden = !run.active && !seconds.length;
    const planned = run.active ? run.duration_s : 0;
    const length = Math.max(planned, Math.ceil(store.last?.t ?? 0)) || run.duration_s;
    const which = chosen();
    setText(slot("latency-title"), which === "all" ? "Latency of all, ms" : "Latency of bought, ms");
    for (const block of blocks) block.draw(seconds, { length, which });
  }

  for (const input of document.querySelectorAll('input[name="latency-of"]')) {
    input.addEventListener("change", draw);
  }
  onThemeChange(() => {
    for (const block of blocks) block.plot.paint();
    draw();
  });
  store.addEventListener("change", draw);
  draw();
}
