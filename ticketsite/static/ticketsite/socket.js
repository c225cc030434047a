// A websocket that comes back by itself: it waits 1, 2, 4, 8, at most 15 s after each failure, and
// takes a line that says nothing for too long for a dead one. What it missed is no concern here:
// the first message of each connection is a snapshot.

const LONGEST_WAIT_S = 15;
const SILENCE_S = 15; // the server sends a pulse every 5 s
const NOT_ALLOWED = 4403;

export class Socket {
  #path;
  #receive;
  #show;
  #socket = null;
  #failures = 0;
  #lostAt = null;
  #timer = null;
  #heardAt = 0;

  /** `show({state, since, wait})` is told: connecting, live, back, waiting or refused. */
  constructor(path, { receive, show }) {
    this.#path = path;
    this.#receive = receive;
    this.#show = show;
  }

  start() {
    this.#show({ state: "connecting" });
    window.addEventListener("online", () => this.#timer && this.#connect());
    setInterval(() => this.#noticeSilence(), 1000);
    this.#connect();
  }

  #connect() {
    clearInterval(this.#timer);
    this.#timer = null;
    const url = new URL(this.#path, window.location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    this.#socket = socket;
    this.#heardAt = performance.now();
    socket.addEventListener("message", (event) => this.#hear(socket, JSON.parse(event.data)));
    socket.addEventListener("close", ({ code }) => socket === this.#socket && this.#lost(code));
  }

  #hear(socket, message) {
    if (socket !== this.#socket) return;
    this.#heardAt = performance.now();
    if (message.type !== "pulse") this.#receive(message);
    this.#failures = 0;
    this.#show({ state: this.#lostAt ? "back" : "live" });
    this.#lostAt = null;
  }

  #noticeSilence() {
    if (!this.#socket || performance.now() - this.#heardAt < SILENCE_S * 1000) return;
    const socket = this.#socket;
    this.#lost(0);
    socket.close();
  }

  #lost(code) {
    this.#socket = null;
    this.#lostAt ??= new Date();
    this.#failures += 1;
    if (code === NOT_ALLOWED) return this.#show({ state: "refused", since: this.#lostAt });
    let wait = Math.min(2 ** (this.#failures - 1), LONGEST_WAIT_S);
    this.#show({ state: "waiting", since: this.#lostAt, wait });
    this.#timer = setInterval(() => {
      wait -= 1;
      if (wait <= 0) return this.#connect();
      this.#show({ state: "waiting", since: this.#lostAt, wait });
    }, 1000);
  }
}
