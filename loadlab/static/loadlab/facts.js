// What the worker found out about server, database and machine, once it has looked.

import { gettext } from "../ticketsite/i18n.js";
import { node, slot } from "./dom.js";

function words(key, labels) {
  if (labels[key]) return labels[key];
  const text = key.replaceAll("_", " ");
  return text[0].toUpperCase() + text.slice(1);
}

function shown(value) {
  return typeof value === "boolean" ? (value ? gettext("yes") : gettext("no")) : String(value);
}

export function showFacts(store, labels) {
  let told = null;

  function draw() {
    const facts = Object.entries(store.run.environment).toSorted();
    const now = JSON.stringify(facts);
    if (now === told) return;
    told = now;
    const cells = facts.map(([key, value]) =>
      node("div", {}, [
        node("dt", { text: words(key, labels) }),
        node("dd", { text: shown(value) }),
      ]),
    );
    slot("environment").replaceChildren(...cells);
  }
  store.addEventListener("change", draw);
  draw();
}
