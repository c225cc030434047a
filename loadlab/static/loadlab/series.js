// What each chart draws: keys, words and how a value is taken from one second. Pure data.

import { count, ms, percent } from "./format.js";

/** Latency keys are read from the whole second or from its bought requests alone. */
const latency = (key, name) => ({
  key,
  name,
  color: `--ts-${key}`,
  shape: key,
  value: (second, which) => second.latency[which]?.[key] ?? NaN,
});

const outcome = (key, name) => ({
  key,
  name,
  color: `--ts-${key.replace("_", "-")}`,
  shape: key === "unknown" ? "hatched" : "block",
  alarming: key === "fault" || key === "unknown",
  value: (second) => second.outcomes[key] ?? 0,
});

export const CHARTS = [
  {
    id: "outcomes",
    stacked: true,
    height: 220,
    write: count,
    // From the bottom of the stack to its top; the legend reads from the top down.
    series: [
      outcome("bought", "Bought"),
      outcome("read", "Read"),
      outcome("sold_out", "Sold out"),
      outcome("refused", "Refused"),
      outcome("fault", "Fault"),
      outcome("unknown", "Unknown"),
    ],
  },
  {
    id: "latency",
    height: 220,
    write: ms,
    tick: (value) => value.toLocaleString("en-US"),
    series: [latency("p50", "p50"), latency("p95", "p95"), latency("p99", "p99")],
  },
  {
    id: "users",
    height: 120,
    write: count,
    series: [
      {
        key: "users",
        name: "Running",
        color: "--ts-bought",
        shape: "line",
        stepped: true,
        value: (second) => second.users,
      },
    ],
  },
  {
    id: "cpu",
    height: 120,
    write: percent,
    least: 100,
    series: [
      {
        key: "cpu",
        name: "Generator",
        color: "--ts-refused",
        shape: "line",
        value: (second) => second.cpu_pct,
      },
    ],
  },
];
