"""What lists of sales are narrowed down by, and how a code is searched for."""

import re
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import ModelAdmin as DjangoModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from vacancy import selectors as stock_rows
from vacancy.schemas import read_id

GROUPED_CODE = re.compile(r"^[0-9A-Za-z]{5}(-[0-9A-Za-z]{1,5})+$")
MOST_OFFERED = 100


def without_dashes(term: str) -> str:
    """Find a code as it is printed, in groups of five."""
    return term.replace("-", "") if GROUPED_CODE.match(term) else term


class VacancyFilter(admin.SimpleListFilter):
    """By real vacancy; Django's own filter would offer rehearsal stock too."""

    title = _("vacancy")
    parameter_name = "vacancy"
    lookup = "vacancy"

    def lookups(
        self, request: HttpRequest, model_admin: "DjangoModelAdmin[Any]"
    ) -> list[tuple[str, str]]:
        """Offer the newest real vacancies, and the one that was chosen."""
        rows = stock_rows.real_vacancies().order_by("-pk")
        offered = {str(one.pk): str(one) for one in rows[:MOST_OFFERED]}
        chosen = read_id(request.GET.get(self.parameter_name, ""))
        if chosen is not None and str(chosen) not in offered:
            offered |= {str(one.pk): str(one) for one in rows.filter(pk=chosen)}
        return list(offered.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep one vacancy's rows."""
        vacancy_id = read_id(self.value() or "")
        return queryset if vacancy_id is None else queryset.filter(**{self.lookup: vacancy_id})


class TicketVacancyFilter(VacancyFilter):
    """The same, one table further away."""

    lookup = "purchase__vacancy"


class AdmittedFilter(admin.SimpleListFilter):
    """By whether somebody came in with it."""

    title = _("checked in")
    parameter_name = "admitted"

    def lookups(
        self, request: HttpRequest, model_admin: "DjangoModelAdmin[Any]"
    ) -> list[tuple[str, Any]]:
        """Yes or no."""
        return [("yes", _("Checked in")), ("no", _("Not yet"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the one or the other."""
        if self.value() in {"yes", "no"}:
            return queryset.filter(checked_in_at__isnull=self.value() == "no")
        return queryset
