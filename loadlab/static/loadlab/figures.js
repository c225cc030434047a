// The few figures that the page repeats in several places, so far or at the end. Pure functions.

const sum = (seconds, take) => seconds.reduce((total, second) => total + take(second), 0);

/** Faults in percent of all requests, with both numbers. */
export function faults({ run, seconds }) {
  const bad = run.summary?.fault_count ?? sum(seconds, (second) => second.outcomes.fault ?? 0);
  const all = run.summary?.request_count ?? sum(seconds, (second) => second.count);
  return { bad, all, pct: all ? (100 * bad) / all : null };
}

/** p95 in ms of all requests, which the budget judges, and of the bought ones alone. */
export function p95({ run, seconds }) {
  if (run.summary) {
    const bought = run.summary.rows.filter((row) => row.outcome === "bought");
    return {
      all: run.summary.total?.p95_ms ?? null,
      bought: bought.length === 1 ? bought[0].p95_ms : null,
    };
  }
  const newest = (which) => seconds.findLast((second) => second.latency[which]);
  return {
    all: newest("all")?.latency.all.p95 ?? null,
    bought: newest("bought")?.latency.bought.p95 ?? null,
  };
}

export function perSecond({ run, last }) {
  return run.summary ? run.summary.rate_per_s : (last?.count ?? null);
}

export function inFlight({ run, seconds }) {
  if (run.summary) return run.summary.mean_in_flight;
  return seconds.length ? sum(seconds, (second) => second.in_flight) / seconds.length : null;
}

export function stock({ run }) {
  return run.summary?.stock ?? run.stock;
}

export function worstCpu({ seconds }) {
  return seconds.length ? Math.max(...seconds.map((second) => second.cpu_pct)) : null;
}
