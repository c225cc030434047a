// What is known of a run: its state and its seconds, whichever way and order they arrived in.

export class RunStore extends EventTarget {
  constructor(snapshot) {
    super();
    this.run = snapshot.run;
    this.seconds = [];
    this.#add(snapshot.seconds);
  }

  /** The newest second that is here; -1 before the first. */
  get lastSeq() {
    return this.seconds.length ? this.seconds.at(-1).seq : -1;
  }

  get last() {
    return this.seconds.at(-1) ?? null;
  }

  /** Whether these seconds leave a hole behind the newest one that is here. */
  leavesGap(seconds) {
    return seconds.length > 0 && seconds[0].seq > this.lastSeq + 1;
  }

  apply({ run, seconds = [] }) {
    this.run = run;
    this.#add(seconds);
    this.dispatchEvent(new Event("change"));
  }

  // A second that was sent twice is the same second: the later copy takes its place.
  #add(seconds) {
    const bySeq = new Map(this.seconds.map((second) => [second.seq, second]));
    for (const second of seconds) bySeq.set(second.seq, second);
    this.seconds = [...bySeq.values()].toSorted((a, b) => a.seq - b.seq);
  }
}
