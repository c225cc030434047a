"""What the history of runs shows beside its rows: curves, and how alike runs developed."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from loadlab import history, series
from loadlab.curves import SPARK_POINTS, trends_of
from loadlab.display import duration_text, scenario_title
from loadlab.models import Run
from vacancy.display import number

PARAMETER = "fingerprint"


def with_curves(runs: list[Run]) -> list[Run]:
    """Give each run of a page its curves, read with one query for all of them."""
    found = series.sparklines(run_ids=[run.pk for run in runs], length=SPARK_POINTS)
    for run in runs:
        run.curve = found.get(run.pk, [])  # type: ignore[attr-defined]  # for this page only
    return runs


def trend_context(request: HttpRequest) -> dict[str, Any]:
    """Return the trend of the kind of runs that is asked for, else of the newest kind."""
    groups = history.trends()
    wanted = request.GET.get(PARAMETER) or (groups[0]["fingerprint"] if groups else "")
    runs = history.trend(fingerprint=wanted) if wanted else []
    if len(runs) < 2:
        return {"trends": [], "groups": []}
    baseline = history.baseline_of(fingerprint=wanted)
    shown = {run.pk for run in runs}
    return {
        "trends": trends_of(
            runs,
            baseline_id=baseline.run_id if baseline else None,
            noise=history.noise_of(fingerprint=wanted),
        ),
        "trend_about": _kind(runs[-1]),
        "has_band": baseline is not None and baseline.run_id in shown,
        "groups": [_group(row, wanted) for row in groups],
    }


def _group(row: dict[str, Any], wanted: str) -> dict[str, Any]:
    return {
        "query": f"{PARAMETER}={row['fingerprint']}",
        "title": _kind(row["run"]),
        "count": number(row["count"]),
        "is_shown": row["fingerprint"] == wanted,
    }


def load_text(run: Run) -> str:
    """Say what a run was: users, or arrivals per second in an open loop; and the duration."""
    duration = duration_text(run.duration_s)
    rate = run.settings.get("target_rate_per_s")
    if rate is not None:
        values = {"rate": number(rate), "duration": duration}
        return _("%(rate)s per second, %(duration)s") % values
    values = {"users": number(run.user_count), "duration": duration}
    return _("%(users)s users, %(duration)s") % values


def _kind(run: Run) -> str:
    return f"{scenario_title(run.scenario)}, {load_text(run)}"
