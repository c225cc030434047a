"""The reference run, measured: scenario `baseline` as published, started as an operator does.

Prints a table and writes `var/bench-reference.json`. Needs a quiet machine for about 75 seconds.
"""

import asyncio
import json
import re
import sys
from datetime import datetime
from typing import Any

import httpx
import websockets
from rich.console import Console
from rich.table import Table

from bench.site import ROOT, Site, running_site

# What the in-memory, two-service system that this one replaces published for this load.
PUBLISHED = {"avg_ms": 4.61, "p95_ms": 10.75}
# name, lowest, highest: what is expected of a run of 60 s with 100 users and 0.5 s think time
LIMITS = (
    ("request_count", 11_900, 12_000),
    ("rate_per_s", 196, 200),
    ("fault_count", 0, 0),
    ("unknown_count", 0, 0),
    ("sold", 1000, 1000),
    ("avg_ms", 0, PUBLISHED["avg_ms"]),
    ("p95_ms", 0, PUBLISHED["p95_ms"]),
    ("p999_ms", 0, 100),
    ("max_ms", None, None),
    ("websocket_delay_max_s", 0, 1.5),
    ("started_in_s", None, None),
)
RUN_TIMEOUT_S = 150


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


def start_run(client: httpx.Client, site: Site) -> int:
    """Log in, press the button, and return the number of the run."""
    client.get("/admin/login/")
    login = {"username": site.username, "password": site.password}
    _post(client, "/admin/login/", login)
    form = {"scenario": "baseline", "user_count": "100", "think_time_s": "0.5"}
    answer = _post(
        client, "/admin/loadlab/run/add/", {**form, "duration_s": "60", "capacity": "1000"}
    )
    found = re.search(r"/run/(\d+)/change/", str(answer.url))
    if found is None:
        raise SystemExit(f"the run was not started: {answer.status_code}")
    return int(found[1])


def _post(client: httpx.Client, path: str, fields: dict[str, str]) -> httpx.Response:
    token = client.cookies["csrftoken"]
    return client.post(path, data={**fields, "csrfmiddlewaretoken": token})


def measure() -> dict[str, Any]:
    """Run it once and return the figures."""
    with running_site() as site:
        with httpx.Client(base_url=site.web, follow_redirects=True, timeout=30) as client:
            run_id = start_run(client, site)
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


def main() -> int:
    """Measure, print, write; 1 if a limit is missed."""
    figures = measure()
    console = Console()
    table = Table("figure", "measured", "expected", "")
    missed = 0
    for name, low, high in LIMITS:
        value = figures[name]
        kept = low is None or low <= value <= high
        missed += not kept
        expected = "" if low is None else f"{low:g}" if low == high else f"{low:g} to {high:g}"
        table.add_row(name, f"{value:,.2f}", expected, "✓" if kept else "✗ missed")
    console.print(table)
    console.print(f"verdicts: {figures['verdicts']}")
    ratio = {name: figures[name] / value for name, value in PUBLISHED.items()}
    console.print(
        "against the replaced system: " + ", ".join(f"{n} × {r:.2f}" for n, r in ratio.items())
    )
    target = ROOT / "var" / "bench-reference.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(figures, indent=2) + "\n")
    console.print(f"written to {target.relative_to(ROOT)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
