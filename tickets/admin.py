"""Sales and keys, as operators see them. What was sold is read-only here."""

import re
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import ModelAdmin as DjangoModelAdmin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from tickets import selectors
from tickets.display import code_shown, status_chip
from tickets.key_admin import ApiKeyAdmin
from tickets.models import Purchase, Ticket
from vacancy import selectors as stock_rows
from vacancy.display import NONE, chip_html, moment, money

__all__ = ["ApiKeyAdmin", "PurchaseAdmin", "TicketAdmin"]

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

    title = "vacancy"
    parameter_name = "vacancy"
    lookup = "vacancy"

    def lookups(
        self, request: HttpRequest, model_admin: "DjangoModelAdmin[Any]"
    ) -> list[tuple[str, str]]:
        """Offer real vacancies, newest first."""
        return [(str(one.pk), str(one)) for one in stock_rows.real_vacancies().order_by("-pk")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep one vacancy's rows."""
        value = self.value() or ""
        return queryset.filter(**{self.lookup: int(value)}) if value.isdecimal() else queryset


class TicketVacancyFilter(VacancyFilter):
    """The same, one table further away."""

    lookup = "purchase__vacancy"


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

    @admin.display(description="Code")
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
        "tickets__code__istartswith",
    )
    search_help_text = "Purchase id, buyer, e-mail, client or ticket code"
    list_per_page = 50
    fields = (
        ("id", "status_shown"),
        ("vacancy", "client"),
        ("buyer_name", "buyer_email"),
        ("qty", "unit_price_shown", "total_shown"),
        "created_shown",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Purchase]:
        """Hide rehearsals; read what the rows name in the same query."""
        return selectors.real_purchases().select_related("vacancy", "client")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Accept ticket codes as they are printed."""
        found: tuple[QuerySet[Any], bool] = super().get_search_results(
            request, queryset, _without_dashes(search_term.strip())
        )
        return found

    @display(description="Purchase")
    def purchase_id(self, purchase: Purchase) -> SafeString:
        """The first block is enough to tell rows apart."""
        return format_html('<code title="{}">{}</code>', purchase.pk, str(purchase.pk)[:8])

    @display(description="Buyer", ordering="buyer_name")
    def buyer(self, purchase: Purchase) -> SafeString:
        """Name over e-mail."""
        return format_html(
            '<span class="ts-two"><span>{}</span><span>{}</span></span>',
            purchase.buyer_name or NONE,
            purchase.buyer_email,
        )

    @display(description="Price each")
    def unit_price_shown(self, purchase: Purchase) -> str:
        """As it was when sold."""
        return money(amount=purchase.unit_price, currency=purchase.currency)

    @display(description="Total", ordering="total")
    def total_shown(self, purchase: Purchase) -> str:
        """Major units with the currency."""
        return money(amount=purchase.total, currency=purchase.currency)

    @display(description="Status", ordering="status")
    def status_shown(self, purchase: Purchase) -> SafeString:
        """Icon, word and color."""
        return chip_html(status_chip(purchase.status))

    @display(description="Created", ordering="created_at")
    def created_shown(self, purchase: Purchase) -> str:
        """With its zone."""
        return moment(purchase.created_at)


@admin.register(Ticket)
class TicketAdmin(ReadOnly, ModelAdmin):
    """Every admission that was really sold."""

    list_display = ("code_shown", "vacancy_shown", "buyer", "status_shown", "sold_at")
    list_filter = (TicketVacancyFilter, "purchase__status", "purchase__created_at")
    search_fields = (
        "code__istartswith",
        "purchase__id__istartswith",
        "purchase__buyer_name",
        "purchase__buyer_email",
        "purchase__client__name",
    )
    search_help_text = "Ticket code, purchase id, buyer, e-mail or client"
    ordering = ("-id",)
    list_per_page = 50
    fields = ("code_shown", "purchase", "vacancy_shown", "buyer", "status_shown", "sold_at")

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

    @display(description="Code", ordering="code")
    def code_shown(self, ticket: Ticket) -> SafeString:
        """In groups of five, as printed."""
        return code_shown(ticket)

    @display(description="Vacancy", ordering="purchase__vacancy__name")
    def vacancy_shown(self, ticket: Ticket) -> str:
        """What it admits to."""
        return str(ticket.purchase.vacancy)

    @display(description="Buyer", ordering="purchase__buyer_name")
    def buyer(self, ticket: Ticket) -> str:
        """Who bought it."""
        return ticket.purchase.buyer_name or ticket.purchase.buyer_email or NONE

    @display(description="Status", ordering="purchase__status")
    def status_shown(self, ticket: Ticket) -> SafeString:
        """The purchase's status."""
        return chip_html(status_chip(ticket.purchase.status))

    @display(description="Sold", ordering="purchase__created_at")
    def sold_at(self, ticket: Ticket) -> str:
        """With its zone."""
        return moment(ticket.purchase.created_at)
