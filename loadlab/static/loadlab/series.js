// What each chart draws: the columns, their words, and how they look. Pure data.

import { fill, gettext } from "../ticketsite/i18n.js";
import { count, ms, percent, plain, rate } from "./format.js";

const ALARMING = new Set(["fault", "unknown"]);

export function outcome({ key, label }) {
  return {
    key,
    name: label,
    color: `--ts-${key.replaceAll("_", "-")}`,
    shape: key === "unknown" ? "hatched" : "block",
    alarming: ALARMING.has(key),
    column: () => key,
  };
}

const latency = (key) => ({
  key,
  name: key,
  color: `--ts-${key}`,
  shape: key,
  column: (which) => `${which}_${key}`,
});

const line = (key, name, color, more = {}) => ({
  key,
  name,
  color,
  shape: "line",
  column: () => key,
  ...more,
});

const shadow = (name, column) => ({
  key: "baseline",
  name,
  color: "--ts-baseline",
  shape: "baseline",
  ofBaseline: true,
  column,
});

const block = (key, name, color) => line(key, name, color, { shape: "block" });

/** A closed loop: so many users, each of whom waits for the answer. */
function virtualUsers() {
  return {
    id: "users",
    height: 120,
    write: count,
    tick: count,
    least: 1,
    series: [
      line("users_asked", gettext("Asked"), "--ts-quiet", { shape: "dashed", stepped: true }),
      line("users", gettext("Running"), "--ts-bought", { stepped: true }),
    ],
  };
}

/** An open loop: buyers arrive by a timetable; who could not start is counted. */
function arrivals() {
  return {
    id: "users",
    height: 120,
    write: rate,
    tick: count,
    least: 1,
    series: [
      line("dropped", gettext("Could not start"), "--ts-fault"),
      line("asked", gettext("Asked"), "--ts-quiet", { shape: "dashed", stepped: true }),
      line("begun", gettext("Achieved"), "--ts-bought", { stepped: true }),
      line("late", gettext("Started late, p99 ms"), "", { shape: "none", write: ms }),
    ],
  };
}

/** From the bottom of a stack to its top; the legend reads from the top down. */
export function chartSpecs({ outcomes, baseline, loop }) {
  const than = (text) => (baseline ? [text] : []);
  const number = baseline?.id;
  return [
    {
      id: "outcomes",
      stacked: true,
      height: 220,
      write: rate,
      tick: count,
      least: 1,
      series: [
        ...outcomes.map(outcome),
        ...than(shadow(fill(gettext("Baseline, all (%(number)s)"), { number }), () => "count")),
      ],
    },
    {
      id: "latency",
      height: 220,
      write: ms,
      tick: plain,
      least: 1,
      mayBeLog: true,
      series: [
        latency("p50"),
        latency("p95"),
        latency("p99"),
        ...than(shadow(fill(gettext("Baseline p95 (%(number)s)"), { number }), (which) => `${which}_p95`)),
      ],
    },
    loop === "open" ? arrivals() : virtualUsers(),
    {
      id: "split",
      isOptional: true,
      stacked: true,
      height: 120,
      write: ms,
      tick: plain,
      least: 1,
      series: [
        block("queue", gettext("Waiting for a turn"), "--ts-refused"),
        block("db", gettext("Database"), "--ts-bought"),
        block("server", gettext("Rest of the server"), "--ts-p50"),
        block("outside", gettext("Way there and back"), "--ts-sold-out"),
      ],
    },
    {
      id: "cpu",
      height: 120,
      write: percent,
      tick: percent,
      least: 100,
      series: [
        line("server_cpu", gettext("Server"), "--ts-bought"),
        line("cpu", gettext("Generator"), "--ts-refused"),
        line("cpu_wait", gettext("Wanted, not given"), "--ts-quiet", { shape: "dashed" }),
        line("lag", gettext("Timer late, ms"), "", { shape: "none", write: ms }),
      ],
    },
  ];
}
