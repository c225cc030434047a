// The line on top: state, time, who and with what; progress, reason, and whether it is live.

import { fill, gettext } from "../ticketsite/i18n.js";
import { chip, setText, slot } from "./dom.js";
import { clock, day, timeOfDay } from "./format.js";

function timeText(run) {
  if (run.state === "running") {
    const left = clock(Math.max(0, run.duration_s - run.elapsed_s));
    return fill(gettext("%(left)s left of %(whole)s"), { left, whole: clock(run.duration_s) });
  }
  if (run.started_at === null) return run.active ? gettext("Not started yet") : gettext("Never started");
  return clock(run.summary?.elapsed_s ?? run.elapsed_s);
}

function clockText(run, zone) {
  const zoned = (at) => timeOfDay(at, zone, true);
  if (!run.started_at) {
    const values = { day: day(run.requested_at, zone), time: zoned(run.requested_at) };
    return fill(gettext("asked for on %(day)s at %(time)s"), values);
  }
  const from = timeOfDay(run.started_at, zone);
  if (!run.ended_at) return fill(gettext("since %(from)s"), { from: zoned(run.started_at) });
  const values = { day: day(run.started_at, zone), from, to: zoned(run.ended_at) };
  return fill(gettext("%(day)s, %(from)s to %(to)s"), values);
}

function whenText(run, zone) {
  const when = clockText(run, zone);
  if (!run.requested_by) return fill(gettext(", %(when)s."), { when });
  return fill(gettext(", %(when)s, started by %(who)s."), { when, who: run.requested_by });
}

export function showStatus(store, { zone, chips }) {
  let state = null;

  function draw() {
    const { run } = store;
    if (run.state !== state) {
      slot("chip").replaceChildren(chip(chips[run.state]));
      const now = {
        active: run.active && run.state !== "stopping",
        ended: !run.active,
        finished: run.state === "finished",
      };
      for (const one of document.querySelectorAll("[data-while]")) {
        one.hidden = !now[one.dataset.while];
      }
    }
    state = run.state;
    setText(slot("time"), timeText(run));
    setText(slot("when"), whenText(run, zone));
    setText(slot("reason"), run.reason);
    slot("reason").hidden = !run.reason;
    const bar = slot("progress");
    bar.hidden = !run.active;
    bar.max = run.duration_s;
    bar.value = Math.min(run.elapsed_s, run.duration_s);
  }
  store.addEventListener("change", draw);
  draw();
}

/** Return the function that `Live` tells how the connection is. */
export function liveIndicator(zone) {
  const place = slot("live");
  const words = {
    connecting: () => gettext("Connecting…"),
    live: () => gettext("Live"),
    back: () => gettext("Live again, nothing missed"),
    waiting: ({ since, wait }) =>
      fill(gettext("Not live since %(time)s. Trying again in %(wait)s s."), { time: timeOfDay(since, zone), wait }),
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
