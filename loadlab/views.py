"""Starting and stopping runs. Each view calls one service or selector."""

from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http import HttpResponseRedirect as Redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from loadlab import selectors, services
from loadlab.display import scenario_title
from loadlab.forms import StartForm
from loadlab.models import Run
from loadlab.scenarios import SCENARIOS

PAGE = "admin:loadlab_run_change"


def start_view(run_admin: "ModelAdmin[Run]", request: HttpRequest) -> HttpResponse:
    """Show the settings of a rehearsal, and start it."""
    _check(request, "loadlab.start_run")
    form = StartForm(request.POST or None)
    if form.is_valid():
        run = _requested(request, form)
        if run is not None:
            return Redirect(reverse(PAGE, args=[run.pk]))
    active = selectors.active_run()
    context = {
        **run_admin.admin_site.each_context(request),
        "title": _("Start a rehearsal"),
        "form": form,
        "numbers": form.numbers(),
        "scenarios": _scenario_cards(form),
        "target": settings.LOADLAB_TARGET,
        "active": active and _active(active),
        "worker_count": selectors.workers_alive(now=timezone.now()),
    }
    return TemplateResponse(request, "admin/loadlab/run/start.html", context)


def _check(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


def _requested(request: HttpRequest, form: StartForm) -> Run | None:
    try:
        return services.run_request(
            scenario=form.cleaned_data["scenario"],
            values=form.run_values(),
            requested_by=request.user if isinstance(request.user, User) else None,
            now=timezone.now(),
        )
    except services.LabRefusal as refusal:
        form.add_error(None, str(refusal))
        return None


def _scenario_cards(form: StartForm) -> list[dict[str, Any]]:
    chosen = form["scenario"].value()
    return [
        {**asdict(one), "think_time_s": 0, **one.defaults(), "checked": one.name == chosen}
        for one in SCENARIOS.values()
    ]


def _active(run: Run) -> dict[str, Any]:
    return {
        "id": run.pk,
        "title": scenario_title(run.scenario),
        "url": reverse(PAGE, args=[run.pk]),
        "state": run.get_state_display().lower(),
    }


def stop_view(run_admin: "ModelAdmin[Run]", request: HttpRequest, object_id: int) -> HttpResponse:
    """Ask the worker to stop a run; the page shows when it has."""
    _check(request, "loadlab.start_run")
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if services.run_stop_request(run_id=object_id, now=timezone.now()):
        messages.success(request, _("Run %(number)s is being stopped.") % {"number": object_id})
    else:
        text = _("Nothing changed: run %(number)s is not active.")
        messages.warning(request, text % {"number": object_id})
    return Redirect(reverse(PAGE, args=[object_id]))
