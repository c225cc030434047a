// What a run will amount to, in two sentences. Pure functions of the settings.

import { fill, gettext } from "../ticketsite/i18n.js";
import { clock, count, plain, users } from "./format.js";

// What an answer takes on a quiet machine; only to say "about 11,900" instead of "12,000".
const USUAL_LATENCY_S = 0.005;

function rounded(number) {
  const digits = number < 1000 ? 2 : 3;
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(number)) - digits + 1);
  return Math.round(number / unit) * unit;
}

function closed(value) {
  const [people, think, duration] = ["user_count", "think_time_s", "duration_s"].map(value);
  if (!(people >= 1 && think >= 0 && duration >= 1)) return null;
  const time = clock(duration);
  if (think === 0) {
    return [
      fill(gettext("As many requests in %(time)s as the server answers."), { time }),
      fill(gettext("%(users)s without think time: nothing but the server limits them."), {
        users: users(people),
      }),
    ];
  }
  const requests = rounded((people / (think + USUAL_LATENCY_S)) * duration);
  const ceiling = plain(Number((people / think).toPrecision(3)));
  return [
    fill(gettext("About %(count)s requests in %(time)s."), { count: count(requests), time }),
    fill(
      gettext("%(users)s with %(think)s s think time can never pass %(ceiling)s per second."),
      { users: users(people), think: plain(think), ceiling },
    ),
  ];
}

/** A ramp from nothing brings half of what the full rate would; a spike brings more on top. */
function open(value) {
  const [rate, duration] = ["target_rate_per_s", "duration_s"].map(value);
  if (!(rate > 0 && duration >= 1)) return null;
  const ramp = Math.min(value("ramp_s") || 0, duration);
  const spike = Math.min(value("spike_s") || 0, duration);
  const more = spike && ((value("spike_rate_per_s") || rate) - rate) * spike;
  const arrivals = rounded(Math.max(1, rate * (duration - ramp / 2) + more));
  const values = { count: count(arrivals), time: clock(duration) };
  return [
    fill(gettext("About %(count)s buyers arrive in %(time)s."), values),
    fill(gettext("%(rate)s arrive per second, whatever the server does."), { rate: plain(rate) }),
  ];
}

export function estimate(loop, value) {
  return loop === "open" ? open(value) : closed(value);
}
