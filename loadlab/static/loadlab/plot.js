// One Chart.js plot. The library is the theme's own copy, a global made by its script tag.

import { plotOptions, stepFor, yAxis } from "./plot-options.js";
import { color, hatch } from "./theme.js";

const { Chart } = globalThis;
const LINES = {
  p50: { borderWidth: 1.5 },
  p95: { borderWidth: 2.5 },
  p99: { borderWidth: 1.25, borderDash: [5, 3] },
  dashed: { borderWidth: 1.5, borderDash: [5, 3] },
  baseline: { borderWidth: 2, borderDash: [2, 4], fill: false, stack: "baseline" },
};

function dataset(series, at, stacked) {
  return {
    label: series.name,
    data: [],
    pointRadius: 0,
    pointHitRadius: 0,
    borderWidth: stacked ? 0 : 2,
    borderJoinStyle: "round",
    stepped: series.stepped ? "before" : false,
    fill: stacked && (at ? "-1" : "origin"),
    spanGaps: false,
    order: series.ofBaseline ? -1 : 0,
    ...LINES[series.shape],
    ...(series.alarming && alarm()),
  };
}

/** A rim where there is something, so that one fault among hundreds of answers is still seen. */
function alarm() {
  const at = ({ chart, datasetIndex, p1DataIndex }) => {
    const set = chart.data.datasets[datasetIndex];
    return set.data[p1DataIndex]?.y > 0 ? set.borderColor : "transparent";
  };
  return { borderWidth: 2, segment: { borderColor: at } };
}

export class Plot {
  constructor(canvas, spec) {
    this.spec = spec;
    this.drawn = spec.series.filter((one) => one.shape !== "none");
    this.log = false;
    this.chart = new Chart(canvas, {
      type: "line",
      data: { datasets: this.drawn.map((one, at) => dataset(one, at, spec.stacked)) },
      options: plotOptions(spec),
    });
    this.paint();
  }

  /** Take the colors from the stylesheet; drawn with the next update. */
  paint() {
    for (const [at, series] of this.drawn.entries()) {
      const ink = color(series.color);
      const set = this.chart.data.datasets[at];
      set.borderColor = ink;
      set.backgroundColor = series.shape === "hatched" ? hatch(ink) : ink;
    }
    this.#paintAxes();
  }

  #paintAxes() {
    const { x, y } = this.chart.options.scales;
    y.grid.color = color("--ts-grid");
    x.ticks.color = y.ticks.color = color("--ts-quiet");
  }

  setLog(log) {
    this.log = log;
    this.chart.options.scales.y = yAxis(this.spec, log);
    this.#paintAxes();
  }

  show(key, visible) {
    const at = this.drawn.findIndex((one) => one.key === key);
    this.chart.setDatasetVisibility(at, visible);
  }

  /** Take points from `from` on; the ones before are here already. */
  take(from, { grid, baseline, which }) {
    for (const [at, series] of this.drawn.entries()) {
      const source = series.ofBaseline ? baseline : grid;
      const { data } = this.chart.data.datasets[at];
      const name = series.column(which);
      if (from === 0) data.length = 0;
      const first = series.ofBaseline ? data.length : from; // the baseline never grows
      for (let place = first; place < source.length; place += 1) {
        data[place] = { x: source.time(place), y: this.#fit(source.value(name, place)) };
      }
    }
  }

  // A logarithm knows no zero: what takes less than a hundredth stands at the foot of the axis.
  #fit(value) {
    return this.log ? Math.max(value, 0.01) : value;
  }

  draw([from, to]) {
    const { x, y } = this.chart.options.scales;
    x.min = from;
    x.max = to;
    x.ticks.stepSize = stepFor(to - from, this.chart.width);
    y.suggestedMax = this.log ? undefined : this.spec.least;
    this.chart.update("none");
  }

  get area() {
    return this.chart.chartArea;
  }

  inside(x) {
    return Math.min(Math.max(x, this.area.left), this.area.right);
  }

  timeAt(x) {
    return this.chart.scales.x.getValueForPixel(this.inside(x));
  }

  pixelAt(time) {
    const { min, max } = this.chart.scales.x;
    return time < min || time > max ? null : this.chart.scales.x.getPixelForValue(time);
  }

  pixelOf(value) {
    const { min, max } = this.chart.scales.y;
    return value < min || value > max ? null : this.chart.scales.y.getPixelForValue(value);
  }
}
