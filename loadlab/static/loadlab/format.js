// Numbers and times as people read them. Pure functions.

const GAP = "–";
const known = (value) => value !== null && value !== undefined && !Number.isNaN(value);

export function count(value) {
  return known(value) ? Math.round(value).toLocaleString("en-US") : GAP;
}

export function rate(value) {
  if (!known(value)) return GAP;
  const digits = value < 1000 ? 1 : 0;
  return value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** Milliseconds with about three significant digits: 0.52, 4.61, 31.2, 1,204. */
export function ms(value) {
  if (!known(value)) return GAP;
  const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  return value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

export function percent(value) {
  if (!known(value)) return GAP;
  const digits = value !== 0 && value < 10 ? 1 : 0;
  return `${value.toFixed(digits)} %`;
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
  return new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    ...(withZone && { timeZoneName: "short" }),
  }).format(new Date(at));
}

export function day(at, zone) {
  return new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    day: "numeric",
    month: "short",
    year: "numeric",
  }).format(new Date(at));
}

export function plural(number, word) {
  return `${count(number)} ${word}${number === 1 ? "" : "s"}`;
}
