// Small nodes for charts: shapes of an SVG, cells of a table.

const SVG = "http://www.w3.org/2000/svg";

export function shape(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

export function heading(text, scope = "col") {
  const cell = document.createElement("th");
  cell.scope = scope === "row" ? "row" : "col";
  cell.textContent = text;
  return cell;
}
