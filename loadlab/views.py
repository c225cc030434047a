"""Starting and stopping runs. Each view calls one service or selector."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

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
from django.utils.translation import gettext_noop

from loadlab import selectors, services
from loadlab.display import budget_text, duration_text, refusal_text, run_chip, scenario_title
from loadlab.forms import StartForm, scenario_or_first
from loadlab.models import Run
from loadlab.scenarios import SCENARIOS
from vacancy.notes import note
from vacancy.schemas import read_id

THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
PAGE = "admin:loadlab_run_change"


def start_view(run_admin: "ModelAdmin[Run]", request: HttpRequest) -> HttpResponse:
    """Show the settings of a rehearsal, and start it."""
    _check(request, "loadlab.start_run")
    user = request.user if isinstance(request.user, User) else None
    last = selectors.last_values(
        user_id=user.pk if user else None, like=read_id(request.GET.get("like", ""))
    )
    forms = _forms(request, last)
    chosen = forms[_chosen(request, last)]
    if chosen.is_valid():
        run = _requested(chosen, user)
        if run is not None:
            run_admin.log_addition(request, run, note(gettext_noop("Started.")))
            return Redirect(reverse(PAGE, args=[run.pk]))
    active = selectors.active_run()
    context = {
        **run_admin.admin_site.each_context(request),
        "title": _("Start a rehearsal"),
        "form": chosen,
        "scenarios": [_card(form, is_chosen=form is chosen) for form in forms.values()],
        "page": {
            "loops": {name: form.scenario.loop for name, form in forms.items()},
            "capacities": {one.vacancy_id: one.capacity for one in selectors.shapes()},
        },
        "target": settings.LOADLAB_TARGET,
        "shares_machine": urlsplit(settings.LOADLAB_TARGET).hostname in THIS_MACHINE,
        "active": active and _active(active),
        "worker_count": selectors.workers_alive(now=timezone.now()),
    }
    return TemplateResponse(request, "admin/loadlab/run/start.html", context)


def _chosen(request: HttpRequest, last: Mapping[str, Any]) -> str:
    posted = request.POST.get("scenario")
    return scenario_or_first(posted or next(iter(last), None)).name


def _forms(request: HttpRequest, last: Mapping[str, Any]) -> dict[str, StartForm]:
    """Return a form for each scenario; the one that was sent, if any, has what was sent."""
    shapes = selectors.shapes()
    forms = {
        name: StartForm(one, last=last.get(name), shapes=shapes) for name, one in SCENARIOS.items()
    }
    if request.method == "POST":
        wanted = request.POST.get("scenario", "")
        scenario = scenario_or_first(wanted)
        values = {**scenario.defaults(), **request.POST.dict()}
        sent = StartForm(scenario, values, shapes=shapes)
        forms[scenario.name] = sent
        if wanted not in SCENARIOS:
            sent.add_error(None, _("There is no such scenario."))
    return forms


def _check(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


def _requested(form: StartForm, user: User | None) -> Run | None:
    try:
        return services.run_request(
            scenario=form.scenario.name,
            values=form.run_values(),
            **form.extras(),
            requested_by=user,
            now=timezone.now(),
        )
    except services.LabRefusal as refusal:
        form.add_error(None, refusal_text(refusal))
        return None


def _card(form: StartForm, *, is_chosen: bool) -> dict[str, Any]:
    scenario = form.scenario
    return {
        "name": scenario.name,
        "title": scenario_title(scenario.name),
        "purpose": _(scenario.purpose),
        "note": _(scenario.loop_note),
        "budget": budget_text(scenario.budget),
        "groups": form.groups(),
        "shape": form["shape_from"],
        "abort": form["abort_after_s"],
        "checked": is_chosen,
    }


def _active(run: Run) -> dict[str, Any]:
    return {
        "id": run.pk,
        "title": scenario_title(run.scenario),
        "url": reverse(PAGE, args=[run.pk]),
        "left": _left(run),
    }


def _left(run: Run) -> str:
    if run.state != Run.State.RUNNING or run.started_at is None:
        return _("is active: %(state)s.") % {"state": str(run_chip(run.state).label).lower()}
    passed = (timezone.now() - run.started_at).total_seconds()
    left = duration_text(max(0.0, run.duration_s - passed))
    return _("has %(left)s left.") % {"left": left}


def stop_view(run_admin: "ModelAdmin[Run]", request: HttpRequest, object_id: int) -> HttpResponse:
    """Ask the worker to stop a run; the page shows when it has."""
    _check(request, "loadlab.start_run")
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    run = selectors.run_by_id(run_id=object_id)
    if run and services.run_stop_request(run_id=object_id, now=timezone.now()):
        run_admin.log_change(request, run, note(gettext_noop("Asked to stop.")))
        messages.success(request, _("Run %(number)s is being stopped.") % {"number": object_id})
    else:
        text = _("Nothing changed: run %(number)s is not active.")
        messages.warning(request, text % {"number": object_id})
    return Redirect(reverse(PAGE, args=[object_id]))
