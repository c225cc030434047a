// How every plot looks: axes, ticks and what is switched off so that drawing stays cheap.

import { clock } from "./format.js";

const Y_AXIS_PX = 48; // the same everywhere, so that the time axes lie above each other
const LABEL_PX = 90;
const STEPS_S = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600];
const scale = { border: { display: false }, grid: { drawTicks: false } };
const ticks = { font: { size: 11, family: "Inter, sans-serif" }, padding: 8 };

/** The distance of two labels of a time axis, in seconds. */
export function stepFor(length, width) {
  const most = Math.max(2, Math.min(7, Math.floor(width / LABEL_PX)));
  return STEPS_S.find((step) => length / step <= most) ?? 7200;
}

function powerOfTen(round, value) {
  return 10 ** Math[round](Math.log10(Math.max(value, 0.1)) + (round === "ceil" ? 1e-9 : 0));
}

function logarithmic(spec) {
  const isPower = (value) => Math.abs(Math.log10(value) % 1) < 1e-9;
  return {
    ...scale,
    grid: { ...scale.grid },
    type: "logarithmic",
    afterDataLimits: (axis) => {
      axis.min = Math.min(1, powerOfTen("floor", axis.min));
      axis.max = Math.max(10, powerOfTen("ceil", axis.max));
    },
    ticks: { ...ticks, callback: (value) => (isPower(value) ? spec.tick(value) : null) },
    afterFit: (axis) => {
      axis.width = Y_AXIS_PX;
    },
  };
}

export function yAxis(spec, log = false) {
  if (log) return logarithmic(spec);
  return {
    ...scale,
    grid: { ...scale.grid },
    type: "linear",
    min: 0,
    stacked: Boolean(spec.stacked),
    grace: spec.height < 200 ? 0 : "5%",
    ticks: {
      ...ticks,
      maxTicksLimit: spec.height < 200 ? 3 : 5,
      callback: (value) => spec.tick(value),
      precision: spec.write === spec.tick ? undefined : 0,
    },
    afterFit: (axis) => {
      axis.width = Y_AXIS_PX;
    },
  };
}

export function plotOptions(spec) {
  return {
    animation: false,
    parsing: false,
    normalized: true,
    responsive: true,
    maintainAspectRatio: false,
    events: [],
    layout: { padding: { top: 6, right: 8 } },
    plugins: { legend: { display: false }, tooltip: { enabled: false } },
    scales: {
      x: {
        ...scale,
        type: "linear",
        min: 0,
        grid: { display: false },
        ticks: { ...ticks, callback: clock, maxRotation: 0, includeBounds: false },
      },
      y: yAxis(spec),
    },
  };
}
