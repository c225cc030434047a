"""The page of one run, and the finer points that it asks for when somebody zooms in."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loadlab import history, series
from loadlab.display import (
    ENVIRONMENT_LABELS,
    RUN_CHIPS,
    VERDICT_CHIPS,
    VERDICT_LABELS,
    chip_json,
    outcomes_json,
    run_told,
    scenario_title,
    sentences_text,
    setting_text,
    worst_verdict_chip,
)
from loadlab.models import Run
from loadlab.scenarios import SCENARIOS
from vacancy.display import moment
from vacancy.schemas import read_id

CHARTS: tuple[dict[str, Any], ...] = (
    {
        "id": "outcomes",
        "title": gettext_lazy("Requests per second by outcome"),
        "note": gettext_lazy("Drag to zoom, arrow keys move the cursor, Escape goes back."),
    },
    {"id": "latency", "title": gettext_lazy("Latency of bought, ms"), "choices": True},
    {"id": "users", "title": gettext_lazy("Virtual users, asked and running"), "low": True},
    {
        "id": "split",
        "title": gettext_lazy("Where the mean latency goes, ms"),
        "note": gettext_lazy("As the server says in Server-Timing."),
        "low": True,
    },
    {
        "id": "cpu",
        "title": gettext_lazy("Processor, % of one core"),
        "note": gettext_lazy("A generator above 80 % makes a run invalid."),
        "low": True,
    },
)


ARRIVALS = gettext_lazy("Arrivals per second, asked and achieved")


def run_view(run_admin: "ModelAdmin[Run]", request: HttpRequest, object_id: str) -> HttpResponse:
    """Show one run. Everything known is in this answer; the page then goes on from there."""
    _check(request)
    run_id = read_id(object_id)
    snapshot = None if run_id is None else series.snapshot(run_id=run_id)
    if snapshot is None:
        raise Http404(f"There is no run {object_id}.")
    run = snapshot["run"] = run_told(snapshot["run"])
    title = _("Run %(number)s: %(scenario)s")
    may_start = request.user.has_perm("loadlab.start_run")
    baseline = _baseline(run["id"])
    context = {
        **run_admin.admin_site.each_context(request),
        "opts": run_admin.opts,
        "title": title % {"number": run["id"], "scenario": scenario_title(run["scenario"])},
        "run": run,
        "charts": _charts(run),
        "settings_rows": _settings_rows(run),
        "snapshot": snapshot,
        "page": _page(run, baseline),
        "others": _others(run),
        "log": _log(run["id"]),
        "may_stop": run["active"] and may_start,
        # While it runs the button is there and hidden: the page may still be open at the end.
        "may_set_baseline": may_start and (run["active"] or run["state"] == Run.State.FINISHED),
        "may_start": may_start,
        "may_delete": request.user.has_perm("loadlab.delete_run"),
        "baseline": baseline,
    }
    return TemplateResponse(request, "admin/loadlab/run/run.html", context)


def points_view(run_admin: "ModelAdmin[Run]", request: HttpRequest, object_id: int) -> JsonResponse:
    """Answer the points of a part of a run, on the finest grid that a page can draw."""
    _check(request)
    first, until = (_second(request, name) for name in ("from", "to"))
    if until <= first:
        return JsonResponse({"points": None})
    run = get_object_or_404(Run, pk=object_id)
    width = series.grid_width(second_count=until - first)
    found = series.points(run=run, width=width, after=first - 1, until=until)
    return JsonResponse({"points": found})


def _check(request: HttpRequest) -> None:
    if not request.user.has_perm("loadlab.view_run"):
        raise PermissionDenied


def _second(request: HttpRequest, name: str) -> int:
    asked = request.GET.get(name, "")
    return int(asked) if asked.isdecimal() and len(asked) < 8 else 0


def _charts(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    scenario = SCENARIOS.get(run["scenario"])
    is_open = scenario is not None and scenario.loop == "open"
    titles = {"users": ARRIVALS} if is_open else {}
    # What the latencies can show and what they cannot is said where they are.
    notes = {"latency": _(scenario.loop_note)} if scenario else {}
    return [
        chart
        | {
            "title": titles.get(chart["id"], chart["title"]),
            "note": notes.get(chart["id"], chart.get("note", "")),
        }
        for chart in CHARTS
    ]


def _baseline(run_id: int) -> dict[str, Any] | None:
    """Return what the run is compared with, and its points on the same grid; itself has none."""
    run = Run.objects.get(pk=run_id)
    found = history.baseline_of(fingerprint=run.fingerprint) if run.fingerprint else None
    if found is None:
        return None
    if found.run_id == run_id:
        return {"id": run_id, "is_this": True}
    points = series.points(run=found.run, width=series.run_width(run))
    return {"id": found.run_id, "is_this": False, "points": points}


def _log(run_id: int) -> list[dict[str, str]]:
    """Return what was noted of a run, told in the reader's language."""
    return [
        {"at": moment(row.at, seconds=True), "text": sentences_text([row_told])}
        for row, row_told in history.events_of(run_id=run_id)
    ]


def _others(run: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the run may be laid beside, with what tells one from the other."""
    this = Run.objects.get(pk=run["id"])
    found = history.to_compare_with(run_id=this.pk, fingerprint=this.fingerprint)
    return [
        {
            "url": f"{reverse('admin:loadlab_run_compare')}?a={other.pk}&b={this.pk}",
            "id": other.pk,
            "title": scenario_title(other.scenario),
            "when": moment(other.started_at),
            "alike": bool(this.fingerprint) and other.fingerprint == this.fingerprint,
            "chip": worst_verdict_chip(other.verdicts),
        }
        for other in found
    ]


def _page(run: dict[str, Any], baseline: dict[str, Any] | None) -> dict[str, Any]:
    scenario = SCENARIOS.get(run["scenario"])
    return {
        "socket": f"/ws/runs/{run['id']}/",
        "pointsUrl": reverse("admin:loadlab_run_points", args=[run["id"]]),
        "zone": timezone.get_current_timezone_name(),
        "budget": asdict(scenario.budget) if scenario else None,
        "chips": {state.value: chip_json(chip) for state, chip in RUN_CHIPS.items()},
        "verdictChips": {name: chip_json(chip) for name, chip in VERDICT_CHIPS.items()},
        "verdictLabels": {kind: str(label) for kind, label in VERDICT_LABELS.items()},
        "outcomes": outcomes_json(),
        "environment": {name: str(label) for name, label in ENVIRONMENT_LABELS.items()},
        "loop": scenario.loop if scenario else "closed",
        "baseline": baseline if baseline and not baseline["is_this"] else None,
    }


def _settings_rows(run: dict[str, Any]) -> list[tuple[str, str]]:
    scenario = SCENARIOS.get(run["scenario"])
    values = {**run, **run.get("settings", {})}
    fields = [field for field in (scenario.fields if scenario else ()) if field.name in values]
    return [
        (_("Scenario"), scenario_title(run["scenario"])),
        *((_(field.label), setting_text(field, values[field.name])) for field in fields),
        (_("Target"), run["target"]),
    ]
