// The page of one run. The first answer carries everything known; the websocket goes on from there.

import { showCharts } from "./charts.js";
import { wireDialogs } from "./dialog.js";
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

wireDialogs();
showStatus(store, page);
showVerdicts(store, page);
showTiles(store, page);
showSummary(store, page);
showCharts(store, page);
showFacts(store, page.environment);
new Live(store, page.socket, liveIndicator(page.zone)).start();
