"""The one stock page that is no list and no form of a single vacancy: changing capacity."""

from datetime import datetime

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from vacancy import selectors, services
from vacancy.display import state_chip, stock_bar
from vacancy.forms import CapacityForm
from vacancy.models import Vacancy


def capacity_view(model_admin: "ModelAdmin[Vacancy]", request: HttpRequest) -> HttpResponse:
    """Change the capacity of the vacancies named in `?ids=1,2`: all of them, or none."""
    if not model_admin.has_change_permission(request):
        raise PermissionDenied
    vacancies = _chosen(request)
    form = CapacityForm(request.POST or None)
    if form.is_valid() and _changed(request, vacancies, form):
        return HttpResponseRedirect(_back(vacancies))
    context = {
        **model_admin.admin_site.each_context(request),
        "title": "Change capacity",
        "form": form,
        "back": _back(vacancies),
        "vacancies": [
            {"name": str(one), "bar": stock_bar(one), "chip": state_chip(one.state)}
            for one in vacancies
        ],
    }
    return TemplateResponse(request, "admin/vacancy/vacancy/capacity.html", context)


def _chosen(request: HttpRequest) -> list[Vacancy]:
    ids = [int(part) for part in request.GET.get("ids", "").split(",") if part.isdecimal()]
    vacancies = list(selectors.real_vacancies().filter(pk__in=ids).order_by("pk"))
    if not vacancies:
        raise Http404("No vacancy was chosen.")
    return vacancies


def _back(vacancies: list[Vacancy]) -> str:
    if len(vacancies) == 1:
        return reverse("admin:vacancy_vacancy_change", args=[vacancies[0].pk])
    return reverse("admin:vacancy_vacancy_changelist")


def _changed(request: HttpRequest, vacancies: list[Vacancy], form: CapacityForm) -> bool:
    actor = request.user if isinstance(request.user, User) else None
    try:
        after = _change_all(vacancies, form, actor, timezone.now())
    except services.StockRefusal as refusal:
        form.add_error("by", str(refusal))
        return False
    for vacancy in after:
        messages.success(request, f"{vacancy} has {vacancy.capacity:,} places now.")
    return True


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
