"""Runs, as operators see them: a history, and for each run a page of its own."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from loadlab.archive_views import archive_urls
from loadlab.display import duration_text, run_chip, scenario_title, worst_verdict_chip
from loadlab.models import Run
from loadlab.run_page import points_view, run_view
from loadlab.scenarios import SCENARIOS
from loadlab.views import start_view, stop_view
from vacancy.display import NONE, chip_html, moment


class ScenarioFilter(admin.SimpleListFilter):
    """By scenario, with its title."""

    title = "scenario"
    parameter_name = "scenario"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer the scenarios there are."""
        return [(one.name, one.title) for one in SCENARIOS.values()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        """Keep the runs of one scenario."""
        return queryset.filter(scenario=self.value()) if self.value() else queryset


@admin.register(Run)
class RunAdmin(ModelAdmin):
    """Rows are written by the lab; people start and stop runs on pages of their own."""

    list_display = (
        "run",
        "state_shown",
        "verdict",
        "started",
        "who",
        "load",
        "rate",
        "p95",
        "sold",
        "lasted",
    )
    list_filter = ("state", ScenarioFilter)
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        """Read who asked for a run in the same query."""
        runs: QuerySet[Run] = super().get_queryset(request)
        return runs.select_related("requested_by")

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of what people and scripts do with one run."""
        return [
            self._address("stop", stop_view),
            self._address("points", points_view),
            *archive_urls(self),
            *super().get_urls(),
        ]

    def _address(self, name: str, view: Callable[..., HttpResponse]) -> URLPattern:
        checked = self.admin_site.admin_view(partial(view, self))
        address: URLPattern = path(f"<int:object_id>/{name}/", checked, name=f"loadlab_run_{name}")
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

    @display(description="Run", ordering="pk")
    def run(self, run: Run) -> SafeString:
        """Number and scenario, as people say it."""
        return format_html("<strong>{} {}</strong>", run.pk, scenario_title(run.scenario))

    @display(description="State", ordering="state")
    def state_shown(self, run: Run) -> SafeString:
        """Icon, word and color."""
        return chip_html(run_chip(run.state))

    @display(description="Worst verdict")
    def verdict(self, run: Run) -> str:
        """Nothing while it runs: no verdict is half known."""
        return NONE if run.is_active else chip_html(worst_verdict_chip(run.verdicts))

    @display(description="Started", ordering="started_at")
    def started(self, run: Run) -> str:
        """With its zone."""
        return moment(run.started_at) or "Never"

    @display(description="By", ordering="requested_by__username")
    def who(self, run: Run) -> str:
        """Name who asked for it, who may be gone."""
        return str(run.requested_by or NONE)

    @display(description="Load")
    def load(self, run: Run) -> str:
        """Users and planned duration."""
        return f"{run.user_count:,} users, {duration_text(run.duration_s)}"

    @display(description="Requests/s")
    def rate(self, run: Run) -> str:
        """Over the whole run."""
        return f"{run.summary['rate_per_s']:,.1f}" if run.summary else NONE

    @display(description="p95")
    def p95(self, run: Run) -> str:
        """Of all requests."""
        total = (run.summary or {}).get("total") or {}
        return f"{total['p95_ms']:,.1f} ms" if total.get("p95_ms") is not None else NONE

    @display(description="Sold")
    def sold(self, run: Run) -> str:
        """Places, by the vacancy's counter."""
        stock = (run.summary or {}).get("stock") or {}
        return f"{stock['sold']:,} of {stock['capacity']:,}" if stock else NONE

    @display(description="Lasted")
    def lasted(self, run: Run) -> str:
        """From the first buyer to the end."""
        if run.started_at is None or run.ended_at is None:
            return NONE
        return duration_text((run.ended_at - run.started_at).total_seconds())
