"""The pages about sales that are no list and no form: the door, and the export of purchases."""

from collections.abc import AsyncIterator
from typing import Any

from channels.db import database_sync_to_async
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http import StreamingHttpResponse as Stream
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from tickets import exporting, sales, services
from tickets.display import code_shown
from tickets.forms import CodeForm
from tickets.models import Ticket
from tickets.selectors import Client
from vacancy import selectors as stock_rows
from vacancy.display import moment, number
from vacancy.notes import note
from vacancy.schemas import read_id

LATEST = 12
MOST_OFFERED = 200


def export_view(model_admin: Any, request: HttpRequest, vacancy_id: int) -> Stream:
    """Stream all purchases of one vacancy as CSV; nothing is held in memory."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    vacancy = stock_rows.real_vacancies().filter(pk=vacancy_id).first()
    if vacancy is None:
        raise Http404("There is no such vacancy.")
    name = f"purchases-{vacancy_id}-{timezone.localtime():%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Stream(_pages(vacancy_id), content_type="text/csv; charset=utf-8", headers=headers)


async def _pages(vacancy_id: int) -> AsyncIterator[bytes]:
    """Yield the file page by page, each read by a query of its own."""
    yield exporting.header()
    after: exporting.Place | None = None
    while True:
        text, after = await database_sync_to_async(exporting.page)(
            vacancy_id=vacancy_id, after=after
        )
        yield text
        if after is None:
            return


def door_view(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Show who has come in to one vacancy, live, and admit by code who stands at the door."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    vacancy = _chosen(request)
    form = CodeForm(request.POST or None)
    if request.method == "POST":
        if not model_admin.has_admit_permission(request):
            raise PermissionDenied
        if form.is_valid() and _admitted(model_admin, request, form):
            return HttpResponseRedirect(_url(vacancy))
    context = {
        **model_admin.admin_site.each_context(request),
        "title": gettext("Check-in"),
        "form": form,
        "may_admit": model_admin.has_admit_permission(request),
        "vacancy": vacancy,
        "vacancies": _offered(),
    }
    if vacancy is not None:
        context |= _door(vacancy)
    return TemplateResponse(request, "admin/tickets/ticket/door.html", context)


def _chosen(request: HttpRequest) -> Any:
    asked = read_id(request.GET.get("vacancy", ""))
    vacancies = stock_rows.real_vacancies()
    if asked is not None:
        return get_object_or_404(vacancies, pk=asked)
    return vacancies.exclude(sold=0).order_by("starts_at", "-pk").first()


def _offered() -> list[Any]:
    return list(stock_rows.real_vacancies().exclude(sold=0).order_by("-pk")[:MOST_OFFERED])


def _url(vacancy: Any) -> str:
    query = f"?vacancy={vacancy.pk}" if vacancy is not None else ""
    return reverse("admin:tickets_ticket_door") + query


def _door(vacancy: Any) -> dict[str, Any]:
    door = sales.doors([vacancy.pk])[vacancy.pk]
    latest = sales.latest_admissions(vacancy_id=vacancy.pk, limit=LATEST)
    return {
        "sold": number(door.sold),
        "checked_in": number(door.checked_in),
        "missing": number(door.sold - door.checked_in),
        "latest": [_admission(ticket) for ticket in latest],
        "list_url": reverse("admin:tickets_ticket_changelist") + f"?vacancy={vacancy.pk}",
        "door_page": {
            "socket": f"/ws/doors/{vacancy.pk}/",
            "section": f"door:{vacancy.pk}",
            "door": {"sold": door.sold, "checked_in": door.checked_in},
        },
    }


def _admission(ticket: Ticket) -> dict[str, Any]:
    return {
        "code": code_shown(ticket),
        "buyer": ticket.purchase.buyer_name or ticket.purchase.buyer_email,
        "at": moment(ticket.checked_in_at, seconds=True),
        "url": reverse("admin:tickets_ticket_change", args=[ticket.pk]),
    }


def _admitted(model_admin: Any, request: HttpRequest, form: CodeForm) -> bool:
    door = Client(0, request.user.get_username(), frozenset({"check_in"}), None)
    code = form.cleaned_data["code"]
    try:
        ticket = services.ticket_check_in(code=code, client=door, now=timezone.now())
    except services.TicketNotFound:
        form.add_error("code", gettext("No ticket has this code."))
    except services.PurchaseCancelled:
        form.add_error("code", gettext("Do not admit: the purchase was cancelled."))
    except services.AlreadyCheckedIn as used:
        text = gettext("Do not admit: somebody came in with it at %(time)s.")
        form.add_error("code", text % {"time": moment(used.checked_in_at, seconds=True)})
    else:
        model_admin.log_change(request, ticket, note(gettext_noop("Checked in.")))
        buyer = ticket.purchase.buyer_name or gettext("One person")
        text = gettext("Admitted: %(buyer)s, %(vacancy)s.")
        messages.success(request, text % {"buyer": buyer, "vacancy": ticket.purchase.vacancy.name})
        return True
    return False
