// Numbers and times as people read them, in the language of the page. Pure functions.


import { fill, language, ngettext } from "../ticketsite/i18n.js";

export const GAP = "–";
// Numbers as the page's language writes them; dates in English with the day before the month.
const DATES = language.startsWith("en") ? "en-GB" : language;
export const known = (value) => value !== null && value !== undefined && !Number.isNaN(value);

function fixed(value, digits) {
  return value.toLocaleString(language, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

export function count(value) {
  return known(value) ? fixed(Math.round(value), 0) : GAP;
}

/** As few decimals as it takes: 0.5, 12, 1,000. */
export function plain(value) {
  return known(value) ? value.toLocaleString(language, { maximumFractionDigits: 3 }) : GAP;
}

export function rate(value) {
  return known(value) ? fixed(value, value < 1000 ? 1 : 0) : GAP;
}

/** Milliseconds with about three significant digits: 0.52, 4.61, 31.2, 1,204. */
export function ms(value) {
  if (!known(value)) return GAP;
  return fixed(value, value < 10 ? 2 : value < 100 ? 1 : 0);
}

export function percent(value) {
  if (!known(value)) return GAP;
  const size = Math.abs(value);
  return `${fixed(value, size === 0 || size >= 10 ? 0 : size < 0.1 ? 2 : 1)} %`;
}

/** Seconds as m:ss, or h:mm:ss from an hour on. */
export function clock(seconds) {
  if (!known(seconds)) return GAP;
  const whole = Math.max(0, Math.floor(seconds));
  const pad = (part) => String(part).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const tail = `${hours ? pad(minutes) : minutes}:${pad(whole % 60)}`;
  return hours ? `${hours}:${tail}` : tail;
}

/** A point in time in the site's zone, which is named only when `withZone` is set. */
export function timeOfDay(at, zone, withZone = false) {
  const written = new Intl.DateTimeFormat(DATES, {
    timeZone: zone,
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    ...(withZone && { timeZoneName: "shortOffset" }),
  }).format(new Date(at));
  return written.replace(/GMT(\+0)?$/, "UTC"); // as the server names it
}

export function day(at, zone) {
  return new Intl.DateTimeFormat(DATES, {
    timeZone: zone,
    day: "numeric",
    month: "short",
    year: "numeric",
  }).format(new Date(at));
}

export function users(number) {
  return fill(ngettext("%(n)s user", "%(n)s users", number), { n: count(number) });
}

export function places(number) {
  return fill(ngettext("%(n)s place", "%(n)s places", number), { n: count(number) });
}
