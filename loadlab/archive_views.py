"""What can be done with a run that is over: take it along, measure others by it, delete it."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any, TypeAlias, TypeVar

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.db import transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    StreamingHttpResponse,
)
from django.http import HttpResponseRedirect as Redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from loadlab import export, report, selectors, services
from loadlab.display import refusal_text
from loadlab.models import Run
from vacancy.notes import note

PAGE = "admin:loadlab_run_change"
LIST = "admin:loadlab_run_changelist"
Admin: TypeAlias = "ModelAdmin[Run]"
Answer = TypeVar("Answer", bound=HttpResponseBase)
View = Callable[[Admin, HttpRequest, int], HttpResponseBase]


def archive_urls(run_admin: Admin) -> list[URLPattern]:
    """Return the addresses of a run's files and of what can be done with it."""
    routes: dict[str, tuple[str, View]] = {
        "loadlab_run_export_json": ("export.json", json_view),
        "loadlab_run_export_csv": ("samples.csv", csv_view),
        "loadlab_run_export_html": ("report.html", html_view),
        "loadlab_run_set_baseline": ("baseline/", baseline_view),
        "loadlab_run_delete": ("delete/", delete_view),
    }
    return [
        path(
            f"<int:object_id>/{ending}",
            run_admin.admin_site.admin_view(partial(view, run_admin)),
            name=name,
        )
        for name, (ending, view) in routes.items()
    ]


def json_view(run_admin: Admin, request: HttpRequest, object_id: int) -> HttpResponse:
    """Send everything about a run in the schema of docs/lab.md."""
    _check(request, "loadlab.view_run")
    found = export.document(run_id=object_id)
    if found is None:
        raise Http404(gettext("There is no run %(run)s.") % {"run": object_id})
    text = json.dumps(found, indent=1, ensure_ascii=False)
    return _attached(HttpResponse(text, content_type="application/json"), object_id, "json")


def csv_view(run_admin: Admin, request: HttpRequest, object_id: int) -> HttpResponseBase:
    """Send the samples of a run line by line, however many there are."""
    _check(request, "loadlab.view_run")
    _run_or_404(object_id)
    lines = export.csv_lines(run_id=object_id)
    content = _as_needed(lines) if isinstance(request, ASGIRequest) else lines
    return _attached(StreamingHttpResponse(content, content_type="text/csv"), object_id, "csv")


def html_view(run_admin: Admin, request: HttpRequest, object_id: int) -> HttpResponse:
    """Send a report that needs nothing but itself: no script, no font, no network."""
    _check(request, "loadlab.view_run")
    found = report.report(run_id=object_id)
    if found is None:
        raise Http404(gettext("There is no run %(run)s.") % {"run": object_id})
    page = render_to_string("loadlab/report.html", found)
    return _attached(HttpResponse(page), object_id, "html")


def baseline_view(run_admin: Admin, request: HttpRequest, object_id: int) -> HttpResponse:
    """Make a run the reference for its like, or stop measuring others by it."""
    _check(request, "loadlab.start_run")
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    run = _run_or_404(object_id)
    if request.POST.get("remove"):
        if services.baseline_remove(run_id=object_id):
            run_admin.log_change(request, run, note(gettext_noop("No longer the baseline.")))
        messages.success(request, gettext("Nothing is compared with this run any more."))
        return Redirect(reverse(PAGE, args=[object_id]))
    actor = request.user if isinstance(request.user, User) else None
    try:
        services.baseline_set(run_id=object_id, actor=actor, now=timezone.now())
    except services.LabRefusal as refusal:
        messages.error(request, refusal_text(refusal))
    else:
        run_admin.log_change(request, run, note(gettext_noop("Set as baseline.")))
        messages.success(request, gettext("Later runs like this one are compared with it."))
    return Redirect(reverse(PAGE, args=[object_id]))


def delete_view(run_admin: Admin, request: HttpRequest, object_id: int) -> HttpResponse:
    """Ask first, then delete a run with everything that was measured."""
    _check(request, "loadlab.delete_run")
    run = _run_or_404(object_id)
    if request.method == "POST":
        try:
            with transaction.atomic():  # what is refused is not in the log
                run_admin.log_deletions(request, Run.objects.filter(pk=object_id))
                services.run_delete(run_id=object_id)
        except services.LabRefusal as refusal:
            messages.error(request, refusal_text(refusal))
            return Redirect(reverse(PAGE, args=[object_id]))
        messages.success(request, gettext("Run %(run)s was deleted.") % {"run": object_id})
        return Redirect(reverse(LIST))
    context: dict[str, Any] = {
        **run_admin.admin_site.each_context(request),
        "opts": run_admin.opts,
        "title": gettext("Delete run %(run)s?") % {"run": object_id},
        "run": {"id": run.pk, "url": reverse(PAGE, args=[run.pk])},
    }
    return TemplateResponse(request, "admin/loadlab/run/delete.html", context)


def _check(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


def _run_or_404(object_id: int) -> Run:
    run = selectors.run_by_id(run_id=object_id)
    if run is None:
        raise Http404(gettext("There is no run %(run)s.") % {"run": object_id})
    return run


def _attached(answer: Answer, run_id: int, ending: str) -> Answer:
    answer["Content-Disposition"] = f'attachment; filename="run-{run_id}.{ending}"'
    return answer


async def _as_needed(lines: Iterator[str]) -> AsyncIterator[str]:
    """Read the next lines in a thread when the last ones have been sent."""
    read = sync_to_async(partial(next, lines, None))
    while (text := await read()) is not None:
        yield text
