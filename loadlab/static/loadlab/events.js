// What happened when, on the axis of the run. A pure function of what is known.

import { fill, gettext } from "../ticketsite/i18n.js";
import { plain } from "./format.js";

function seconds(run, at) {
  return run.started_at && at ? (new Date(at) - new Date(run.started_at)) / 1000 : null;
}

function firstTime(grid, test) {
  const at = grid.findFirst(test);
  return at < 0 ? null : grid.time(at);
}

function rampEnd(run, grid) {
  const planned = run.settings?.ramp_s; // arrivals rise by a timetable, users when they are there
  if (planned !== undefined) return planned > 0 && planned < run.duration_s ? planned : null;
  const at = grid.findFirst((place) => grid.value("users", place) >= run.user_count);
  return at > 0 ? grid.time(at) : null; // everybody there in the first second: there was no ramp
}

function soldOut(run, grid) {
  const told = run.summary?.sold_out_at_s;
  return told ?? firstTime(grid, (at) => grid.value("sold_out", at) > 0);
}

function aborted(run, grid) {
  if (!["failed", "aborted"].includes(run.state) || !grid.length) return null;
  return seconds(run, run.ended_at) === null ? null : grid.time(grid.length - 1);
}

export function eventsOf(run, grid, budget) {
  const limit = budget?.fault_pct ?? 1;
  const tooMany = (at) => grid.value("fault", at) * 100 > limit * grid.value("count", at);
  const found = [
    { kind: "start", label: gettext("start"), time: run.started_at ? 0 : null },
    { kind: "ramp", label: gettext("ramp end"), time: rampEnd(run, grid) },
    {
      kind: "spike",
      label: gettext("spike"),
      time: run.settings?.spike_begins_s ?? null,
    },
    { kind: "sold-out", label: gettext("sold out"), time: soldOut(run, grid) },
    {
      kind: "faults",
      label: fill(gettext("faults above %(limit)s"), { limit: `${plain(limit)} %` }),
      time: firstTime(grid, tooMany),
    },
    { kind: "stop", label: gettext("stop"), time: seconds(run, run.stop_requested_at) },
    { kind: "abort", label: gettext("aborted"), time: aborted(run, grid) },
  ];
  return found.filter(({ time }) => time !== null).toSorted((a, b) => a.time - b.time);
}
