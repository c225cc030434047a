// Numbers, money and times as the reader's language and zone write them; vacancy/display.py does
// the same for the first answer.

import { fill, gettext, language } from "./i18n.js";

const SECONDS_A_DAY = 86400;
const pad = (part) => String(part).padStart(2, "0");

export function number(value, digits = 0) {
  return value.toLocaleString(language, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** Minor units as whole major ones: 21438000 BRL is "BRL 214,380". */
export function moneyWhole(amount, currency) {
  const format = new Intl.NumberFormat("en", { style: "currency", currency });
  const { maximumFractionDigits: digits } = format.resolvedOptions();
  return `${currency} ${number(Math.floor(amount / 10 ** digits))}`;
}

/** Seconds that are left: "0:48", "1:12:30", and from two days on "6 d". */
export function countdown(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole >= 2 * SECONDS_A_DAY) {
    return fill(gettext("%(count)s d"), { count: number(Math.floor(whole / SECONDS_A_DAY)) });
  }
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const tail = `${hours ? pad(minutes) : minutes}:${pad(whole % 60)}`;
  return hours ? `${hours}:${tail}` : tail;
}

// Day before month, as the server writes it.
const days = language === "en" ? "en-GB" : language;

function written(at, options) {
  return new Intl.DateTimeFormat(days, { hourCycle: "h23", ...options }).format(new Date(at));
}

export function timeOfDay(at, { seconds = false } = {}) {
  return written(at, { hour: "2-digit", minute: "2-digit", ...(seconds && { second: "2-digit" }) });
}

export function dayAndTime(at) {
  return `${written(at, { day: "numeric", month: "short" })}, ${timeOfDay(at)}`;
}

/** The reader's zone by name and offset: "Brasilia Standard Time (GMT-3)". */
export function zoneName(at = new Date()) {
  const part = (timeZoneName) =>
    new Intl.DateTimeFormat(language, { timeZoneName })
      .formatToParts(at)
      .find(({ type }) => type === "timeZoneName").value;
  const [long, short] = [part("long"), part("shortOffset").replace(/^GMT(\+0)?$/, "UTC")];
  return long === short ? long : `${long} (${short})`;
}
