"""Sales and keys, as operators see them. What was sold changes in two ways only: it is cancelled,
or somebody comes in with it."""

import re
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import ModelAdmin as DjangoModelAdmin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display

from tickets import selectors, services
from tickets.auditing import audit
from tickets.display import code_shown, status_chip, ticket_chip
from tickets.forms import CancelDialog
from tickets.key_admin import ApiKeyAdmin
from tickets.models import Purchase, Ticket
from tickets.views import door_view, export_view
from vacancy import selectors as stock_rows
from vacancy.actions import actor_of
from vacancy.admin import VacancyAdmin
from vacancy.display import NONE, chip_html, moment, money
from vacancy.schemas import read_id

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
GROUPED_CODE = re.compile(r"^[0-9A-Za-z]{5}(-[0-9A-Za-z]{1,5})+$")


class ReadOnly:
    """Pages to look at: rows are made by the API alone."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Sell through the API."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """What was sold stays as it was sold."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """What was sold stays on record."""
        return False


class VacancyFilter(admin.SimpleListFilter):
    """By real vacancy; Django's own filter would offer rehearsal stock too."""

    title = _("vacancy")
    parameter_name = "vacancy"
    lookup = "vacancy"

    def lookups(
        self, request: HttpRequest, model_admin: "DjangoModelAdmin[Any]"
    ) -> list[tuple[str, str]]:
        """Offer real vacancies, newest first."""
        return [(str(one.pk), str(one)) for one in stock_rows.real_vacancies().order_by("-pk")]

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


def _without_dashes(term: str) -> str:
    """Find a code as it is printed, in groups of five."""
    return term.replace("-", "") if GROUPED_CODE.match(term) else term


class TicketInline(ReadOnly, TabularInline):
    """The admissions of one purchase."""

    model = Ticket
    fields = ("code_shown",)
    readonly_fields = fields
    extra = 0
    hide_title = True
    per_page = 20

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Codes admit people: who may not list tickets does not read them here either."""
        return request.user.has_perm("tickets.view_ticket")

    @admin.display(description=_("Code"))
    def code_shown(self, ticket: Ticket) -> SafeString:
        """In groups of five, as printed."""
        return code_shown(ticket)


@admin.register(Purchase)
class PurchaseAdmin(ReadOnly, ModelAdmin):
    """Real sales, newest first."""

    inlines = (TicketInline,)
    list_display = (
        "purchase_id",
        "vacancy",
        "buyer",
        "qty",
        "total_shown",
        "status_shown",
        "client",
        "created_shown",
    )
    list_filter = (VacancyFilter, "status", "created_at")
    search_fields = (
        "id__istartswith",
        "buyer_name",
        "buyer_email",
        "client__name",
        "client__prefix__istartswith",
        "tickets__code__istartswith",
    )
    search_help_text = _("Ticket code, buyer, e-mail, key, purchase id or idempotency key")
    list_per_page = 50
    fields = (
        ("id", "status_shown"),
        ("vacancy", "client"),
        ("buyer_name", "buyer_email"),
        ("qty", "unit_price_shown", "total_shown"),
        ("created_shown", "idempotency_key"),
        ("cancelled_shown", "cancelled_by"),
        "cancel_reason",
    )
    actions_detail = ("cancel",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Purchase]:
        """Hide rehearsals; read what the rows name in the same query."""
        return selectors.real_purchases().select_related("vacancy", "client", "cancelled_by")

    def get_fields(self, request: HttpRequest, obj: Purchase | None = None) -> Any:
        """Show why and by whom only of what was cancelled."""
        cancelled = obj is not None and obj.status == Purchase.Status.CANCELLED
        return self.fields if cancelled else self.fields[:-2]

    def get_urls(self) -> list[URLPattern]:
        """Add the export of one vacancy's purchases."""
        view = self.admin_site.admin_view(partial(export_view, self))
        own = path("export/<int:vacancy_id>/", view, name="tickets_purchase_export")
        return [own, *super().get_urls()]

    def has_cancel_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Cancelling is what the permission to change purchases is for."""
        return request.user.has_perm("tickets.change_purchase")

    @action(
        description=_("Cancel purchase"),
        permissions=["cancel"],
        url_path="cancel",
        icon="undo",
        dialog={
            "title": _("Cancel this purchase?"),
            "description": _(
                "Its tickets admit nobody from now on, and its places go back on sale. This "
                "cannot be undone; money is returned elsewhere."
            ),
            "form_class": CancelDialog,
            "form_submit_text": _("Cancel purchase"),
        },
    )
    def cancel(self, request: HttpRequest, form: CancelDialog, object_id: str) -> HttpResponse:
        """Take the purchase back, with a reason, once."""
        purchase = get_object_or_404(self.get_queryset(request), pk=object_id)
        url = reverse("admin:tickets_purchase_change", args=[purchase.pk])
        reason = form.cleaned_data["reason"]
        if purchase.status == Purchase.Status.CANCELLED:
            messages.warning(request, gettext("Nothing changed: it was cancelled before."))
            return HttpResponse(headers={"HX-Redirect": url})
        try:
            services.purchase_cancel(
                purchase_id=purchase.pk,
                client=None,
                actor=actor_of(request),
                reason=reason,
                now=timezone.now(),
            )
        except services.AlreadyCheckedIn:
            text = gettext("Somebody came in with one of its tickets: it cannot be cancelled.")
            messages.error(request, text)
        else:
            self.log_change(request, purchase, f"Cancelled: {reason}")
            messages.success(request, gettext("The purchase is cancelled."))
        return HttpResponse(headers={"HX-Redirect": url})

    @display(description=_("Cancelled"))
    def cancelled_shown(self, purchase: Purchase) -> str:
        """With its zone."""
        return moment(purchase.cancelled_at) or NONE

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Accept ticket codes as they are printed; an idempotency key may look like one."""
        term = search_term.strip()
        found, may_repeat = super().get_search_results(request, queryset, _without_dashes(term))
        if term:
            found = found | queryset.filter(idempotency_key=term)
        return found, may_repeat

    @display(description=_("Purchase"))
    def purchase_id(self, purchase: Purchase) -> SafeString:
        """The first block is enough to tell rows apart."""
        return format_html('<code title="{}">{}</code>', purchase.pk, str(purchase.pk)[:8])

    @display(description=_("Buyer"), ordering="buyer_name")
    def buyer(self, purchase: Purchase) -> SafeString:
        """Name over e-mail."""
        return format_html(
            '<span class="ts-two"><span>{}</span><span>{}</span></span>',
            purchase.buyer_name or NONE,
            purchase.buyer_email,
        )

    @display(description=_("Price each"))
    def unit_price_shown(self, purchase: Purchase) -> str:
        """As it was when sold."""
        return money(amount=purchase.unit_price, currency=purchase.currency)

    @display(description=_("Total"), ordering="total")
    def total_shown(self, purchase: Purchase) -> str:
        """Major units with the currency."""
        return money(amount=purchase.total, currency=purchase.currency)

    @display(description=_("Status"), ordering="status")
    def status_shown(self, purchase: Purchase) -> SafeString:
        """Icon, word and color."""
        return chip_html(status_chip(purchase.status))

    @display(description=_("Created"), ordering="created_at")
    def created_shown(self, purchase: Purchase) -> str:
        """With its zone."""
        return moment(purchase.created_at)


