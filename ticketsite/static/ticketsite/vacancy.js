// The page of one vacancy: its bar and numbers live, and how its sale went.

import { Curve } from "./curve.js";
import { changeText, left } from "./countdowns.js";
import { fillBar } from "./fills.js";
import { fill, gettext } from "./i18n.js";
import { LiveLine } from "./liveline.js";
import { setChip, setText, slot } from "./rows.js";
import { Socket } from "./socket.js";
import { countdown, number } from "./words.js";

const page = JSON.parse(document.getElementById("vacancy-page").textContent);
const root = slot(document, "vacancy");
const place = slot(root, "curve-chart");
const curve = place && new Curve({
  place,
  caption: slot(root, "curve-caption"),
  table: slot(root, "curve-table"),
});
let row = page.row;

function tick() {
  setText(slot(root, "change"), changeText(row));
  const words = gettext("No free place: %(held)s held, the first hold ends in %(time)s.");
  const values = () => ({ held: number(row.held), time: countdown(left(row.hold_until)) });
  setText(slot(root, "no-place"), row.hold_until ? fill(words, values()) : "");
}

function show() {
  fillBar(root, row);
  setChip(slot(root, "chip"), page.chips[row.state]);
  tick();
  curve?.show({ points: page.curve, sold: row.sold, capacity: row.capacity });
}

show();
const line = new LiveLine(root);
const socket = new Socket(page.socket, {
  receive: ({ sections }) => {
    row = sections[page.section] ?? row;
    show();
  },
  show: (news) => line.show(news),
});
socket.start();
setInterval(tick, 1000);
