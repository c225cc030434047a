"""Stock, as operators see and change it."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db import IntegrityError, transaction
from django.db.models import Model, ProtectedError, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import display

from vacancy import page, selectors, services
from vacancy.actions import PAGE, StockActions, why_kept
from vacancy.display import (
    DEFAULT_CHIP,
    NONE,
    chip_html,
    moment,
    money,
    movement_kind,
    movement_reason,
    number,
    state_chip,
    stock_bar,
    unbroken,
)
from vacancy.forms import VacancyPageForm
from vacancy.model_admin import SiteModelAdmin
from vacancy.models import StockMovement, Vacancy
from vacancy.views import capacity_view, import_view

DELETE_ACTION = "delete_selected"  # Django's own


class MovementInline(TabularInline):
    """The ledger of one vacancy: append-only, so nothing here can be edited."""

    model = StockMovement
    verbose_name = _("Movement")
    verbose_name_plural = _("Ledger")
    fields = ("when", "what", "change", "who", "why")
    readonly_fields = fields
    extra = 0
    can_delete = False
    hide_title = True
    per_page = 20

    def get_queryset(self, request: HttpRequest) -> QuerySet[StockMovement]:
        """Read the actors in the same query."""
        rows: QuerySet[StockMovement] = super().get_queryset(request)
        return rows.select_related("actor")

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whoever sees the vacancy sees how its counters came about."""
        return request.user.has_perm("vacancy.view_vacancy") or request.user.has_perm(
            "vacancy.change_vacancy"
        )

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Only services write the ledger."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Only services write the ledger."""
        return False

    @admin.display(description=_("When"))
    def when(self, movement: StockMovement) -> str:
        """With its zone."""
        return moment(movement.at, seconds=True)

    @admin.display(description=_("What"))
    def what(self, movement: StockMovement) -> str:
        """In the reader's language."""
        return movement_kind(movement.kind)

    @admin.display(description=_("Places"))
    def change(self, movement: StockMovement) -> str:
        """Show the sign always."""
        if not movement.qty:
            return NONE
        return ("+" if movement.qty > 0 else "\N{MINUS SIGN}") + number(abs(movement.qty))

    @admin.display(description=_("By"))
    def who(self, movement: StockMovement) -> str:
        """Name the actor, who may be gone."""
        return str(movement.actor or NONE)

    @admin.display(description=_("Reason"))
    def why(self, movement: StockMovement) -> str:
        """As it was given."""
        return movement_reason(movement.reason)


