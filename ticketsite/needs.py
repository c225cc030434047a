"""The sentences of "Needs you": what somebody should do something about, worst first."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext, ngettext

from vacancy.display import number
from vacancy.overview import Need

MOST = 5
Sentence = dict[str, Any]


def sentences(*, needs: list[Need], faults: dict[str, Any], overdue: int) -> list[Sentence]:
    """Write at most five sentences in the language that is active now.

    `overdue` counts holds that are long over. In a text, {time} stands for a countdown to `until`.
    """
    lines = [*_general(faults, overdue), *(_sentence(need) for need in needs)]
    return lines[:MOST]


def _general(faults: dict[str, Any], overdue: int) -> Iterator[Sentence]:
    if faults["alarm"]:
        yield {
            "tone": "bad",
            "subject": gettext("Faults above %(limit)s %%")
            % {"limit": number(faults["limit_pct"])},
            "text": gettext("%(fault)s of %(total)s attempts failed in five minutes.")
            % {"fault": number(faults["fault"]), "total": number(faults["total"])},
            "since": faults["since"],
            "url": reverse("admin:tickets_purchase_changelist"),
        }
    if overdue:
        yield {
            "tone": "bad",
            "subject": ngettext("%(count)s hold is over", "%(count)s holds are over", overdue)
            % {"count": number(overdue)},
            "text": gettext("and still keep places: no worker gives them back."),
            "url": reverse("admin:vacancy_vacancy_changelist"),
        }


def _sentence(need: Need) -> Sentence:
    vacancy = need.vacancy
    text, until = _NEED_TEXTS[need.kind](vacancy)
    return {
        "tone": "warn" if need.kind != "late_draft" else "bad",
        "subject": vacancy.name,
        "text": text,
        "until": until and until.isoformat(),
        "url": reverse("admin:vacancy_vacancy_change", args=[vacancy.pk]),
    }


def _no_place(vacancy: Any) -> tuple[str, datetime | None]:
    if not vacancy.held:
        return gettext("is sold out and still on sale."), None
    held = ngettext("%(count)s held.", "%(count)s held.", vacancy.held)
    return gettext("has no free place.") + " " + held % {"count": number(vacancy.held)}, None


_NEED_TEXTS: dict[str, Callable[[Any], tuple[str, datetime | None]]] = {
    "late_draft": lambda one: (gettext("should be on sale and is still a draft."), None),
    "no_place": _no_place,
    "draft": lambda one: (gettext("opens in {time} and is still a draft."), one.on_sale_from),
    "paused": lambda one: (gettext("is paused: nobody can buy."), None),
    "over": lambda one: (gettext("is over and still on sale: close it."), None),
}
