"""Purchases, as operators see them: they change in one way only, they are cancelled."""

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import display

from tickets import selectors, services
from tickets.display import code_shown, status_chip, ticket_chip
from tickets.filters import VacancyFilter, without_dashes
from tickets.forms import CancelDialog
from tickets.models import Purchase, Ticket
from tickets.readonly import ReadOnly
from tickets.views import export_view
from vacancy.actions import actor_of
from vacancy.dialogs import asking_action
from vacancy.display import NONE, chip_html, moment, money, two_lines, unbroken
from vacancy.model_admin import SiteModelAdmin
from vacancy.notes import note

SHOWN_LETTERS = 8


class TicketInline(ReadOnly, TabularInline):
    """The admissions of one purchase."""

    model = Ticket
    fields = ("code_shown", "admitted")
    readonly_fields = fields
    extra = 0
    hide_title = True
    per_page = 20

    def get_queryset(self, request: HttpRequest) -> QuerySet[Ticket]:
        """Read what a ticket's chip depends on in the same query."""
        tickets: QuerySet[Ticket] = super().get_queryset(request)
        return tickets.select_related("purchase")

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Codes admit people: who may not list tickets does not read them here either."""
        return request.user.has_perm("tickets.view_ticket")

    @admin.display(description=_("Code"))
    def code_shown(self, ticket: Ticket) -> SafeString:
        """In groups of five, as printed."""
        return code_shown(ticket)

    @admin.display(description=_("Status"))
    def admitted(self, ticket: Ticket) -> SafeString:
        """Whether somebody came in with it."""
        return chip_html(ticket_chip(ticket))


@admin.register(Purchase)
class PurchaseAdmin(ReadOnly, SiteModelAdmin):
    """Real sales, newest first."""

    inlines = (TicketInline,)
    list_display = (
        "purchase_id",
        "buyer",
        "vacancy_shown",
        "qty",
        "total_shown",
        "status_shown",
        "client_shown",
        "created_shown",
    )
    list_filter = (VacancyFilter, "status", "created_at")
    search_fields = (
        "id__istartswith",
        "id__iendswith",
        "buyer_name",
        "buyer_email",
        "client__name",
        "client__prefix__istartswith",
        "tickets__code__istartswith",
    )
    search_help_text = _("Code, buyer, e-mail, key or id")
    list_per_page = 25
    fields = (
        ("id", "status_shown"),
        ("vacancy", "client"),
        ("buyer_name", "buyer_email"),
        ("qty", "unit_price_shown"),
        ("total_shown", "created_shown"),
        "idempotency_key",
        ("cancelled_shown", "who_cancelled"),
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

    @asking_action(
        label=_("Cancel purchase"),
        title=_("Cancel this purchase?"),
        text=_(
            "Its tickets admit nobody from now on, and its places go back on sale. This "
            "cannot be undone; money is returned elsewhere."
        ),
        form_class=CancelDialog,
        permission="cancel",
        url_path="cancel",
        icon="undo",
    )
    def cancel(self, request: HttpRequest, form: CancelDialog, purchase: Purchase) -> str:
        """Take the purchase back, with a reason, once."""
        url = reverse("admin:tickets_purchase_change", args=[purchase.pk])
        reason = form.cleaned_data["reason"]
        if purchase.status == Purchase.Status.CANCELLED:
            messages.warning(request, gettext("Nothing changed: it was cancelled before."))
            return url
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
            said = note(gettext_noop("Cancelled: %(reason)s"), reason=reason)
            self.log_change(request, purchase, said)
            messages.success(request, gettext("The purchase is cancelled."))
        return url

    @display(description=_("Cancelled"))
    def cancelled_shown(self, purchase: Purchase) -> str:
        """With its zone."""
        return unbroken(moment(purchase.cancelled_at) or NONE)

    @display(description=_("Cancelled by"))
    def who_cancelled(self, purchase: Purchase) -> str:
        """By login; its client did it if nobody here did."""
        return str(purchase.cancelled_by or gettext("its client"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Offer nothing for what was cancelled before."""
        purchase = self.get_object(request, object_id)
        if purchase is None or purchase.status == Purchase.Status.CANCELLED:
            return []
        return super().get_actions_detail(request, object_id)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Accept ticket codes as they are printed; an idempotency key may look like one."""
        term = search_term.strip()
        found, may_repeat = super().get_search_results(request, queryset, without_dashes(term))
        if term:
            found = found | queryset.filter(idempotency_key=term)
        return found, may_repeat

    @display(description=_("Purchase"))
    def purchase_id(self, purchase: Purchase) -> SafeString:
        """The end of it: an id begins with the time, which the next rows share."""
        shown = str(purchase.pk)[-SHOWN_LETTERS:]
        return format_html('<code title="{}">…{}</code>', purchase.pk, shown)

    @display(description=_("Buyer"), ordering="buyer_name")
    def buyer(self, purchase: Purchase) -> SafeString:
        """Name over e-mail."""
        return two_lines(purchase.buyer_name or NONE, purchase.buyer_email)

    @display(description=_("Vacancy"), ordering="vacancy__name")
    def vacancy_shown(self, purchase: Purchase) -> SafeString:
        """Name over venue."""
        return two_lines(purchase.vacancy.name, purchase.vacancy.venue)

    @display(description=_("API key"), ordering="client__name")
    def client_shown(self, purchase: Purchase) -> str:
        """By name; the short form sells without any."""
        return purchase.client.name if purchase.client else NONE

    @display(description=_("Price each"))
    def unit_price_shown(self, purchase: Purchase) -> str:
        """As it was when sold."""
        return unbroken(money(amount=purchase.unit_price, currency=purchase.currency))

    @display(description=_("Total"), ordering="total")
    def total_shown(self, purchase: Purchase) -> str:
        """Major units with the currency."""
        return unbroken(money(amount=purchase.total, currency=purchase.currency))

    @display(description=_("Status"), ordering="status")
    def status_shown(self, purchase: Purchase) -> SafeString:
        """Icon, word and color."""
        return chip_html(status_chip(purchase.status))

    @display(description=_("Created"), ordering="created_at")
    def created_shown(self, purchase: Purchase) -> str:
        """With its zone."""
        return unbroken(moment(purchase.created_at))
