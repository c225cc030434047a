// The dashboard: what the first answer brought is shown at once, then a websocket keeps it live.

import { MinuteBars } from "./bars.js";
import { language } from "./i18n.js";
import { LiveLine } from "./liveline.js";
import { Parts } from "./parts.js";
import { Socket } from "./socket.js";
import { slot } from "./rows.js";

const page = JSON.parse(document.getElementById("dashboard-page").textContent);
const root = document.querySelector(".ts-dash");
const sections = {};
const own = (translated) => translated[language.toLowerCase()] ?? Object.values(translated)[0];

const parts = new Parts(root, page.chips);
const chart = slot(root, "pace-chart");
const bars = chart && new MinuteBars({
  place: chart,
  caption: slot(root, "pace-caption"),
  table: slot(root, "pace-table"),
});

const SHOW = {
  totals: () => parts.totals(sections),
  money: () => parts.money(sections.money),
  faults: () => parts.faults(sections.faults),
  pace: () => {
    parts.pace(sections.pace);
    bars.show(sections.pace);
  },
  stock: () => parts.stock(sections.stock.rows),
  needs: () => parts.needs(own(sections.needs)),
  holds: () => parts.holds(sections.holds),
  runs: () => parts.runs(own(sections.runs.rows), sections.runs.active),
};

function apply(fresh) {
  Object.assign(sections, fresh);
  for (const name of Object.keys(fresh)) SHOW[name]?.();
  parts.tick();
}

if (Object.keys(page.sections).length) {
  apply(page.sections);
  const line = new LiveLine(root);
  const socket = new Socket(page.socket, {
    receive: (message) => apply(message.sections),
    show: (news) => line.show(news),
  });
  socket.start();
  setInterval(() => parts.tick(), 1000);
}
