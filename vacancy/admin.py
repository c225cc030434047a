"""Stock, as operators see and change it."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display

from vacancy import selectors, services
from vacancy.display import DEFAULT_CHIP, NONE, chip_html, moment, money, state_chip, stock_bar
from vacancy.forms import PauseDialog, PutOnSaleDialog, VacancyForm
from vacancy.models import StockMovement, Vacancy
from vacancy.views import capacity_view

PAGE = "admin:vacancy_vacancy_change"
CAPACITY = "admin:vacancy_vacancy_capacity"


class MovementInline(TabularInline):
    """The ledger of one vacancy: append-only, so nothing here can be edited."""

    model = StockMovement
    verbose_name_plural = "Ledger"
    fields = ("at", "kind", "change", "who", "reason")
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
        """Whoever sees the vacancy sees how its capacity came about."""
        return request.user.has_perm("vacancy.view_vacancy") or request.user.has_perm(
            "vacancy.change_vacancy"
        )

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Only services write the ledger."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Only services write the ledger."""
        return False

    @admin.display(description="Places")
    def change(self, movement: StockMovement) -> str:
        """Show the sign always."""
        return f"{movement.qty:+,}"

    @admin.display(description="By")
    def who(self, movement: StockMovement) -> str:
        """Name the actor, who may be gone."""
        return str(movement.actor or NONE)


