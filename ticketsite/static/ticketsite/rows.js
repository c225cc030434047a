// Lists that stay what they are while their content changes: nodes are kept by key, so focus,
// hover and transitions survive an update.

export function slot(root, name) {
  return root.querySelector(`[data-slot="${name}"]`);
}

/** Set text only when it changed: nothing is read out or painted twice. */
export function setText(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

export function setHref(element, url) {
  if (element.getAttribute("href") !== url) element.setAttribute("href", url);
}

export function chip({ label, icon, tone }) {
  const outer = document.createElement("span");
  outer.className = `ts-chip ts-chip-${tone}`;
  const mark = document.createElement("span");
  mark.className = "material-symbols-outlined";
  mark.dataset.icon = icon;
  mark.setAttribute("aria-hidden", "true");
  outer.append(mark, label);
  return outer;
}

export function setChip(place, wanted) {
  const key = JSON.stringify(wanted);
  if (place.dataset.chip === key) return;
  place.dataset.chip = key;
  place.replaceChildren(chip(wanted));
}

export class Rows {
  #list;
  #template;
  #fill;
  #known = new Map();

  /** `fill(node, row)` writes one row into a copy of the template; a row's `id` is its key. */
  constructor(list, template, fill) {
    this.#list = list;
    this.#template = template;
    this.#fill = fill;
    list.replaceChildren();
  }

  show(rows) {
    const wanted = new Map(rows.map((row) => [String(row.id), row]));
    for (const [key, node] of this.#known) {
      if (wanted.has(key)) continue;
      node.remove();
      this.#known.delete(key);
    }
    let place = this.#list.firstElementChild;
    for (const [key, row] of wanted) {
      const node = this.#known.get(key) ?? this.#made(key);
      this.#fill(node, row);
      if (node === place) place = place.nextElementSibling;
      else this.#list.insertBefore(node, place);
    }
  }

  #made(key) {
    const node = this.#template.content.firstElementChild.cloneNode(true);
    this.#known.set(key, node);
    return node;
  }
}
