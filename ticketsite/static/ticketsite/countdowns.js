// What is still to come, in words.

import { fill, gettext } from "./i18n.js";
import { countdown } from "./words.js";

export const left = (until) => (new Date(until).getTime() - Date.now()) / 1000;

/** What the sale window does next: "opens in 1:12:30", "closes in 6 d", or nothing. */
export function changeText({ change, until }) {
  const seconds = until ? left(until) : 0;
  if (seconds <= 0) return "";
  const words = change === "opens" ? gettext("opens in %(time)s") : gettext("closes in %(time)s");
  return fill(words, { time: countdown(seconds) });
}
