"""Small curves that the server draws: a run's own in the history, and a trend over runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from loadlab.comparison import ABSOLUTE_LIMIT_MS, RELATIVE_LIMIT, Noise
from loadlab.models import Run
from vacancy.display import moment, number

SPARK_POINTS = 32
SPARK_WIDTH, SPARK_HEIGHT = 96, 24  # units of the drawing, not pixels
TOP_PCT = 8.0  # of a trend's height: room above the highest point


@dataclass(frozen=True)
class Dot:
    """One run in a trend, in % of the drawing; `x2` and `y2` lead to the next one."""

    x: float
    y: float
    x2: float | None
    y2: float | None
    url: str
    title: str
    is_baseline: bool


@dataclass(frozen=True)
class Trend:
    """One figure over runs. The band is what does not count as different from the baseline."""

    title: str
    newest: str
    highest: str
    dots: list[Dot]
    band_y: float | None
    band_height: float


def sparkline(values: Sequence[float | None], *, color: str) -> SafeString | str:
    """Draw a run's seconds as a small line; a gap stays a gap."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return ""
    top = max(known) or 1.0
    step = SPARK_WIDTH / (len(values) - 1)
    lines: list[list[str]] = [[]]
    for at, value in enumerate(values):
        if value is None:
            lines.append([])
        else:
            y = (SPARK_HEIGHT - 2) * (1 - value / top) + 1
            lines[-1].append(f"{at * step:.1f},{y:.1f}")
    context = {
        "lines": [" ".join(line) for line in lines if len(line) > 1],
        "width": SPARK_WIDTH,
        "height": SPARK_HEIGHT,
        "color": color,
    }
    return render_to_string("admin/loadlab/run/sparkline.html", context)


def trends_of(runs: Sequence[Run], *, baseline_id: int | None, noise: Noise | None) -> list[Trend]:
    """Return p95 and throughput over these runs, oldest first.

    The band has the width of what a comparison calls no difference; see `loadlab.comparison`.
    """
    p95 = [_figure(run, "p95_ms") for run in runs]
    rates = [(run.summary or {}).get("rate_per_s") for run in runs]
    floors = {name: noise.floor(name) if noise else 0.0 for name in ("p95_ms", "rate_per_s")}
    least_ms = max(ABSOLUTE_LIMIT_MS, floors["p95_ms"])
    return [
        _trend(_("p95 of all requests, ms"), runs, p95, baseline_id, least=least_ms),
        _trend(_("Requests per second"), runs, rates, baseline_id, least=floors["rate_per_s"]),
    ]


def _figure(run: Run, name: str) -> float | None:
    value: float | None = ((run.summary or {}).get("total") or {}).get(name)
    return value


def _trend(
    title: str,
    runs: Sequence[Run],
    values: Sequence[float | None],
    baseline_id: int | None,
    *,
    least: float,
) -> Trend:
    pairs = [(run, value) for run, value in zip(runs, values, strict=True) if value is not None]
    top = max((value for _run, value in pairs), default=1.0) or 1.0
    places = [(_x(at, len(pairs)), _y(value, top)) for at, (_run, value) in enumerate(pairs)]
    dots = [
        _dot(run, value, place, places[at + 1] if at + 1 < len(places) else None, baseline_id)
        for at, ((run, value), place) in enumerate(zip(pairs, places, strict=True))
    ]
    marked = next((value for run, value in pairs if run.pk == baseline_id), None)
    band = None if marked is None else (marked, max(RELATIVE_LIMIT * marked, least))
    low, high = (0.0, 0.0) if band is None else (band[0] - band[1], band[0] + band[1])
    return Trend(
        title=title,
        newest=number(pairs[-1][1], digits=1) if pairs else "",
        highest=number(top, digits=1),
        dots=dots,
        band_y=None if band is None else max(0.0, _y(high, top)),
        band_height=0.0 if band is None else min(100.0, _y(low, top)) - max(0.0, _y(high, top)),
    )


def _dot(
    run: Run,
    value: float,
    place: tuple[float, float],
    following: tuple[float, float] | None,
    baseline_id: int | None,
) -> Dot:
    values: dict[str, Any] = {
        "number": run.pk,
        "value": number(value, digits=1),
        "when": moment(run.started_at),
    }
    x2, y2 = following or (None, None)
    return Dot(
        x=place[0],
        y=place[1],
        x2=x2,
        y2=y2,
        url=reverse("admin:loadlab_run_change", args=[run.pk]),
        title=_("Run %(number)s: %(value)s, %(when)s") % values,
        is_baseline=run.pk == baseline_id,
    )


def _x(at: int, count: int) -> float:
    return round(2 + 96 * (at / (count - 1) if count > 1 else 0.5), 2)


def _y(value: float, top: float) -> float:
    return round(TOP_PCT + (100 - TOP_PCT) * (1 - value / top), 2)
