"""The stock pages that are about no single vacancy: changing capacity, importing a file."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import MaxValueValidator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop, ngettext

from vacancy import importing, selectors, services
from vacancy.actions import actor_of
from vacancy.display import Chip, number, state_chip, stock_bar
from vacancy.forms import CapacityForm, ImportForm, VacancyForm
from vacancy.importing import Fate
from vacancy.models import Vacancy
from vacancy.notes import note
from vacancy.price import MOST
from vacancy.schemas import read_id


def capacity_view(model_admin: "ModelAdmin[Vacancy]", request: HttpRequest) -> HttpResponse:
    """Change the capacity of the vacancies named in `?ids=1,2`: all of them, or none."""
    if not model_admin.has_change_permission(request):
        raise PermissionDenied
    vacancies = _chosen(request)
    form = CapacityForm(request.POST or None)
    if form.is_valid() and _changed(model_admin, request, vacancies, form):
        return HttpResponseRedirect(_back(vacancies))
    context = {
        **model_admin.admin_site.each_context(request),
        "title": gettext("Change capacity"),
        "opts": model_admin.opts,
        "form": form,
        "back": _back(vacancies),
        "vacancies": [
            {"id": one.pk, "name": str(one), "bar": stock_bar(one), "chip": state_chip(one.state)}
            for one in vacancies
        ],
    }
    return TemplateResponse(request, "admin/vacancy/vacancy/capacity.html", context)


def _chosen(request: HttpRequest) -> list[Vacancy]:
    asked = request.GET.get("ids", "").split(",")
    ids = [pk for part in asked if (pk := read_id(part)) is not None]
    vacancies = list(selectors.real_vacancies().filter(pk__in=ids).order_by("pk"))
    if not vacancies:
        raise Http404("No vacancy was chosen.")
    return vacancies


def _back(vacancies: list[Vacancy]) -> str:
    if len(vacancies) == 1:
        return reverse("admin:vacancy_vacancy_change", args=[vacancies[0].pk])
    return reverse("admin:vacancy_vacancy_changelist")


def _changed(
    model_admin: Any, request: HttpRequest, vacancies: list[Vacancy], form: CapacityForm
) -> bool:
    try:
        room = MOST - max(one.capacity for one in vacancies)
        MaxValueValidator(room)(form.cleaned_data["by"])
        after = _change_all(vacancies, form, actor_of(request), timezone.now())
    except ValidationError as too_many:
        form.add_error("by", too_many)
        return False
    except services.CapacityTooLow:
        form.add_error("by", _too_low(vacancies, -form.cleaned_data["by"]))
        return False
    reason = form.cleaned_data["reason"]
    for vacancy in after:
        by = f"{form.cleaned_data['by']:+d}"
        said = note(gettext_noop("Capacity %(by)s: %(reason)s"), by=by, reason=reason)
        model_admin.log_change(request, vacancy, said)
        text = gettext("%(vacancy)s has %(count)s places now.")
        messages.success(request, text % {"vacancy": vacancy, "count": number(vacancy.capacity)})
    return True


def _too_low(vacancies: list[Vacancy], wanted: int) -> str:
    """Say of the vacancy with the fewest free places why so many cannot go."""
    fewest = min(
        selectors.real_vacancies().filter(pk__in=[one.pk for one in vacancies]),
        key=lambda one: one.available,
    )
    text = gettext(
        "%(vacancy)s: %(sold)s sold and %(held)s held: capacity cannot go below %(least)s. "
        "%(wanted)s were to go, at most %(available)s can."
    )
    return text % {
        "vacancy": fewest.name,
        "sold": number(fewest.sold),
        "held": number(fewest.held),
        "least": number(fewest.sold + fewest.held),
        "wanted": number(wanted),
        "available": number(fewest.available),
    }


@transaction.atomic
def _change_all(
    vacancies: list[Vacancy], form: CapacityForm, actor: User | None, now: datetime
) -> list[Vacancy]:
    return [
        services.capacity_change(
            vacancy_id=vacancy.pk,
            by=form.cleaned_data["by"],
            reason=form.cleaned_data["reason"],
            actor=actor,
            now=now,
        )
        for vacancy in vacancies
    ]


EXAMPLES = {
    "name": "Concert, floor standing",
    "venue": "Hall 1",
    "starts_at": "2026-05-01T19:00",
    "on_sale_from": "2026-04-01T10:00",
    "on_sale_until": "2026-05-01T18:30",
    "price": "2500",
    "currency": "EUR",
    "max_per_purchase": "10",
    "capacity": "1000",
}
FATES = {
    "new": lambda: Chip(gettext("Will be added"), "add", "ok"),
    "known": lambda: Chip(gettext("Left as it is"), "remove", "quiet"),
    "wrong": lambda: Chip(gettext("Wrong"), "close", "bad"),
}


def import_view(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Look at a file of vacancies row by row; add the good ones when that is confirmed."""
    if not model_admin.has_add_permission(request):
        raise PermissionDenied
    form = ImportForm(request.POST or None, request.FILES or None)
    rows = _rows(form)
    if rows and "confirmed" in request.POST:
        return _imported(model_admin, request, rows)
    counts = {kind: sum(row.kind == kind for row in rows or ()) for kind in FATES}
    context = {
        **model_admin.admin_site.each_context(request),
        "title": gettext("Import vacancies"),
        "opts": model_admin.opts,
        "form": form,
        "columns": _columns(),
        "rows": rows and [_shown(row) for row in rows],
        "counts": {kind: number(count) for kind, count in counts.items()},
        "may_import": counts["new"] > 0,
        "new_count": counts["new"],
        "text": form.cleaned_data.get("text") if rows else "",
        "back": reverse("admin:vacancy_vacancy_changelist"),
    }
    return TemplateResponse(request, "admin/vacancy/vacancy/import.html", context)


def _columns() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "label": _label(name),
            "needed": name in importing.NEEDED,
            "default": importing.DEFAULTS.get(name, ""),
            "example": EXAMPLES[name],
        }
        for name in importing.COLUMNS
    ]


def _label(name: str) -> str:
    if name == "price":  # on the page of a vacancy it is typed in another unit
        return gettext("Price in minor units: 2500 is 25.00 in a currency with cents")
    return str(VacancyForm.base_fields[name].label)


def _rows(form: ImportForm) -> list[Fate] | None:
    if not form.is_valid():
        return None
    try:
        rows = importing.fates(text=form.cleaned_data["text"])
    except importing.FileRefused as refusal:
        form.add_error("file", str(refusal))
        return None
    if not rows:
        form.add_error("file", gettext("The file has no rows."))
    return rows


def _shown(row: Fate) -> dict[str, Any]:
    chip = FATES[row.kind]()
    return {"line": row.line, "name": row.name, "detail": row.detail, "chip": chip}


def _imported(model_admin: Any, request: HttpRequest, rows: list[Fate]) -> HttpResponse:
    added = importing.vacancies_add(rows=rows, now=timezone.now())
    for vacancy in added:
        model_admin.log_addition(request, vacancy, note(gettext_noop("Imported from CSV.")))
    text = ngettext(
        "%(count)s vacancy added as a draft.", "%(count)s vacancies added as drafts.", len(added)
    )
    messages.success(request, text % {"count": number(len(added))})
    return HttpResponseRedirect(reverse("admin:vacancy_vacancy_changelist"))
