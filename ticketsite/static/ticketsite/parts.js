// The parts of the dashboard: each method writes one section into the page.

import { changeText, left } from "./countdowns.js";
import { fillHold, fillNeed, fillRun, fillStock } from "./fills.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { Rows, setHref, setText, slot } from "./rows.js";
import { countdown, moneyWhole, number } from "./words.js";

const template = (id) => document.getElementById(id);

export class Parts {
  #root;
  #rows = {};

  constructor(root, chips) {
    this.#root = root;
    const fills = {
      stock: ["stock-row", (node, row) => fillStock(node, row, chips)],
      needs: ["need-row", fillNeed],
      holds: ["hold-row", fillHold],
      runs: ["run-row", fillRun],
    };
    for (const [name, [id, write]] of Object.entries(fills)) {
      const list = slot(root, name);
      if (list) this.#rows[name] = new Rows(list, template(id), write);
    }
  }

  #set(name, text) {
    setText(slot(this.#root, name), text);
  }

  #list(name, rows) {
    this.#rows[name].show(rows);
    slot(this.#root, `${name}-none`).hidden = rows.length > 0;
  }

  totals({ totals, stock }) {
    this.#set("sold-value", number(totals.sold));
    this.#set("held-value", number(totals.held));
    this.#set("available-value", number(totals.available));
    const place = ngettext("in %(count)s vacancy on sale", "in %(count)s vacancies on sale", totals.on_sale);
    this.#set("available-note", fill(place, { count: number(totals.on_sale) }));
    const all = fill(gettext("All %(count)s vacancies"), { count: number(totals.vacancies) });
    this.#set("stock-all", all);
    slot(this.#root, "stock-more").hidden = totals.vacancies <= stock.rows.length;
  }

  pace({ last_minute: count }) {
    this.#set("sold-note", fill(gettext("+%(count)s in the last minute"), { count: number(count) }));
  }

  money({ today, yesterday }) {
    const [[currency, amount], ...others] = today.length ? today : [[yesterday[0]?.[0] ?? "EUR", 0]];
    const before = new Map(yesterday).get(currency) ?? 0;
    const amounts = others.map(([code, more]) => moneyWhole(more, code)).join(", ");
    this.#set("money-value", moneyWhole(amount, currency));
    this.#set("money-note", amounts
      ? fill(gettext("and %(amounts)s"), { amounts })
      : fill(gettext("yesterday at this time %(amount)s"), { amount: moneyWhole(before, currency) }));
  }

  faults({ total, fault, pct, limit_pct: limit, alarm }) {
    const counts = { limit: number(limit), fault: number(fault), total: number(total) };
    const note = fill(gettext("limit %(limit)s %%: %(fault)s of %(total)s failed"), counts);
    this.#set("faults-value", total ? `${number(pct, 1)} %` : "–");
    this.#set("faults-note", total ? note : gettext("nobody tried to buy"));
    this.#root.querySelector('[data-tile="faults"]').classList.toggle("ts-alarm", alarm);
  }

  stock(rows) {
    this.#list("stock", rows);
  }

  needs(rows) {
    this.#list("needs", rows.map((row) => ({ ...row, id: row.url + row.subject })));
  }

  holds({ ending, rows }) {
    this.#list("holds", rows);
    const text = ngettext("%(count)s ends within a minute", "%(count)s end within a minute", ending);
    const sentence = fill(text, { count: number(ending) });
    this.#set("holds-ending", rows.length ? sentence : "");
    this.#set("held-note", sentence);
  }

  runs(rows, active) {
    this.#list("runs", rows);
    const mark = slot(this.#root, "active-run");
    mark.hidden = !active;
    if (!active) return;
    setHref(mark, active.url);
    mark.dataset.until = active.until ?? "";
  }

  /** Write everything that changes with the clock alone. */
  tick() {
    for (const node of this.#root.querySelectorAll(".ts-row-stock")) {
      setText(slot(node, "change"), changeText(node.dataset));
    }
    for (const node of this.#root.querySelectorAll(".ts-hold")) {
      setText(slot(node, "time"), countdown(left(node.dataset.until)));
    }
    for (const node of this.#root.querySelectorAll(".ts-need[data-until]")) {
      setText(slot(node, "text"), node.dataset.text.replace("{time}", countdown(left(node.dataset.until))));
    }
    const { until } = slot(this.#root, "active-run").dataset;
    const time = until ? countdown(left(until)) : "";
    const words = time ? gettext("Rehearsal running, %(time)s left") : gettext("Rehearsal running");
    this.#set("active-text", fill(words, { time }));
  }
}
