"""The sentences of "Needs you": what somebody should do something about, worst first."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext, ngettext

from vacancy.display import number
from vacancy.overview import Need

MOST = 5
Sentence = dict[str, Any]


@dataclass(frozen=True)
class Holds:
    """What the sentences say of holds."""

    overdue: int  # that are long over and still keep places
    first_ends: Mapping[int, datetime]  # by vacancy: when the first of its holds ends


def sentences(*, needs: list[Need], faults: dict[str, Any], holds: Holds) -> list[Sentence]:
    """Write at most five sentences in the language that is active now.

    In a text, {time} stands for a countdown to `until`.
    """
    lines = [*_general(faults, holds.overdue), *(_sentence(need, holds) for need in needs)]
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


def _sentence(need: Need, holds: Holds) -> Sentence:
    vacancy = need.vacancy
    text, until = _NEED_TEXTS[need.kind](vacancy, holds.first_ends.get(vacancy.pk))
    return {
        "tone": "warn" if need.kind != "late_draft" else "bad",
        "subject": vacancy.name,
        "text": text,
        "until": until and until.isoformat(),
        "url": reverse("admin:vacancy_vacancy_change", args=[vacancy.pk]),
    }


def _no_place(vacancy: Any, first_ends: datetime | None) -> tuple[str, datetime | None]:
    if not vacancy.held:
        return gettext("is sold out and still on sale."), None
    held = {"count": number(vacancy.held)}
    if first_ends is None:  # it ended between two reads
        return gettext("has no free place. %(count)s held.") % held, None
    return gettext(
        "has no free place. %(count)s held, the first hold ends in {time}."
    ) % held, first_ends


Text = Callable[[Any, datetime | None], tuple[str, datetime | None]]
_NEED_TEXTS: dict[str, Text] = {
    "late_draft": lambda _one, _ends: (gettext("should be on sale and is still a draft."), None),
    "no_place": _no_place,
    "draft": lambda one, _ends: (
        gettext("opens in {time} and is still a draft."),
        one.on_sale_from,
    ),
    "paused": lambda _one, _ends: (gettext("is paused: nobody can buy."), None),
    "over": lambda _one, _ends: (gettext("is over and still on sale: close it."), None),
}
