// The line that says whether a page is live, since when it is not, and what time it is.

import { fill, gettext } from "./i18n.js";
import { timeOfDay, zoneName } from "./words.js";

const BACK_FOR_MS = 6000;

function sentence({ state, since, wait }) {
  const time = since && timeOfDay(since, { seconds: true });
  if (state === "live") return gettext("Live,");
  if (state === "back") return gettext("Live again, nothing missed,");
  if (state === "connecting") return gettext("Connecting, as of");
  if (state === "refused") {
    return fill(gettext("Not live since %(time)s: log in again to see more."), { time });
  }
  return fill(gettext("Not live since %(time)s. Trying again in %(wait)s s."), { time, wait });
}

export class LiveLine {
  #line = document.querySelector('[data-slot="live"]');
  #text = document.querySelector('[data-slot="live-text"]');
  #clock = document.querySelector('[data-slot="clock"]');
  #quiet = null;

  /** `page` is marked as not live, so that its numbers can be shown quiet. */
  constructor(page) {
    this.page = page;
    setInterval(() => this.#tick(), 1000);
  }

  show(news) {
    if (news.state === "live" && this.#line.dataset.state === "back") return;
    clearTimeout(this.#quiet);
    this.#line.dataset.state = news.state;
    this.#say(sentence(news));
    this.page.classList.toggle("ts-not-live", ["waiting", "refused"].includes(news.state));
    this.#clock.hidden = ["waiting", "refused"].includes(news.state);
    if (news.state === "back") {
      this.#quiet = setTimeout(() => {
        this.#line.dataset.state = "";
        this.show({ state: "live" });
      }, BACK_FOR_MS);
    }
    this.#tick();
  }

  #say(text) {
    if (this.#text.textContent !== text) this.#text.textContent = text;
  }

  #tick() {
    if (!["live", "back"].includes(this.#line.dataset.state)) return;
    const now = new Date();
    this.#clock.textContent = `${timeOfDay(now, { seconds: true })} ${zoneName(now)}`;
  }
}
