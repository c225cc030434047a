"""A run as a page that needs nothing but itself: what the template draws, ready computed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from loadlab import export
from loadlab.display import (
    VERDICT_CHIPS,
    fact_label,
    fact_text,
    not_measured_text,
    reason_text,
    run_chip,
    scenario_title,
    sentences_text,
    verdict_text,
)

WIDTH, HEIGHT = 960.0, 220.0
LEFT, BOTTOM, TOP = 56.0, 24.0, 8.0
GRID_LINES = 4
LATENCIES = ("p50_ms", "p95_ms", "p99_ms")


@dataclass(frozen=True)
class Line:
    """One line of a chart: pieces, because where nothing was measured there is a gap."""

    name: str
    color: str  # a CSS variable of the template
    pieces: list[str]  # points as SVG's polyline takes them


@dataclass(frozen=True)
class Chart:
    """A chart with its axes, in the units of the SVG."""

    title: str
    unit: str
    lines: list[Line]
    ticks: list[tuple[float, str]]  # y, and what stands there
    last_s: float
    note: str = ""


def report(*, run_id: int) -> dict[str, Any] | None:
    """Return all that the report shows, or None if there is no such run."""
    found = export.document(run_id=run_id)
    if found is None:
        return None
    run, seconds = found["run"], found["seconds"]
    summary = run["summary"] or {}
    return {
        "run": {**run, "reason": reason_text(run), "state_label": run_chip(run["state"]).label},
        "title": scenario_title(run["scenario"]),
        "settings": _settings(run),
        "environment": [_fact(*fact) for fact in sorted(run["environment"].items())],
        "rows": [*summary.get("rows", ()), summary["total"]] if summary else [],
        "verdicts": [_verdict(one) for one in run["verdicts"] or ()],
        "events": [{"at": one["at"], "text": sentences_text([one])} for one in found["events"]],
        "charts": _charts(seconds, run["environment"]),
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "plot_bottom": HEIGHT - BOTTOM,
    }


def _verdict(verdict: dict[str, Any]) -> dict[str, Any]:
    chip = VERDICT_CHIPS[verdict["outcome"]]
    return {**verdict_text(verdict), "outcome": verdict["outcome"], "word": chip.label}


def _settings(run: dict[str, Any]) -> list[tuple[str, str]]:
    names = ("user_count", "think_time_s", "duration_s", "capacity", "target", "fingerprint")
    facts = [(name, run[name]) for name in names] + sorted(run.get("settings", {}).items())
    return [_fact(name, value) for name, value in facts]


def _fact(name: str, value: Any) -> tuple[str, str]:
    return fact_label(name), fact_text(value)


def _charts(seconds: Sequence[dict[str, Any]], environment: dict[str, Any]) -> list[Chart]:
    if len(seconds) < 2:
        return []
    last = seconds[-1]["seq"]
    latency = {name.removesuffix("_ms"): [row[name] for row in seconds] for name in LATENCIES}
    rate = {gettext("requests"): [row["request_count"] for row in seconds]}
    server = [row["server_cpu_pct"] for row in seconds]
    processor = {
        gettext("generator"): [row["cpu_pct"] for row in seconds],
        gettext("generator waiting for a processor"): [row["cpu_wait_pct"] for row in seconds],
        gettext("server"): server,
    }
    measured = {name: line for name, line in processor.items() if _is_measured(line)}
    note = "" if _is_measured(server) else not_measured_text(environment)
    at = [row["seq"] for row in seconds]
    return [
        _chart(gettext("Requests each second"), "/s", at, last, rate),
        _chart(gettext("Latency"), "ms", at, last, latency),
        _chart(gettext("Processor"), gettext("% of a core"), at, last, measured, note),
    ]


def _is_measured(values: Sequence[float | None]) -> bool:
    return any(value is not None for value in values)


def _chart(
    title: str,
    unit: str,
    at: Sequence[int],
    last: int,
    lines: dict[str, list[float | None]],
    note: str = "",
) -> Chart:
    known = [value for values in lines.values() for value in values if value is not None]
    highest = max(known, default=0.0) or 1.0
    ticks = [
        (_y(highest * step / GRID_LINES, highest), f"{highest * step / GRID_LINES:,.4g}")
        for step in range(GRID_LINES + 1)
    ]
    drawn = [
        Line(name, f"--line-{number}", _pieces(at, last, values, highest))
        for number, (name, values) in enumerate(lines.items())
    ]
    return Chart(title, unit, drawn, ticks, float(last), note)


def _pieces(
    at: Sequence[int], last: int, values: Sequence[float | None], highest: float
) -> list[str]:
    pieces: list[list[str]] = [[]]
    for second, value in zip(at, values, strict=True):
        if value is None:
            pieces.append([])
        else:
            x = LEFT + (WIDTH - LEFT) * second / last
            pieces[-1].append(f"{x:.1f},{_y(value, highest):.1f}")
    return [" ".join(points) for points in pieces if points]


def _y(value: float, highest: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / highest
