"""Runs, as operators see them: a history, and for each run a page of its own."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from loadlab.archive_views import archive_urls
from loadlab.compare_page import compare_view
from loadlab.curves import sparkline
from loadlab.display import (
    VERDICT_CHIPS,
    duration_text,
    run_chip,
    scenario_title,
    worst_verdict_chip,
)
from loadlab.history_page import PARAMETER, load_text, trend_context, with_curves
from loadlab.models import Run
from loadlab.run_page import points_view, run_view
from loadlab.scenarios import SCENARIOS
from loadlab.views import start_view, stop_view
from vacancy.display import NONE, chip_html, moment, number, unbroken
from vacancy.model_admin import SiteModelAdmin


class ScenarioFilter(admin.SimpleListFilter):
    """By scenario, with its title."""

    title = _("scenario")
    parameter_name = "scenario"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer the scenarios there are."""
        return [(name, scenario_title(name)) for name in SCENARIOS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        """Keep the runs of one scenario."""
        return queryset.filter(scenario=self.value()) if self.value() else queryset


class VerdictFilter(admin.SimpleListFilter):
    """By what a run's budget, integrity or comparison came to."""

    title = _("verdict")
    parameter_name = "verdict"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer what can go wrong, and what did not."""
        return [(outcome, VERDICT_CHIPS[outcome].label) for outcome in VERDICT_CHIPS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        """Keep the runs with at least one verdict of this outcome."""
        outcome = self.value()
        if outcome not in VERDICT_CHIPS:
            return queryset
        # As text: SQLite has no containment for JSON, and these words stand nowhere else in it.
        text = Cast("verdicts", TextField())
        return queryset.annotate(told=text).filter(told__contains=f'"outcome": "{outcome}"')


class LikenessFilter(admin.SimpleListFilter):
    """By fingerprint: runs that may be compared. Offered only once one was chosen."""

    title = _("same settings and machine")
    parameter_name = PARAMETER

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Name the one that was chosen; a fingerprint itself tells nobody anything."""
        wanted = request.GET.get(PARAMETER, "")
        return [(wanted, _("As chosen"))] if wanted else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        """Keep the runs of one fingerprint."""
        return queryset.filter(fingerprint=self.value()) if self.value() else queryset


@admin.register(Run)
class RunAdmin(SiteModelAdmin):
    """Rows are written by the lab; people start and stop runs on pages of their own."""

    list_display = (
        "run",
        "state_shown",
        "verdict",
        "load",
        "rate",
        "p95",
        "sold",
    )
    list_filter = ("state", ScenarioFilter, VerdictFilter, LikenessFilter)
    list_per_page = 25
    list_before_template = "admin/loadlab/run/trend.html"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the trend above the rows."""
        context = {**(extra_context or {}), **trend_context(request)}
        answer: HttpResponse = super().changelist_view(request, context)
        return answer

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Give the rows of this page their curves."""
        found = super().get_changelist_instance(request)
        found.result_list = with_curves(list(found.result_list))
        return found

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        """Read who asked for a run in the same query."""
        runs: QuerySet[Run] = super().get_queryset(request)
        return runs.select_related("requested_by")

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of what people and scripts do with one run."""
        return [
            self._address("compare/", "compare", compare_view),
            self._address("<int:object_id>/stop/", "stop", stop_view),
            self._address("<int:object_id>/points/", "points", points_view),
            *archive_urls(self),
            *super().get_urls(),
        ]

    def _address(self, route: str, name: str, view: Callable[..., HttpResponse]) -> URLPattern:
        checked = self.admin_site.admin_view(partial(view, self))
        address: URLPattern = path(route, checked, name=f"loadlab_run_{name}")
        return address

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Start a rehearsal instead of typing a row."""
        return start_view(self, request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Watch the run instead of a form."""
        return run_view(self, request, object_id)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Starting a run has a permission of its own."""
        return request.user.has_perm("loadlab.start_run")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """What was measured stays as it was measured."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never in bulk: a run is deleted on a page of its own, see `archive_views`."""
        return False

    @display(description=_("Run"), ordering="pk")
    def run(self, run: Run) -> SafeString:
        """Number and scenario, as people say it; when, and by whom, who may be gone."""
        when = moment(run.started_at) or str(_("Never started"))
        who = f", {run.requested_by}" if run.requested_by else ""
        return _two(f"{run.pk} {scenario_title(run.scenario)}", f"{when}{who}")

    @display(description=_("State"), ordering="state")
    def state_shown(self, run: Run) -> SafeString:
        """Icon, word and color."""
        return chip_html(run_chip(run.state))

    @display(description=_("Worst verdict"))
    def verdict(self, run: Run) -> str:
        """Nothing while it runs: no verdict is half known."""
        return NONE if run.is_active else chip_html(worst_verdict_chip(run.verdicts))

    @display(description=_("Load"))
    def load(self, run: Run) -> SafeString:
        """Users and planned duration; how long it lasted, from the first buyer to the end."""
        return _two(load_text(run), _lasted(run))

    @display(description=_("Requests/s"))
    def rate(self, run: Run) -> str:
        """Over the whole run, and its curve."""
        text = number(run.summary["rate_per_s"], digits=1) if run.summary else NONE
        return _with_curve(text, run, "rate")

    @display(description=_("Latency p95"))
    def p95(self, run: Run) -> str:
        """Of all requests, and its curve."""
        value = ((run.summary or {}).get("total") or {}).get("p95_ms")
        text = NONE if value is None else f"{number(value, digits=1)} ms"
        return _with_curve(text, run, "p95")

    @display(description=_("Sold"))
    def sold(self, run: Run) -> str:
        """Places, by the vacancy's counter."""
        stock = (run.summary or {}).get("stock") or {}
        if not stock:
            return NONE
        values = {"sold": number(stock["sold"]), "capacity": number(stock["capacity"])}
        return unbroken(_("%(sold)s of %(capacity)s") % values)


def _two(bold: str, quiet: str) -> SafeString:
    return format_html(
        '<span class="ts-two"><strong class="ts-nowrap">{}</strong><span>{}</span></span>',
        bold,
        quiet,
    )


def _lasted(run: Run) -> str:
    if run.started_at is None or run.ended_at is None:
        return ""
    lasted = duration_text((run.ended_at - run.started_at).total_seconds())
    return _("lasted %(time)s") % {"time": lasted}


def _with_curve(text: str, run: Run, name: str) -> SafeString:
    curve = sparkline([row[name] for row in getattr(run, "curve", ())], color=name)
    return format_html('<span class="ts-with-spark"><span>{}</span>{}</span>', text, curve)