@admin.register(Vacancy)
class VacancyAdmin(ModelAdmin):
    """Real stock only: what a rehearsal uses is never listed, changed or counted here."""

    form = VacancyForm
    inlines = (MovementInline,)
    list_display = ("place", "state_shown", "stock", "price_shown", "sale_window", "default_shown")
    list_filter = ("state", "is_default")
    search_fields = ("name", "venue")
    ordering = ("-id",)
    list_per_page = 50
    actions = ("put_on_sale_selected", "pause_selected", "capacity_selected")
    actions_detail = ("put_on_sale", "pause", "capacity")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Vacancy]:
        """Hide rehearsal stock."""
        return selectors.real_vacancies()

    def get_urls(self) -> list[URLPattern]:
        """Add the page that changes capacity, before the pages of single vacancies."""
        view = self.admin_site.admin_view(partial(capacity_view, self))
        own = path("capacity/", view, name="vacancy_vacancy_capacity")
        return [own, *super().get_urls()]

    def get_fieldsets(self, request: HttpRequest, obj: Vacancy | None = None) -> Any:
        """Ask for the capacity once; later it moves only through the ledger."""
        stock = ("state_shown", "stock") if obj else ("capacity",)
        return (
            (None, {"fields": (("name", "venue"), "starts_at")}),
            ("Stock", {"fields": stock}),
            ("Sale", {"fields": ("on_sale_from", "on_sale_until", "max_per_purchase")}),
            ("Price", {"fields": (("price", "currency"),)}),
            ("Requests that name no vacancy", {"fields": ("is_default",)}),
        )

    def get_readonly_fields(
        self, request: HttpRequest, obj: Vacancy | None = None
    ) -> Sequence[str]:
        """State and counters are shown, never typed."""
        return ("state_shown", "stock") if obj else ()

    def save_model(
        self, request: HttpRequest, obj: Vacancy, form: VacancyForm, change: bool
    ) -> None:
        """Write only what was typed: a full save would undo the sales made meanwhile."""
        if not change:
            obj.available = obj.initial_capacity = obj.capacity
            obj.save()
        elif form.changed_data:
            obj.save(update_fields=form.changed_data)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Say why a vacancy that sold is kept, instead of asking whether to delete it."""
        vacancy = self.get_object(request, object_id)
        if vacancy and self.has_delete_permission(request, vacancy) and (why := _why_kept(vacancy)):
            messages.error(request, why)
            return HttpResponseRedirect(reverse(PAGE, args=[vacancy.pk]))
        answer: HttpResponse = super().delete_view(request, object_id, extra_context)
        return answer

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """Refuse with one sentence instead of a list of every purchase."""
        protected = [text for vacancy in objs if (text := _why_kept(vacancy))]
        if protected:
            return [], {}, set(), protected
        return super().get_deleted_objects(objs, request)  # type: ignore[no-any-return]

    @display(description="Vacancy", ordering="name")
    def place(self, vacancy: Vacancy) -> SafeString:
        """Name over venue."""
        return format_html(
            '<span class="ts-two"><strong>{}</strong><span>{}</span></span>',
            vacancy.name,
            vacancy.venue or f"#{vacancy.pk}",
        )

    @display(description="State", ordering="state")
    def state_shown(self, vacancy: Vacancy) -> SafeString:
        """Icon, word and color."""
        return chip_html(state_chip(vacancy.state))

    @display(description="Stock", ordering="available")
    def stock(self, vacancy: Vacancy) -> SafeString:
        """Bar and numbers."""
        context = {"bar": stock_bar(vacancy), "with_free": True}
        return render_to_string("ticketsite/stock_bar.html", context)

    @display(description="Price", ordering="price")
    def price_shown(self, vacancy: Vacancy) -> str:
        """Major units with the currency."""
        return money(amount=vacancy.price, currency=vacancy.currency)

    @display(description="Sale window", ordering="on_sale_from")
    def sale_window(self, vacancy: Vacancy) -> SafeString:
        """From over until, each with its zone."""
        begin, end = (moment(at) for at in (vacancy.on_sale_from, vacancy.on_sale_until))
        return format_html(
            '<span class="ts-two"><span>{}</span><span>{}</span></span>',
            f"from {begin}" if begin else "from once on sale",
            f"until {end}" if end else "until closed",
        )

    @display(description="Default", ordering="is_default")
    def default_shown(self, vacancy: Vacancy) -> str:
        """Whether requests without a vacancy mean this one; not being it is nothing bad."""
        return chip_html(DEFAULT_CHIP) if vacancy.is_default else ""

    @action(description="Put on sale", permissions=["change"])
    def put_on_sale_selected(self, request: HttpRequest, queryset: QuerySet[Vacancy]) -> None:
        """Open the chosen ones that are drafts or paused."""
        moved = sum(_open(request, pk) for pk in _ids(queryset))
        _tell(request, moved, queryset.count(), done="put on sale", else_="on sale already")

    @action(description="Pause sale", permissions=["change"])
    def pause_selected(self, request: HttpRequest, queryset: QuerySet[Vacancy]) -> None:
        """Stop the chosen ones that are on sale."""
        moved = sum(_pause(request, pk) for pk in _ids(queryset))
        _tell(request, moved, queryset.count(), done="paused", else_="not on sale")

    @action(description="Change capacity…", permissions=["change"])
    def capacity_selected(
        self, request: HttpRequest, queryset: QuerySet[Vacancy]
    ) -> HttpResponseRedirect:
        """Ask by how many, and why."""
        ids = ",".join(str(pk) for pk in _ids(queryset))
        return HttpResponseRedirect(f"{reverse(CAPACITY)}?ids={ids}")

    @action(
        description="Put on sale",
        permissions=["change"],
        url_path="put-on-sale",
        icon="sell",
        dialog={
            "title": "Put on sale?",
            "description": "Buyers can buy at once, or as soon as the sale window opens.",
            "form_class": PutOnSaleDialog,
            "form_submit_text": "Put on sale",
        },
    )
    def put_on_sale(
        self, request: HttpRequest, form: PutOnSaleDialog, object_id: str
    ) -> HttpResponse:
        """Open this one."""
        vacancy = get_object_or_404(self.get_queryset(request), pk=object_id)
        if _open(request, vacancy.pk):
            messages.success(request, f"{vacancy} is on sale.")
        else:
            word = vacancy.get_state_display().lower()
            messages.warning(request, f"Nothing changed: {vacancy} is {word}.")
        return _leave_dialog(reverse(PAGE, args=[vacancy.pk]))

    @action(
        description="Pause sale",
        permissions=["change"],
        url_path="pause",
        icon="pause",
        dialog={
            "title": "Pause the sale?",
            "description": "Buyers are turned away at once. Places already sold stay sold.",
            "form_class": PauseDialog,
            "form_submit_text": "Pause sale",
        },
    )
    def pause(self, request: HttpRequest, form: PauseDialog, object_id: str) -> HttpResponse:
        """Stop this one."""
        vacancy = get_object_or_404(self.get_queryset(request), pk=object_id)
        if _pause(request, vacancy.pk):
            messages.success(request, f"{vacancy} is paused.")
        else:
            word = vacancy.get_state_display().lower()
            messages.warning(request, f"Nothing changed: {vacancy} is {word}, not on sale.")
        return _leave_dialog(reverse(PAGE, args=[vacancy.pk]))

    @action(
        description="Change capacity",
        permissions=["change"],
        url_path="capacity",
        icon="swap_vert",
    )
    def capacity(self, request: HttpRequest, object_id: str) -> HttpResponseRedirect:
        """Ask by how many, and why."""
        return HttpResponseRedirect(f"{reverse(CAPACITY)}?ids={object_id}")


def _ids(queryset: QuerySet[Vacancy]) -> list[int]:
    return sorted(queryset.values_list("pk", flat=True))


def _tell(request: HttpRequest, moved: int, chosen: int, *, done: str, else_: str) -> None:
    if moved:
        messages.success(request, f"{moved} {done}.")
    if left := chosen - moved:
        messages.warning(
            request, f"{left} left as {'it was' if left == 1 else 'they were'}: {else_}."
        )


def _leave_dialog(url: str) -> HttpResponse:
    # The dialog posts through htmx, which would paint a redirect's page into the dialog.
    return HttpResponse(headers={"HX-Redirect": url})


def _why_kept(vacancy: Vacancy) -> str:
    count = vacancy.purchases.count()
    if not count:
        return ""
    what = "1 purchase" if count == 1 else f"{count:,} purchases"
    return f"{vacancy} has {what}: what was sold stays on record. Pause it instead."


def _open(request: HttpRequest, vacancy_id: int) -> bool:
    return services.put_on_sale(vacancy_id=vacancy_id, actor=_actor(request), now=timezone.now())


def _pause(request: HttpRequest, vacancy_id: int) -> bool:
    return services.pause(vacancy_id=vacancy_id, actor=_actor(request), now=timezone.now())


def _actor(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None
