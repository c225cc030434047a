// The start page: a scenario brings its settings, and the card at the side says what they mean.

import { gettext } from "../ticketsite/i18n.js";
import { readJson, setText, slot } from "./dom.js";
import { estimate } from "./estimate.js";

const form = document.getElementById("start-form");
const { loops, capacities } = readJson("start-page");
const place = slot("settings");
const parts = new Map(); // what the settings of each scenario are, with what was typed into them

for (const template of form.querySelectorAll("template[data-scenario]")) {
  parts.set(template.dataset.scenario, [...template.content.children]);
}
let shown = form.elements.scenario.value;
parts.set(shown, [...place.children]);

function numberIn(name) {
  const value = form.elements[name]?.value.trim() ?? "";
  return value === "" ? NaN : Number(value);
}

function explain() {
  const found = estimate(loops[shown], numberIn);
  const [bold, quiet] = found ?? [gettext("Fill in the load and the duration to see it."), ""];
  setText(slot("requests"), bold);
  setText(slot("ceiling"), quiet);
}

function change() {
  shown = form.elements.scenario.value;
  place.replaceChildren(...parts.get(shown));
  explain();
}

for (const radio of form.querySelectorAll('input[name="scenario"]')) {
  radio.addEventListener("change", change);
}
/** A vacancy brings its capacity, which can still be changed. */
function imitate({ target }) {
  const capacity = target.name === "shape_from" && capacities[target.value];
  if (capacity && form.elements.capacity) form.elements.capacity.value = capacity;
}

form.addEventListener("input", (event) => {
  imitate(event);
  explain();
});
explain();