@admin.register(Ticket)
class TicketAdmin(ReadOnly, ModelAdmin):
    """Every admission that was really sold."""

    list_display = ("code_shown", "vacancy_shown", "buyer", "status_shown", "sold_at")
    list_filter = (TicketVacancyFilter, AdmittedFilter, "purchase__status", "purchase__created_at")
    search_fields = (
        "code__istartswith",
        "purchase__id__istartswith",
        "purchase__buyer_name",
        "purchase__buyer_email",
        "purchase__client__name",
    )
    search_help_text = _("Ticket code, buyer, e-mail, key or purchase id")
    ordering = ("-id",)
    list_per_page = 50
    fields = (
        ("code_shown", "status_shown"),
        ("purchase", "vacancy_shown"),
        ("buyer", "sold_at"),
        "came_at",
    )

    def get_urls(self) -> list[URLPattern]:
        """Add the check-in page."""
        view = self.admin_site.admin_view(partial(door_view, self))
        return [path("door/", view, name="tickets_ticket_door"), *super().get_urls()]

    def has_admit_permission(self, request: HttpRequest) -> bool:
        """To admit somebody is what the permission to change tickets is for."""
        return request.user.has_perm("tickets.change_ticket")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Ticket]:
        """Hide rehearsals; read what the rows name in the same query."""
        return selectors.real_tickets().select_related("purchase__vacancy")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Accept codes as they are printed."""
        found: tuple[QuerySet[Any], bool] = super().get_search_results(
            request, queryset, _without_dashes(search_term.strip())
        )
        return found

    @display(description=_("Code"), ordering="code")
    def code_shown(self, ticket: Ticket) -> SafeString:
        """In groups of five, as printed."""
        return code_shown(ticket)

    @display(description=_("Vacancy"), ordering="purchase__vacancy__name")
    def vacancy_shown(self, ticket: Ticket) -> str:
        """What it admits to."""
        return str(ticket.purchase.vacancy)

    @display(description=_("Buyer"), ordering="purchase__buyer_name")
    def buyer(self, ticket: Ticket) -> str:
        """Who bought it."""
        return ticket.purchase.buyer_name or ticket.purchase.buyer_email or NONE

    @display(description=_("Status"), ordering="purchase__status")
    def status_shown(self, ticket: Ticket) -> SafeString:
        """Cancelled, checked in, or not yet."""
        return chip_html(ticket_chip(ticket))

    @display(description=_("Checked in"), ordering="checked_in_at")
    def came_at(self, ticket: Ticket) -> str:
        """With its zone."""
        return moment(ticket.checked_in_at, seconds=True) or NONE

    @display(description=_("Sold"), ordering="purchase__created_at")
    def sold_at(self, ticket: Ticket) -> str:
        """With its zone."""
        return moment(ticket.purchase.created_at)


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
