// Points of a run on one grid: columns of the same length, a point every `width` seconds.

export class Grid {
  constructor(width = 1, first = 0) {
    this.width = width;
    this.first = first; // the index, on the run's axis, of the first point here
    this.columns = {};
    this.length = 0;
  }

  static of(points) {
    const grid = new Grid(points.width, points.first);
    grid.apply(points);
    return grid;
  }

  /** Put points in their places, whether they were here before or not; return the first place. */
  apply({ first, columns }) {
    const from = first - this.first;
    this.length = Math.max(this.length, from + columns.t.length);
    for (const [name, values] of Object.entries(columns)) {
      const column = (this.columns[name] ??= []);
      while (column.length < from) column.push(null);
      for (const [at, value] of values.entries()) column[from + at] = value;
    }
    return from;
  }

  /** When the point at this place ends, in seconds of the run; also where a second is missing. */
  time(at) {
    return this.columns.t?.[at] ?? (this.first + at + 1) * this.width;
  }

  /** The same as a whole number, as it is written: the last second of a run may be cut a little short. */
  second(at) {
    return Math.round(this.time(at));
  }

  value(name, at) {
    return this.columns[name]?.[at] ?? NaN;
  }

  has(name) {
    return this.columns[name]?.some((value) => value !== null) ?? false;
  }

  /** The place nearest to a time, -1 if there is no point. */
  nearest(time) {
    let low = 0;
    let high = this.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.time(middle) < time) low = middle + 1;
      else high = middle;
    }
    if (low > 0 && time - this.time(low - 1) < this.time(low) - time) low -= 1;
    return this.length ? low : -1;
  }

  /** The first place from which a test holds, -1 if there is none. */
  findFirst(test) {
    for (let at = 0; at < this.length; at += 1) if (test(at)) return at;
    return -1;
  }

  sum(name) {
    let total = 0;
    const column = this.columns[name] ?? [];
    for (const [at, value] of column.entries()) total += (value ?? 0) * (this.columns.n[at] ?? 0);
    return total;
  }

  max(name) {
    const values = (this.columns[name] ?? []).filter((value) => value !== null);
    return values.length ? Math.max(...values) : null;
  }
}
