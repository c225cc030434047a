"""Tickets, as operators see them: they change in one way only, somebody comes in with them."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from tickets import selectors
from tickets.display import code_shown, ticket_chip
from tickets.filters import AdmittedFilter, TicketVacancyFilter, without_dashes
from tickets.models import Ticket
from tickets.readonly import ReadOnly
from tickets.views import door_view
from vacancy.display import NONE, chip_html, moment, two_lines, unbroken
from vacancy.model_admin import SiteModelAdmin


@admin.register(Ticket)
class TicketAdmin(ReadOnly, SiteModelAdmin):
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
    search_help_text = _("Code, buyer, e-mail, key or id")
    ordering = ("-id",)
    list_per_page = 25
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
            request, queryset, without_dashes(search_term.strip())
        )
        return found

    @display(description=_("Code"), ordering="code")
    def code_shown(self, ticket: Ticket) -> SafeString:
        """In groups of five, as printed."""
        return code_shown(ticket)

    @display(description=_("Vacancy"), ordering="purchase__vacancy__name")
    def vacancy_shown(self, ticket: Ticket) -> SafeString:
        """What it admits to."""
        return two_lines(ticket.purchase.vacancy.name, ticket.purchase.vacancy.venue)

    @display(description=_("Buyer"), ordering="purchase__buyer_name")
    def buyer(self, ticket: Ticket) -> str:
        """Who bought it."""
        return ticket.purchase.buyer_name or ticket.purchase.buyer_email or NONE

    @display(description=_("Status"), ordering="purchase__status")
    def status_shown(self, ticket: Ticket) -> SafeString:
        """Cancelled, checked in, or not yet."""
        return chip_html(ticket_chip(ticket))

    @display(description=_("Checked in at"), ordering="checked_in_at")
    def came_at(self, ticket: Ticket) -> str:
        """With its zone."""
        return moment(ticket.checked_in_at, seconds=True) or NONE

    @display(description=_("Sold at"), ordering="purchase__created_at")
    def sold_at(self, ticket: Ticket) -> str:
        """With its zone."""
        return unbroken(moment(ticket.purchase.created_at))
