// The line on top: state, time, who and with what; progress, reason, and whether it is live.

import { chip, setText, slot } from "./dom.js";
import { clock, day, plural, timeOfDay } from "./format.js";

function timeText(run) {
  if (run.state === "running") {
    return `${clock(Math.max(0, run.duration_s - run.elapsed_s))} left`;
  }
  if (run.started_at === null) return run.active ? "Not started yet" : "Never started";
  return clock(run.summary?.elapsed_s ?? run.elapsed_s);
}

function whenText(run, zone) {
  const who = run.requested_by ? `, started by ${run.requested_by}` : "";
  const of = run.active ? ` of ${clock(run.duration_s)}` : "";
  const from = run.started_at ?? run.requested_at;
  const asked = run.started_at ? "" : "asked for at ";
  if (run.active) return `${of}, ${asked}${timeOfDay(from, zone, true)}${who}.`;
  if (asked) return `, ${day(from, zone)}, ${asked}${timeOfDay(from, zone, true)}${who}.`;
  const times = `${timeOfDay(from, zone)} to ${timeOfDay(run.ended_at, zone, true)}`;
  return `, ${day(from, zone)}, ${times}${who}.`;
}

function settingsText(run) {
  const users = plural(run.user_count, "user");
  const places = plural(run.capacity, "place");
  return ` ${users}, think time ${run.think_time_s} s, ${places}.`;
}

export function showStatus(store, { zone, chips }) {
  let state = null;

  function draw() {
    const { run } = store;
    if (run.state !== state) slot("chip").replaceChildren(chip(chips[run.state]));
    state = run.state;
    setText(slot("time"), timeText(run));
    setText(slot("when"), whenText(run, zone) + settingsText(run));
    setText(slot("reason"), run.reason);
    slot("reason").hidden = !run.reason;
    const bar = slot("progress");
    bar.hidden = !run.active;
    bar.max = run.duration_s;
    bar.value = Math.min(run.elapsed_s, run.duration_s);
    for (const one of document.querySelectorAll("[data-while-active]")) {
      one.hidden = !run.active || run.state === "stopping";
    }
  }
  store.addEventListener("change", draw);
  draw();
}

/** Return the function that `Live` tells how the connection is. */
export function liveIndicator(zone) {
  const place = slot("live");
  const words = {
    connecting: () => "Connecting…",
    live: () => "Live",
    back: () => "Live again, nothing missed",
    waiting: ({ since, wait }) =>
      `Not live since ${timeOfDay(since, zone)}. Trying again in ${wait} s.`,
    ended: () => "",
  };
  let backUntil = 0;
  return (now) => {
    if (now.state === "back") backUntil = Date.now() + 5000;
    const shown = now.state === "live" && Date.now() < backUntil ? { state: "back" } : now;
    place.dataset.state = shown.state;
    place.hidden = shown.state === "ended";
    setText(slot("live-text"), words[shown.state](shown));
    document.body.classList.toggle("ts-not-live", shown.state === "waiting");
  };
}
