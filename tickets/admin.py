"""Sales and keys, as operators see them; and the audit, which stock's page offers too."""

from django.contrib import messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action

from tickets.auditing import audit
from tickets.key_admin import ApiKeyAdmin
from tickets.purchase_admin import PurchaseAdmin
from tickets.ticket_admin import TicketAdmin
from vacancy.admin import VacancyAdmin

__all__ = ["ApiKeyAdmin", "PurchaseAdmin", "TicketAdmin"]

MOST_DRIFTS_TOLD = 20
FIGURES = {  # of tickets.auditing
    "capacity": _("capacity"),
    "available": _("available"),
    "held": _("held"),
    "sold": _("sold"),
    "tickets": _("tickets"),
    "released": _("released"),
    "expired": _("expired"),
    "cancelled": _("cancelled"),
}


@action(description=_("Audit stock"), icon="fact_check", permissions=["view"])
def audit_selected(
    model_admin: ModelAdmin, request: HttpRequest, queryset: QuerySet[Model]
) -> None:
    """Compare the chosen vacancies' counters with rows and ledger, and say what differs."""
    ids = set(queryset.values_list("pk", flat=True))
    # All at once, for it takes as many reads as one; rehearsal stock is not among the chosen.
    drifts = [drift for drift in audit() if drift.vacancy_id in ids]
    for drift in drifts[:MOST_DRIFTS_TOLD]:
        sentence = gettext("Vacancy %(id)s: %(figure)s is %(recorded)s, the rows say %(counted)s.")
        messages.error(
            request,
            sentence
            % {
                "id": drift.vacancy_id,
                "figure": FIGURES[drift.figure],
                "recorded": drift.recorded,
                "counted": drift.counted,
            },
        )
    if len(drifts) > MOST_DRIFTS_TOLD:
        more = ngettext("%(n)d more.", "%(n)d more.", len(drifts) - MOST_DRIFTS_TOLD)
        messages.error(request, more % {"n": len(drifts) - MOST_DRIFTS_TOLD})
    if not drifts:
        agreed = ngettext(
            "%(n)d vacancy audited: counters, rows and ledger agree.",
            "%(n)d vacancies audited: counters, rows and ledger agree.",
            len(ids),
        )
        messages.success(request, agreed % {"n": len(ids)})


# Stock knows nothing of sales, and an audit needs both: so it is added from here.
VacancyAdmin.actions += (audit_selected,)  # type: ignore[assignment]  # names and functions
