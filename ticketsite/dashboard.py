"""What stands on the first page: stock and the latest runs, each for those who may see it."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from loadlab import selectors as lab
from loadlab.display import duration_text, run_chip, scenario_title, worst_verdict_chip
from vacancy import selectors as stock
from vacancy.display import moment, state_chip, stock_bar

STOCK_ROWS = 20
RUN_ROWS = 5


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add to the context of the index only what the user may see; None hides a part."""
    may = request.user.has_perm
    context["title"] = "Dashboard"
    context["may_start"] = may("loadlab.start_run")
    context["may_add_vacancy"] = may("vacancy.add_vacancy")
    context["stock"] = _stock() if may("vacancy.view_vacancy") else None
    context["runs"] = _runs() if may("loadlab.view_run") else None
    return context


def _stock() -> dict[str, Any]:
    vacancies = stock.real_vacancies()
    count = vacancies.count()
    rows = [
        {
            "name": one.name,
            "venue": one.venue,
            "url": reverse("admin:vacancy_vacancy_change", args=[one.pk]),
            "bar": stock_bar(one),
            "chip": state_chip(one.state),
        }
        for one in vacancies.order_by("-pk")[:STOCK_ROWS]
    ]
    return {"rows": rows, "count": count, "more": count > len(rows)}


def _runs() -> list[dict[str, Any]]:
    return [
        {
            "title": f"{run.pk} {scenario_title(run.scenario)}",
            "url": reverse("admin:loadlab_run_change", args=[run.pk]),
            "line": _run_line(run),
            "chip": run_chip(run.state) if run.is_active else worst_verdict_chip(run.verdicts),
        }
        for run in lab.latest_runs(limit=RUN_ROWS)
    ]


def _run_line(run: Any) -> str:
    parts = [moment(run.started_at or run.requested_at)]
    parts.append(f"{run.user_count:,} users, {duration_text(run.duration_s)}")
    total = (run.summary or {}).get("total") or {}
    if total.get("p95_ms") is not None:
        parts.append(f"p95 {total['p95_ms']:,.1f} ms")
    elif not run.is_active and not run.summary:
        parts.append(run.get_state_display().lower())
    return ", ".join(parts)
