// Small helpers to build nodes. Text is always set as text, never as markup.

export function node(tag, { className, text, ...attributes } = {}, children = []) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function chip({ label, icon, tone }) {
  return node("span", { className: `ts-chip ts-chip-${tone}` }, [
    node("span", {
      className: "material-symbols-outlined",
      "data-icon": icon,
      "aria-hidden": "true",
    }),
    label,
  ]);
}

export function readJson(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

export function slot(name) {
  return document.querySelector(`[data-slot="${name}"]`);
}

/** Set text only when it changed, so that a status region is not read out again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function table(caption, headings, rows) {
  const head = node("tr", {}, headings.map((text) => node("th", { text, scope: "col" })));
  const body = rows.map((cells) =>
    node(
      "tr",
      {},
      cells.map((text, at) => (at ? node("td", { text }) : node("th", { text, scope: "row" }))),
    ),
  );
  return node("table", { className: "ts-table" }, [
    node("caption", { className: "ts-hidden", text: caption }),
    node("thead", {}, [head]),
    node("tbody", {}, body),
  ]);
}
