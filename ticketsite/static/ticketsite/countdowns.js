// What is still to come, in words.

import { fill, gettext } from "./i18n.js";
import { countdown } from "./words.js";

export const left = (until) => (new Date(until).getTime() - Date.now()) / 1000;

/** What the sale does next: "opens in 1:12:30", "closes in 6 d", "closes when sold out", or nothing. */
export function changeText({ change, until }) {
  if (change === "closes_sold_out") return gettext("closes when sold out");
  if (change === "sold_out") return gettext("sold out");
  const seconds = until ? left(until) : 0;
  if (seconds <= 0) return "";
  const words = change === "opens" ? gettext("opens in %(time)s") : gettext("closes in %(time)s");
  return fill(words, { time: countdown(seconds) });
}
