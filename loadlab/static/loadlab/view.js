// What all charts share: the part of the time axis that is shown, and the time cursor.

export class View extends EventTarget {
  #store;

  constructor(store) {
    super();
    this.#store = store;
    this.range = null; // [from, to] in seconds while zoomed
    this.detail = null; // a finer grid of that part, once it has arrived
    this.at = null; // where the cursor stands, in seconds; null is the newest point
  }

  get grid() {
    return this.detail ?? this.#store.grid;
  }

  get whole() {
    const { run, grid } = this.#store;
    const last = grid.length ? Math.ceil(grid.time(grid.length - 1)) : 0;
    return [0, Math.max(run.active ? run.duration_s : 0, last) || run.duration_s];
  }

  get window() {
    return this.range ?? this.whole;
  }

  /** The place of the cursor on the grid, else the newest point that is shown; -1 without any. */
  get place() {
    const { grid } = this;
    if (this.at !== null) return grid.nearest(this.at);
    return this.range ? grid.nearest(this.range[1]) : grid.length - 1;
  }

  point(time) {
    const [from, to] = this.window;
    const place = time === null ? -1 : this.grid.nearest(Math.min(Math.max(time, from), to));
    const at = place < 0 ? null : this.grid.time(place);
    if (at === this.at) return;
    this.at = at;
    this.dispatchEvent(new Event("cursor"));
  }

  /** Move the cursor by points, or by seconds when `seconds` is set. */
  step(direction, seconds = 0) {
    const place = this.place;
    if (place < 0) return;
    const here = this.grid.time(place);
    const next = Math.min(Math.max(place + direction, 0), this.grid.length - 1);
    this.point(seconds ? here + direction * seconds : this.grid.time(next));
  }

  zoom(from, to) {
    const [first, last] = this.whole;
    const least = 2 * this.#store.grid.width;
    const range = [Math.max(first, Math.floor(from)), Math.min(last, Math.ceil(to))];
    if (range[1] - range[0] < least) return;
    this.#show(range[0] === first && range[1] === last ? null : range);
  }

  /** Zoom around the cursor by a factor: 2 shows half as much. */
  zoomBy(factor) {
    const [from, to] = this.window;
    const middle = this.at ?? (from + to) / 2;
    const half = (to - from) / factor / 2;
    this.zoom(middle - half, middle + half);
  }

  showAll() {
    if (this.range) this.#show(null);
  }

  refine(detail) {
    this.detail = detail;
    this.dispatchEvent(new Event("grid"));
  }

  #show(range) {
    this.range = range;
    this.detail = null;
    if (range && this.at !== null && (this.at < range[0] || this.at > range[1])) this.at = null;
    this.dispatchEvent(new Event("zoom"));
  }
}
