// What is known of a run: its state and its points, whichever way and order they arrived in.

import { Grid } from "./grid.js";

export class RunStore extends EventTarget {
  constructor(snapshot) {
    super();
    this.run = {};
    this.seq = -1;
    this.grid = new Grid();
    this.apply(snapshot);
  }

  /** The newest second that is here; -1 before the first. */
  get lastSeq() {
    return this.seq;
  }

  get last() {
    return this.grid.length - 1;
  }

  /** Whether this message leaves a hole behind the newest second that is here. */
  leavesGap(message) {
    return message.after > this.seq;
  }

  /** Take a message; listeners hear from which point on there is something new. */
  apply({ run, seq, points }) {
    this.run = { ...this.run, ...run };
    this.seq = Math.max(this.seq, seq);
    let from = this.grid.length;
    if (points) {
      if (!this.grid.length) this.grid = new Grid(points.width, 0);
      from = this.grid.apply(points);
    }
    this.dispatchEvent(new CustomEvent("change", { detail: { from } }));
  }
}
