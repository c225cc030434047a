// The few figures that the page repeats in several places, so far or at the end. Pure functions.

/** Faults in percent of all requests, with both numbers. */
export function faults({ run, grid }) {
  const bad = run.summary?.fault_count ?? Math.round(grid.sum("fault"));
  const all = run.summary?.request_count ?? Math.round(grid.sum("count"));
  return { bad, all, pct: all ? (100 * bad) / all : null };
}

function newest(grid, name) {
  const column = grid.columns[name] ?? [];
  return column.findLast((value) => value !== null) ?? null;
}

/** p95 in ms of all requests, which the budget judges, and of the bought ones alone. */
export function p95({ run, grid }) {
  if (run.summary) {
    const bought = run.summary.rows.filter((row) => row.outcome === "bought");
    return {
      all: run.summary.total?.p95_ms ?? null,
      bought: bought.length === 1 ? bought[0].p95_ms : null,
    };
  }
  return { all: newest(grid, "all_p95"), bought: newest(grid, "bought_p95") };
}

export function perSecond({ run, grid }) {
  return run.summary ? run.summary.rate_per_s : newest(grid, "count");
}

export function inFlight({ run, grid }) {
  if (run.summary) return run.summary.mean_in_flight;
  const seconds = grid.sum("n") && grid.columns.n.reduce((total, n) => total + (n ?? 0), 0);
  return seconds ? grid.sum("in_flight") / seconds : null;
}

export function stock({ run }) {
  return run.summary?.stock ?? run.stock;
}

export function worstCpu({ grid }) {
  return grid.max("cpu");
}
