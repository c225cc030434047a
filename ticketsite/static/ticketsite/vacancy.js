// The page of one vacancy: its bar and numbers live, and how its sale went.

import { Curve } from "./curve.js";
import { changeText } from "./countdowns.js";
import { fillBar } from "./fills.js";
import { LiveLine } from "./liveline.js";
import { setChip, setText, slot } from "./rows.js";
import { Socket } from "./socket.js";

const page = JSON.parse(document.getElementById("vacancy-page").textContent);
const root = slot(document, "vacancy");
const place = slot(root, "curve-chart");
const curve = place && new Curve({
  place,
  caption: slot(root, "curve-caption"),
  table: slot(root, "curve-table"),
});
let row = page.row;

function show() {
  fillBar(root, row);
  setChip(slot(root, "chip"), page.chips[row.state]);
  setText(slot(root, "change"), changeText(row));
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
setInterval(() => setText(slot(root, "change"), changeText(row)), 1000);
