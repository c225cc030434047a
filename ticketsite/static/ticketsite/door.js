// The check-in page: who has come in so far, live.

import { fill, gettext } from "./i18n.js";
import { LiveLine } from "./liveline.js";
import { setText, slot } from "./rows.js";
import { Socket } from "./socket.js";
import { number } from "./words.js";

const page = JSON.parse(document.getElementById("door-page").textContent);
const root = document.querySelector(".ts-door");

function show({ sold, checked_in: came }) {
  setText(slot(root, "checked-in"), number(came));
  setText(slot(root, "missing"), number(sold - came));
  setText(slot(root, "of"), fill(gettext("of %(sold)s sold"), { sold: number(sold) }));
}

show(page.door);
const line = new LiveLine(root);
const socket = new Socket(page.socket, {
  receive: ({ sections }) => show(sections[page.section] ?? page.door),
  show: (news) => line.show(news),
});
socket.start();
