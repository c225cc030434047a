// One Chart.js plot. The library is the theme's own copy, a global made by its script tag.

import { clock } from "./format.js";
import { color, hatch } from "./theme.js";

const { Chart } = globalThis;
const Y_AXIS_PX = 48; // the same everywhere, so that the time axes lie above each other
const STEPS_S = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600];
const LINES = {
  p50: { borderWidth: 1.5 },
  p95: { borderWidth: 2.5 },
  p99: { borderWidth: 1.25, borderDash: [5, 3] },
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

function options(spec) {
  const scale = { border: { display: false }, grid: { drawTicks: false } };
  const ticks = { font: { size: 11, family: "Inter, sans-serif" }, padding: 8 };
  return {
    animation: false,
    parsing: false,
    normalized: true,
    responsive: true,
    maintainAspectRatio: false,
    events: [],
    plugins: { legend: { display: false }, tooltip: { enabled: false } },
    scales: {
      x: {
        ...scale,
        type: "linear",
        min: 0,
        grid: { display: false },
        ticks: { ...ticks, callback: clock, maxRotation: 0, includeBounds: false },
      },
      y: {
        ...scale,
        min: 0,
        stacked: Boolean(spec.stacked),
        grace: "5%",
        ticks: { ...ticks, maxTicksLimit: spec.height < 200 ? 3 : 5, callback: spec.tick ?? spec.write, precision: 0 },
        afterFit: (axis) => {
          axis.width = Y_AXIS_PX;
        },
      },
    },
  };
}

export class Plot {
  constructor(canvas, spec) {
    this.spec = spec;
    this.chart = new Chart(canvas, {
      type: "line",
      data: { datasets: spec.series.map((one, at) => dataset(one, at, spec.stacked)) },
      options: options(spec),
    });
    this.paint();
  }

  /** Take the colors from the stylesheet; drawn with the next update. */
  paint() {
    for (const [at, series] of this.spec.series.entries()) {
      const ink = color(series.color);
      const set = this.chart.data.datasets[at];
      set.borderColor = ink;
      set.backgroundColor = series.shape === "hatched" ? hatch(ink) : ink;
    }
    const { x, y } = this.chart.options.scales;
    y.grid.color = color("--ts-grid");
    x.ticks.color = y.ticks.color = color("--ts-quiet");
  }

  draw(seconds, { length, which }) {
    for (const [at, series] of this.spec.series.entries()) {
      this.chart.data.datasets[at].data = seconds.map((second) => ({
        x: second.t,
        y: series.value(second, which),
      }));
    }
    const { x, y } = this.chart.options.scales;
    x.max = length;
    x.ticks.stepSize = STEPS_S.find((step) => length / step <= 7) ?? 7200;
    y.suggestedMax = this.spec.least ?? 1;
    this.chart.update("none");
  }
}
