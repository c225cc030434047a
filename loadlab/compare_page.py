"""Two runs laid over each other: what differs, by how much, and whether that means anything."""

from collections.abc import Mapping
from typing import Any

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from loadlab import history, selectors, series
from loadlab.compare_text import figures, headline, settings_rows
from loadlab.display import outcomes_json, run_chip, scenario_title, worst_verdict_chip
from loadlab.history_page import load_text
from loadlab.models import Run
from vacancy.display import moment
from vacancy.schemas import read_id

MOST_OFFERED = 100


def compare_view(run_admin: "ModelAdmin[Run]", request: HttpRequest) -> HttpResponse:
    """Show run `b` against run `a`; without two runs, ask which."""
    if not request.user.has_perm("loadlab.view_run"):
        raise PermissionDenied
    a, b = (read_id(request.GET.get(name, "")) for name in ("a", "b"))
    if a is None or b is None or a == b:
        return _choice(run_admin, request, a, b)
    found = history.comparison(run_a=a, run_b=b)
    runs = {run.pk: run for run in selectors.runs_by_id(run_ids=[a, b])}
    if found is None:
        raise Http404(_("One of the runs %(a)s and %(b)s does not exist.") % {"a": a, "b": b})
    context = {
        **run_admin.admin_site.each_context(request),
        "title": _("Run %(b)s against run %(a)s") % {"a": a, "b": b},
        "opts": run_admin.opts,
        "sides": [_side(runs[a], "A"), _side(runs[b], "B")],
        "swapped": f"?a={b}&b={a}",
        "headline": headline(found, runs[a], runs[b]),
        "figures": figures(found, runs[a], runs[b]),
        "differs": settings_rows(found["settings"]),
        "judged": found["judged"],
        "alike": found["same_fingerprint"],
        "page": _page(runs[a], runs[b]),
    }
    return TemplateResponse(request, "admin/loadlab/run/compare.html", context)


def _choice(
    run_admin: "ModelAdmin[Run]", request: HttpRequest, a: int | None, b: int | None
) -> HttpResponse:
    """Offer the latest runs; at first the newest one and what it would be compared with."""
    offered = history.comparable(limit=MOST_OFFERED)
    first, second = history.likely_pair(runs=offered)
    context = {
        **run_admin.admin_site.each_context(request),
        "title": _("Compare two runs"),
        "opts": run_admin.opts,
        "runs": [_offer(run) for run in offered],
        "a": a or first,
        "b": b or second,
        "same": a is not None and a == b,
        "may_start": request.user.has_perm("loadlab.start_run"),
    }
    return TemplateResponse(request, "admin/loadlab/run/choose.html", context)


def _offer(run: Run) -> Mapping[str, Any]:
    when = moment(run.started_at)
    words = f"{run.pk} {scenario_title(run.scenario)}, {load_text(run)}, {when}"
    return {"id": run.pk, "text": words}


def _side(run: Run, letter: str) -> Mapping[str, Any]:
    return {
        "letter": letter,
        "id": run.pk,
        "url": reverse("admin:loadlab_run_change", args=[run.pk]),
        "title": scenario_title(run.scenario),
        "when": moment(run.started_at),
        "chip": run_chip(run.state) if run.is_active else worst_verdict_chip(run.verdicts),
    }


def _page(a: Run, b: Run) -> dict[str, Any]:
    longest = max(a.duration_s, b.duration_s)
    width = series.grid_width(second_count=longest)
    return {
        "a": {"id": a.pk, "points": series.points(run=a, width=width)},
        "b": {"id": b.pk, "points": series.points(run=b, width=width)},
        "duration_s": longest,
        "outcomes": outcomes_json(),
    }
