"""The reference run, measured: scenario `baseline` as published, started as an operator does.

Alone (`python -m bench.reference`) it prints a table and writes `var/bench-reference.json`; it is
the last part of `make bench` too. Beside each run is one of the same load on a site whose purchase
does nothing (see bench.twin); both take turns, see Note [Medians of ratios] in bench.rounds. Each
needs a quiet machine for about 75 seconds.
"""

import asyncio
import json
import re
import statistics
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import httpx
import websockets
from rich.console import Console

from bench.plan import Plan, read_plan
from bench.report import Limit, Report, machine, show, write
from bench.rounds import Say
from bench.site import ROOT, Site, running_site

# What the in-memory, two-service system that this one replaces published for this load.
PUBLISHED = {"avg_ms": 4.61, "p95_ms": 10.75}
RUN_TIMEOUT_S = 150
CAPACITY = 1000
TWIN_SETTINGS = "bench.twin_settings"


async def watch(site: Site, run_id: int, cookie: str) -> tuple[dict[str, Any], list[float]]:
    """Follow a run as its page does; return the run and each second's delay in s."""
    delays: list[float] = []
    run: dict[str, Any] = {}
    url = f"{site.web.replace('http', 'ws')}/ws/runs/{run_id}/"
    headers = {"Cookie": cookie, "Origin": site.web}
    async with (
        asyncio.timeout(RUN_TIMEOUT_S),
        websockets.connect(url, additional_headers=headers) as socket,
    ):
        async for raw in socket:
            message = json.loads(raw)
            run |= message["run"]
            now = datetime.now().astimezone().timestamp()
            if message["type"] == "news" and message["points"]:
                begun = datetime.fromisoformat(run["started_at"]).timestamp()
                delays += [now - begun - at for at in message["points"]["columns"]["t"]]
            if not run["active"]:
                return run, delays
    raise SystemExit("the websocket closed before the run ended")


def start_run(client: httpx.Client, site: Site, *, duration_s: int) -> int:
    """Log in, press the button, and return the number of the run."""
    client.get("/admin/login/")
    login = {"username": site.username, "password": site.password}
    _post(client, "/admin/login/", login)
    form = {"scenario": "baseline", "user_count": "100", "think_time_s": "0.5"}
    answer = _post(
        client,
        "/admin/loadlab/run/add/",
        {**form, "duration_s": str(duration_s), "capacity": str(CAPACITY)},
    )
    found = re.search(r"/run/(\d+)/change/", str(answer.url))
    if found is None:
        raise SystemExit(f"the run was not started: {answer.status_code}")
    return int(found[1])


def _post(client: httpx.Client, path: str, fields: dict[str, str]) -> httpx.Response:
    token = client.cookies["csrftoken"]
    return client.post(path, data={**fields, "csrfmiddlewaretoken": token})


def run_once(settings: str, *, plan: Plan) -> dict[str, Any]:
    """Start a site with these settings, run the scenario once and return the figures."""
    with running_site(settings) as site:
        with httpx.Client(base_url=site.web, follow_redirects=True, timeout=30) as client:
            run_id = start_run(client, site, duration_s=plan.run_s)
            cookie = f"sessionid={client.cookies['sessionid']}"
            run, delays = asyncio.run(watch(site, run_id, cookie))
        summary = run["summary"]
        return {
            **{name: summary[name] for name in ("request_count", "rate_per_s")},
            **{name: summary[name] for name in ("fault_count", "unknown_count")},
            "sold": summary["stock"]["sold"],
            **{name: summary["total"][name] for name in ("avg_ms", "p50_ms", "p90_ms", "p95_ms")},
            **{name: summary["total"][name] for name in ("p99_ms", "p999_ms", "max_ms")},
            "websocket_delay_max_s": max(delays),
            "started_in_s": site.started_in_s,
            "verdicts": {item["kind"]: item["outcome"] for item in run["verdicts"]},
            "rows": summary["rows"],
            "environment": run["environment"],
        }


def against_twin(plan: Plan, report: Report, say: Say) -> None:
    """Do the reference run and the same on the site that sells nothing, in turns."""
    sites = {"reference": "ticketsite.settings", "reference_empty_post": TWIN_SETTINGS}
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in sites}
    order = list(sites)
    for _ in range(plan.run_count):
        for name in order:
            run = run_once(sites[name], plan=plan)
            runs[name].append(run)
            times = f"average {run['avg_ms']:.2f} ms, p95 {run['p95_ms']:.2f} ms"
            say(f"{plan.run_s} s, {name.replace('_', ' ')}: {times}")
        order.reverse()
    report.facts |= runs
    figures = summed_up(runs["reference"])
    report.facts["against_the_replaced_system"] = {
        name: figures[name] / value for name, value in PUBLISHED.items()
    }
    report.limits += _limits(figures, plan.run_s)
    report.limits += _twin_limits(runs["reference"], runs["reference_empty_post"])


# Most figures are the median over the runs, which one disturbed run cannot spoil. What must never
# happen counts in every run.
OVER_ALL: dict[str, Callable[[list[float]], float]] = {
    "fault_count": sum,
    "unknown_count": sum,
    "sold": lambda counts: max(counts, key=lambda sold: abs(sold - CAPACITY)),
    "max_ms": max,
    "websocket_delay_max_s": max,
}


def summed_up(runs: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return one figure for each of a run's figures, and how many runs failed their audit."""
    names = [name for name, value in runs[0].items() if isinstance(value, int | float)]
    figures = {
        name: OVER_ALL.get(name, statistics.median)([run[name] for run in runs]) for name in names
    }
    failed = sum(run["verdicts"].get("integrity") != "pass" for run in runs)
    return {**figures, "failed_audits": failed}


def _limits(figures: dict[str, float], run_s: int) -> list[Limit]:
    # 100 users with half a second of think time ask just under 200 times a second.
    wanted: tuple[tuple[str, float | None, float | None], ...] = (
        ("request_count", 198 * run_s, 200 * run_s),
        ("rate_per_s", 196, 200),
        ("fault_count", None, 0),
        ("unknown_count", None, 0),
        ("failed_audits", None, 0),
        ("sold", min(CAPACITY, 90 * run_s), CAPACITY),
        ("avg_ms", None, 3),
        ("p95_ms", None, 7),
        ("p999_ms", None, 100),
        ("max_ms", None, None),
        ("websocket_delay_max_s", None, 1.5),
        ("started_in_s", None, None),
    )
    return [
        Limit(f"reference run: {name}", figures[name], least=least, most=most)
        for name, least, most in wanted
    ]


def _twin_limits(runs: Sequence[dict[str, Any]], twins: Sequence[dict[str, Any]]) -> list[Limit]:
    empty = [_p95_of_post_ms(twin) for twin in twins]
    ratios = [run["p95_ms"] / max(0.001, p95) for run, p95 in zip(runs, empty, strict=True)]
    return [
        Limit("the same with an empty POST: p95_ms", statistics.median(empty)),
        Limit("reference run: p95 ÷ p95 of the empty POST", statistics.median(ratios), most=1.5),
    ]


def _p95_of_post_ms(run: dict[str, Any]) -> float:
    p95: float = next(row["p95_ms"] for row in run["rows"] if row["name"].startswith("POST"))
    return p95


def main() -> int:
    """Measure, print, write; 1 if a limit is missed."""
    console = Console()
    report = Report(machine=machine())
    against_twin(read_plan(), report, console.print)
    show(report, console)
    write(report, ROOT / "var" / "bench-reference.json")
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
