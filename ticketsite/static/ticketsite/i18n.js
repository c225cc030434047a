// The words of our scripts in the reader's language. The catalog (admin/jsi18n/) is loaded on every
// page before any module; it makes these globals.

const { interpolate } = globalThis;
export const { gettext, ngettext } = globalThis;

/** The reader's language, as Intl wants it: en, pt-BR. */
export const language = document.documentElement.lang || "en";

/** Put named values into a translated sentence: fill(gettext("%(n)s sold"), { n: "12" }). */
export function fill(sentence, values) {
  return interpolate(sentence, values, true).replaceAll("%%", "%");
}
