// Says what a change of capacity would do while it is typed. The server decides; this is a preview.

import { fill, gettext } from "./i18n.js";
import { setText } from "./rows.js";
import { number } from "./words.js";

const field = document.querySelector('input[name="by"]');

function consequence({ capacity, available, sold, held }, by) {
  const after = { before: number(capacity), after: number(capacity + by), free: number(available + by) };
  if (by > 0) {
    return fill(gettext("Capacity goes from %(before)s to %(after)s; %(free)s will be free."), after);
  }
  if (-by <= available) {
    return fill(gettext("Capacity goes from %(before)s to %(after)s; %(free)s stay free."), after);
  }
  const taken = Math.min(-by - available, sold + held);
  return fill(
    gettext("%(taken)s of the %(wanted)s places you remove are sold or held: at most %(available)s can go."),
    { taken: number(taken), wanted: number(-by), available: number(available) },
  );
}

function preview() {
  const by = Number.parseInt(field.value, 10) || 0;
  for (const place of document.querySelectorAll("[data-preview]")) {
    const numbers = Object.fromEntries(
      Object.entries(place.dataset).map(([name, value]) => [name, Number(value)]),
    );
    setText(place, by ? consequence(numbers, by) : "");
    place.classList.toggle("ts-preview-wrong", -by > numbers.available);
  }
}

field.addEventListener("input", preview);
preview();