@admin.register(Vacancy)
class VacancyAdmin(StockActions, SiteModelAdmin):
    """Real stock only: what a rehearsal uses is never listed, changed or counted here."""

    form = VacancyPageForm
    inlines = (MovementInline,)
    list_display = ("place", "state_shown", "stock", "price_shown", "sale_window", "default_shown")
    list_filter = ("state", "is_default")
    search_fields = ("name", "venue")
    search_help_text = _("Name or venue")
    ordering = ("-id",)
    list_per_page = 50
    actions = ("put_on_sale_selected", "pause_selected", "capacity_selected")
    actions_list = ("import_csv",)
    actions_detail = ("put_on_sale", "pause", "stop", "capacity")
    change_form_outer_before_template = "admin/vacancy/vacancy/live.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Vacancy]:
        """Hide rehearsal stock."""
        return selectors.real_vacancies()

    def get_urls(self) -> list[URLPattern]:
        """Add the pages that are about no single vacancy, before those that are."""
        own = [
            path(
                f"{address}/",
                self.admin_site.admin_view(partial(view, self)),
                name=f"vacancy_vacancy_{name}",
            )
            for address, view, name in (
                ("capacity", capacity_view, "capacity"),
                ("import-rows", import_view, "import_rows"),
            )
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Put what upper apps know about this vacancy above its form."""
        vacancy = self.get_object(request, object_id)
        extra = page.context(request, vacancy) if vacancy else {}
        answer: HttpResponse = super().change_view(
            request, object_id, form_url, {**(extra_context or {}), **extra}
        )
        return answer

    def get_inlines(self, request: HttpRequest, obj: Vacancy | None) -> Any:
        """A vacancy that does not exist yet has no ledger."""
        return self.inlines if obj else ()

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """Look again when somebody else was faster by a moment: the form says what is wrong."""
        ask = partial(super().changeform_view, request, object_id, form_url, extra_context)
        return _twice(ask, IntegrityError)

    def get_fieldsets(self, request: HttpRequest, obj: Vacancy | None = None) -> Any:
        """Ask for the capacity once; later it moves only through the ledger.

        Whoever may only read gets times with their zone and the price with its currency.
        """
        capacity = () if obj else ((_("Stock"), {"fields": ("capacity",)}),)
        starts = "starts_at"
        window: tuple[str, ...] = ("on_sale_from", "on_sale_until")
        price: tuple[str, ...] = ("price", "currency")
        if obj and not self.has_change_permission(request, obj):
            starts, window, price = "starts_shown", ("sale_window",), ("price_shown",)
        limits = ("max_per_purchase", "close_when_sold_out")
        return (
            (None, {"fields": (("name", "venue"), starts)}),
            *capacity,
            (_("Sale"), {"fields": (*window, limits)}),
            (_("Price"), {"fields": (price,)}),
            (_("Requests that name no vacancy"), {"fields": ("is_default",)}),
        )

    def save_model(
        self, request: HttpRequest, obj: Vacancy, form: VacancyPageForm, change: bool
    ) -> None:
        """Write only what was typed: a full save would undo the sales made meanwhile."""
        if not change:
            services.vacancy_add(vacancy=obj, now=timezone.now())
        elif columns := form.columns_changed():
            obj.save(update_fields=columns)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Look again when it was sold from after the first look."""
        ask = partial(self._delete_or_tell, request, object_id, extra_context)
        return _twice(ask, ProtectedError, IntegrityError)

    def _delete_or_tell(
        self, request: HttpRequest, object_id: str, extra_context: Any
    ) -> HttpResponse:
        """Say why a vacancy that sold is kept, instead of asking whether to delete it."""
        vacancy = self.get_object(request, object_id)
        if vacancy and self.has_delete_permission(request, vacancy) and (why := why_kept(vacancy)):
            messages.error(request, why)
            return HttpResponseRedirect(reverse(PAGE, args=[vacancy.pk]))
        answer: HttpResponse = super().delete_view(request, object_id, extra_context)
        return answer

    def response_action(self, request: HttpRequest, queryset: QuerySet[Vacancy]) -> Any:
        """Delete all of the chosen ones or, if one of them sells in this moment, say why not."""
        act = partial(super().response_action, request, queryset)
        if DELETE_ACTION not in request.POST.getlist("action"):
            return act()
        return _twice(transaction.atomic(act), ProtectedError, IntegrityError)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """Refuse with one sentence instead of a list of every purchase, and list no ledger."""
        protected = [text for vacancy in objs if (text := why_kept(vacancy))]
        if protected:
            return [], {}, set(), protected
        going, counts, lacking, kept = super().get_deleted_objects(objs, request)
        # What goes with a vacancy is told as a number: its ledger may be long.
        return [one for one in going if not isinstance(one, list)], counts, lacking, kept

    @display(description=_("Vacancy"), ordering="name")
    def place(self, vacancy: Vacancy) -> SafeString:
        """Name over venue."""
        return format_html(
            '<span class="ts-two"><strong>{}</strong><span>{}</span></span>',
            vacancy.name,
            vacancy.venue or f"#{vacancy.pk}",
        )

    @display(description=_("State"), ordering="state")
    def state_shown(self, vacancy: Vacancy) -> SafeString:
        """Icon, word and color."""
        return chip_html(state_chip(vacancy.state))

    @display(description=_("Stock"), ordering="available")
    def stock(self, vacancy: Vacancy) -> SafeString:
        """Bar and numbers."""
        context = {"bar": stock_bar(vacancy), "with_free": True}
        return render_to_string("ticketsite/stock_bar.html", context)

    @display(description=_("Price"), ordering="price")
    def price_shown(self, vacancy: Vacancy) -> str:
        """Major units with the currency."""
        return unbroken(money(amount=vacancy.price, currency=vacancy.currency))

    @display(description=_("Starts at"))
    def starts_shown(self, vacancy: Vacancy) -> str:
        """With its zone."""
        return moment(vacancy.starts_at) or NONE

    @display(description=_("Sale window"), ordering="on_sale_from")
    def sale_window(self, vacancy: Vacancy) -> SafeString:
        """From over until, each with its zone."""
        begin, end = (moment(at) for at in (vacancy.on_sale_from, vacancy.on_sale_until))
        return format_html(
            '<span class="ts-two ts-nowrap"><span>{}</span><span>{}</span></span>',
            gettext("from %(time)s") % {"time": begin}
            if begin
            else gettext("from when it is put on sale"),
            gettext("until %(time)s") % {"time": end} if end else gettext("until it is closed"),
        )

    @display(description=_("Default"), ordering="is_default")
    def default_shown(self, vacancy: Vacancy) -> str:
        """Whether requests without a vacancy mean this one; not being it is nothing bad."""
        return chip_html(DEFAULT_CHIP) if vacancy.is_default else ""


def _twice(ask: Callable[[], HttpResponse], *overtaken: type[Exception]) -> HttpResponse:
    """Ask again if the first try failed because the rows changed after they were looked at.

    That try took everything back; the second one sees what the first did not, and says it.
    """
    try:
        return ask()
    except overtaken:
        return ask()
