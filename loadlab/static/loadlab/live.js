// Keeps the store up to date over a websocket: resumes after the last second that is here, and
// waits longer after each failure (1, 2, 4, 8, at most 15 s).

const LONGEST_WAIT_S = 15;

export class Live {
  #store;
  #path;
  #show;
  #socket = null;
  #failures = 0;
  #lostAt = null;
  #timer = null;

  /** `show({state, since, wait})` is told: live, back, waiting, connecting or ended. */
  constructor(store, path, show) {
    this.#store = store;
    this.#path = path;
    this.#show = show;
  }

  start() {
    if (this.#complete()) return this.#show({ state: "ended" });
    this.#show({ state: "connecting" });
    window.addEventListener("online", () => this.#timer && this.#connect());
    this.#connect();
  }

  #complete() {
    return !this.#store.run.active; // summary and verdicts were written together with the end
  }

  #connect() {
    clearInterval(this.#timer);
    this.#timer = null;
    const url = new URL(this.#path, window.location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.searchParams.set("after", this.#store.lastSeq);
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.addEventListener("message", (event) => this.#receive(socket, JSON.parse(event.data)));
    socket.addEventListener("close", () => socket === this.#socket && this.#lost());
  }

  #receive(socket, message) {
    if (socket !== this.#socket) return;
    // A snapshot is everything there is; elsewhere a hole means that a message was lost.
    if (message.type !== "snapshot" && this.#store.leavesGap(message)) {
      this.#drop();
      return this.#connect();
    }
    this.#store.apply(message);
    this.#failures = 0;
    if (this.#complete()) {
      this.#drop();
      return this.#show({ state: "ended" });
    }
    this.#show({ state: this.#lostAt ? "back" : "live" });
    this.#lostAt = null;
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    socket.close();
  }

  #lost() {
    this.#socket = null;
    this.#lostAt ??= new Date();
    this.#failures += 1;
    if (this.#complete()) return this.#show({ state: "ended" });
    let wait = Math.min(2 ** (this.#failures - 1), LONGEST_WAIT_S);
    this.#show({ state: "waiting", since: this.#lostAt, wait });
    this.#timer = setInterval(() => {
      wait -= 1;
      if (wait <= 0) return this.#connect();
      this.#show({ state: "waiting", since: this.#lostAt, wait });
    }, 1000);
  }
}
