"""What operators do to stock: put on sale, pause, stop; each in the ledger and in the log."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, ngettext
from unfold.decorators import action

from vacancy import services
from vacancy.dialogs import asking_action
from vacancy.display import number
from vacancy.forms import PauseDialog, PutOnSaleDialog, StopDialog
from vacancy.models import Vacancy
from vacancy.notes import note

if TYPE_CHECKING:
    from unfold.admin import ModelAdmin as _Base
else:
    _Base = object

PAGE = "admin:vacancy_vacancy_change"
CAPACITY = "admin:vacancy_vacancy_capacity"


@dataclass(frozen=True)
class Move:
    """One move of the sale: the service that makes it, and how it is told."""

    service: Callable[..., bool]
    done: Promise
    not_done: Promise
    logged: str

    def make(self, request: HttpRequest, vacancy_id: int, now: datetime) -> bool:
        """Make it; say whether it changed anything."""
        return self.service(vacancy_id=vacancy_id, actor=actor_of(request), now=now)


PUT_ON_SALE = Move(
    services.put_on_sale,
    _("%(vacancy)s is on sale."),
    _("Nothing changed: %(vacancy)s was on sale already."),
    gettext_noop("Put on sale."),
)
PAUSE = Move(
    services.pause,
    _("%(vacancy)s is paused."),
    _("Nothing changed: %(vacancy)s was not on sale."),
    gettext_noop("Paused."),
)
STOP = Move(
    services.close,
    _("The sale of %(vacancy)s is stopped."),
    _("Nothing changed: the sale of %(vacancy)s was over already."),
    gettext_noop("Sale stopped."),
)


def actor_of(request: HttpRequest) -> User | None:
    """Return who is doing it."""
    return request.user if isinstance(request.user, User) else None


# Which of the moves make sense in which state; a page offers no others.
OFFERED = {
    Vacancy.State.DRAFT: ("put_on_sale", "capacity"),
    Vacancy.State.ON_SALE: ("pause", "stop", "capacity"),
    Vacancy.State.PAUSED: ("put_on_sale", "stop", "capacity"),
    Vacancy.State.CLOSED: ("put_on_sale", "capacity"),
}


class StockActions(_Base):
    """The actions of lists and of single pages; each asks first and needs the permission."""

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Offer what makes sense in the state that the vacancy is in."""
        vacancy = self.get_object(request, object_id)
        offered = OFFERED[vacancy.state] if vacancy else ()
        names = {f"vacancy_vacancy_{name}" for name in offered}
        actions = super().get_actions_detail(request, object_id)
        return [one for one in actions if one.action_name in names]

    def _move_one(self, request: HttpRequest, vacancy: Vacancy, move: Move) -> str:
        if move.make(request, vacancy.pk, timezone.now()):
            self.log_change(request, vacancy, note(move.logged))
            messages.success(request, move.done % {"vacancy": vacancy})
        else:
            messages.warning(request, move.not_done % {"vacancy": vacancy})
        return reverse(PAGE, args=[vacancy.pk])

    def _move_chosen(self, request: HttpRequest, chosen: QuerySet[Vacancy], move: Move) -> None:
        now, moved, left = timezone.now(), 0, 0
        for vacancy in chosen.order_by("pk"):
            if move.make(request, vacancy.pk, now):
                self.log_change(request, vacancy, note(move.logged))
                moved += 1
            else:
                left += 1
        _tell(request, moved, left)

    @action(description=_("Put on sale"), permissions=["change"])
    def put_on_sale_selected(self, request: HttpRequest, queryset: QuerySet[Vacancy]) -> None:
        """Open the chosen ones."""
        self._move_chosen(request, queryset, PUT_ON_SALE)

    @action(description=_("Pause sale"), permissions=["change"])
    def pause_selected(self, request: HttpRequest, queryset: QuerySet[Vacancy]) -> None:
        """Stop the chosen ones that are on sale, for now."""
        self._move_chosen(request, queryset, PAUSE)

    @action(description=_("Change capacity…"), permissions=["change"])
    def capacity_selected(
        self, request: HttpRequest, queryset: QuerySet[Vacancy]
    ) -> HttpResponseRedirect:
        """Ask by how many, and why."""
        ids = ",".join(str(pk) for pk in sorted(queryset.values_list("pk", flat=True)))
        return HttpResponseRedirect(f"{reverse(CAPACITY)}?ids={ids}")

    @asking_action(
        label=_("Put on sale"),
        title=_("Put on sale?"),
        text=_("Buyers can buy at once, or as soon as the sale window opens."),
        form_class=PutOnSaleDialog,
        permission="change",
        url_path="put-on-sale",
        icon="sell",
    )
    def put_on_sale(self, request: HttpRequest, form: PutOnSaleDialog, vacancy: Vacancy) -> str:
        """Open this one, or open it again."""
        return self._move_one(request, vacancy, PUT_ON_SALE)

    @asking_action(
        label=_("Pause sale"),
        title=_("Pause the sale?"),
        text=_(
            "Buyers are turned away at once. Places already sold stay sold, and who holds "
            "places can still buy them."
        ),
        form_class=PauseDialog,
        permission="change",
        url_path="pause",
        icon="pause",
    )
    def pause(self, request: HttpRequest, form: PauseDialog, vacancy: Vacancy) -> str:
        """Stop this one for now."""
        return self._move_one(request, vacancy, PAUSE)

    @asking_action(
        label=_("Stop sale"),
        title=_("Stop the sale?"),
        text=_(
            "Nobody can buy any more, from this moment on. Places already sold stay sold; "
            "putting it on sale again is possible."
        ),
        form_class=StopDialog,
        permission="change",
        url_path="stop",
        icon="block",
    )
    def stop(self, request: HttpRequest, form: StopDialog, vacancy: Vacancy) -> str:
        """End the sale of this one."""
        return self._move_one(request, vacancy, STOP)

    @action(
        description=_("Change capacity"),
        permissions=["change"],
        url_path="capacity",
        icon="swap_vert",
    )
    def capacity(self, request: HttpRequest, object_id: str) -> HttpResponseRedirect:
        """Ask by how many, and why."""
        return HttpResponseRedirect(f"{reverse(CAPACITY)}?ids={object_id}")

    @action(
        description=_("Import from CSV"),
        permissions=["add"],
        url_path="import",
        icon="upload_file",
    )
    def import_csv(self, request: HttpRequest) -> HttpResponseRedirect:
        """Go to the page that looks at a file first."""
        return HttpResponseRedirect(reverse("admin:vacancy_vacancy_import_rows"))


def _tell(request: HttpRequest, moved: int, left: int) -> None:
    if moved:
        text = ngettext("%(count)s vacancy changed.", "%(count)s vacancies changed.", moved)
        messages.success(request, text % {"count": moved})
    if left:
        text = ngettext(
            "%(count)s vacancy was left as it was.",
            "%(count)s vacancies were left as they were.",
            left,
        )
        messages.warning(request, text % {"count": left})


def why_kept(vacancy: Any) -> str:
    """Say why a vacancy cannot be deleted; empty if it can."""
    count = vacancy.purchases.count()
    if not count:
        return ""
    text = ngettext(
        "%(vacancy)s has %(count)s purchase: what was sold stays on record. Pause it instead.",
        "%(vacancy)s has %(count)s purchases: what was sold stays on record. Pause it instead.",
        count,
    )
    return text % {"vacancy": vacancy, "count": number(count)}
