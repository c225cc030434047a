// The page of one run. The first answer carries everything known; the websocket goes on from there.

import { showCharts } from "./charts.js";
import { readJson } from "./dom.js";
import { showFacts } from "./facts.js";
import { Live } from "./live.js";
import { liveIndicator, showStatus } from "./status.js";
import { RunStore } from "./store.js";
import { showSummary } from "./summary.js";
import { showTiles } from "./tiles.js";
import { showVerdicts } from "./verdicts.js";

const page = readJson("run-page");
const store = new RunStore(readJson("run-snapshot"));

for (const button of document.querySelectorAll("[data-opens]")) {
  const dialog = document.getElementById(button.dataset.opens);
  button.addEventListener("click", () => dialog.showModal());
  dialog.querySelector("[data-closes]").addEventListener("click", () => dialog.close());
}

showStatus(store, page);
showVerdicts(store, page);
showTiles(store, page.budget);
showSummary(store);
showCharts(store);
showFacts(store);
new Live(store, page.socket, liveIndicator(page.zone)).start();
