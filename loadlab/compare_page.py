"""Two runs laid over each other: what differs, by how much, and whether that means anything."""

from collections.abc import Mapping
from typing import Any

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http import HttpResponseRedirect as Redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from loadlab import history, selectors, series
from loadlab.compare_text import figures, headline, settings_rows
from loadlab.display import outcomes_json, run_chip, scenario_title, worst_verdict_chip
from loadlab.models import Run
from vacancy.display import moment
from vacancy.schemas import read_id

LIST = "admin:loadlab_run_changelist"


def compare_view(run_admin: "ModelAdmin[Run]", request: HttpRequest) -> HttpResponse:
    """Show run `b` against run `a`; without two runs, back to where they can be chosen."""
    if not request.user.has_perm("loadlab.view_run"):
        raise PermissionDenied
    a, b = (read_id(request.GET.get(name, "")) for name in ("a", "b"))
    if a is None or b is None or a == b:
        return Redirect(reverse(LIST))
    found = history.comparison(run_a=a, run_b=b)
    runs = {run.pk: run for run in selectors.runs_by_id(run_ids=[a, b])}
    if found is None:
        raise Http404(_("One of the runs %(a)s and %(b)s does not exist.") % {"a": a, "b": b})
    context = {
        **run_admin.admin_site.each_context(request),
        "title": _("Run %(b)s against run %(a)s") % {"a": a, "b": b},
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
