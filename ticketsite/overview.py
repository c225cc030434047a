"""What the dashboard shows, read in one go and ready for JSON: sections by name.

Note [One message for many readers]
    Hundreds of dashboards may be open, in two languages and many zones. So the sections hold
    numbers and instants, which each page writes in its own way; what is a sentence comes in
    every language of the site at once. Only money is apart: what is "today" depends on the zone.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime, timedelta, tzinfo
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext, ngettext

from loadlab import selectors as lab
from loadlab.display import duration_text, run_chip, scenario_title, worst_verdict_chip
from tickets import sales
from tickets.sales import MINUTE, RecentSales
from vacancy import overview as stock
from vacancy.display import Chip, number, state_chip, stock_bar

STOCK_ROWS = 20
HOLD_ROWS = 5
NEED_ROWS = 5
RUN_ROWS = 5
FAULT_WINDOW = 5 * MINUTE
FAULT_LIMIT_PCT = 1.0
CHART_MINUTES = 60

# Which permission a section needs. Nobody is sent what they could not open.
SECTIONS = {
    "totals": "vacancy.view_vacancy",
    "stock": "vacancy.view_vacancy",
    "needs": "vacancy.view_vacancy",
    "pace": "tickets.view_purchase",
    "faults": "tickets.view_purchase",
    "holds": "tickets.view_purchase",
    "runs": "loadlab.view_run",
}
MONEY_PERMISSION = "tickets.view_purchase"

RECENT = RecentSales()  # of this process
Section = dict[str, Any]


def read(*, now: datetime) -> dict[str, Section]:
    """Read every section; the number of queries does not depend on the number of rows."""
    RECENT.update(now=now)
    attempts = sales.attempts_by_minute(since=now - timedelta(hours=1))
    faults = _faults(attempts, now)
    ending, overdue = sales.holds_ending_count(now=now, within=MINUTE)
    return {
        "totals": asdict(stock.totals()),
        "stock": {"rows": [stock_row(one) for one in stock.most_relevant(limit=STOCK_ROWS)]},
        "needs": by_language(lambda needs=_needs(now): _sentences(needs, faults, overdue)),
        "pace": _pace(now),
        "faults": faults,
        "holds": {"ending": ending, "rows": [_hold_row(one) for one in _ending()]},
        "runs": _runs(),
    }


def money(*, zone: tzinfo, now: datetime) -> Section:
    """Return today's revenue by currency in this zone, and yesterday's at this time of the day."""
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday = (midnight - timedelta(hours=12)).replace(hour=0)
    today = RECENT.money(since=midnight, until=now)
    before = RECENT.money(since=yesterday, until=now - timedelta(days=1))
    return {"today": _largest_first(today), "yesterday": _largest_first(before)}


def _largest_first(amounts: dict[str, int]) -> list[list[Any]]:
    return [[currency, amount] for currency, amount in sorted(amounts.items(), key=lambda x: -x[1])]


def by_language(write: Callable[[], Any]) -> Section:
    """Write the same thing in every language of the site."""
    written: Section = {}
    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            written[code] = write()
    return written


def _pace(now: datetime) -> Section:
    minutes = RECENT.per_minute(now=now, count=CHART_MINUTES)
    last = sales.sold_since(since=now - MINUTE) if any(minutes[-2:]) else 0
    return {"minutes": minutes, "last_minute": last, "until": sales.floor(now).isoformat()}


def _faults(attempts: dict[datetime, sales.Attempts], now: datetime) -> Section:
    recent = [one for at, one in attempts.items() if at > now - FAULT_WINDOW]
    both = sales.Attempts(sum(one.total for one in recent), sum(one.fault for one in recent))
    alarm = both.fault_pct > FAULT_LIMIT_PCT
    return {
        "total": both.total,
        "fault": both.fault,
        "pct": round(both.fault_pct, 1),
        "limit_pct": FAULT_LIMIT_PCT,
        "alarm": alarm,
        "since": _alarm_began(attempts) if alarm else None,
    }


def _alarm_began(attempts: dict[datetime, sales.Attempts]) -> str | None:
    """Return the first of the latest unbroken row of minutes that were above the limit."""
    began: datetime | None = None
    for at, one in reversed(attempts.items()):
        if one.fault_pct > FAULT_LIMIT_PCT:
            began = at
        elif began is not None:
            break
    return began.isoformat() if began else None


def stock_row(vacancy: Any) -> Section:
    """Return one vacancy with its counters, its bar and the next change of its state."""
    bar = stock_bar(vacancy)
    change, at = _next_change(vacancy)
    return {
        "id": vacancy.pk,
        "name": vacancy.name,
        "venue": vacancy.venue,
        "url": reverse("admin:vacancy_vacancy_change", args=[vacancy.pk]),
        "state": vacancy.state,
        "sold": vacancy.sold,
        "held": vacancy.held,
        "available": vacancy.available,
        "capacity": vacancy.capacity,
        "sold_pct": bar.sold_pct,
        "held_pct": bar.held_pct,
        "change": change,
        "until": at and at.isoformat(),
    }


def _next_change(vacancy: Any) -> tuple[str, datetime | None]:
    """Say what the sale window does next: whoever reads it sees whether it is still to come."""
    if vacancy.state == "draft":
        return "opens", vacancy.on_sale_from
    if vacancy.state in {"on_sale", "paused"}:
        return "closes", vacancy.on_sale_until
    return "", None


def _ending() -> list[Any]:
    return sales.holds_ending(limit=HOLD_ROWS)


def _hold_row(hold: Any) -> Section:
    return {
        "id": str(hold.pk),
        "vacancy": hold.vacancy.name,
        "url": reverse("admin:vacancy_vacancy_change", args=[hold.vacancy_id]),
        "qty": hold.qty,
        "key": hold.client.name if hold.client else "",
        "until": hold.expires_at.isoformat(),
    }


# ------------------------------------------------------------------------------------- needs you


def _needs(now: datetime) -> list[stock.Need]:
    return stock.needs(now=now, limit=NEED_ROWS)


def _sentences(needs: list[stock.Need], faults: Section, overdue: int) -> list[Section]:
    """Write at most five sentences, worst first; {time} stands for a countdown to `until`."""
    lines = list(_general(faults, overdue)) + [_sentence(need) for need in needs]
    return lines[:NEED_ROWS]


def _general(faults: Section, overdue: int) -> Iterator[Section]:
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
            "subject": ngettext(
                "%(count)s hold is over", "%(count)s holds are over", overdue
            )
            % {"count": number(overdue)},
            "text": gettext("and still keep places: no worker gives them back."),
            "url": reverse("admin:vacancy_vacancy_changelist"),
        }


def _sentence(need: stock.Need) -> Section:
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


# ------------------------------------------------------------------------------------------- runs


def _runs() -> Section:
    runs = lab.latest_runs(limit=RUN_ROWS)
    active = next((run for run in runs if run.is_active), None)
    return {
        "rows": by_language(lambda: [_run_row(run) for run in runs]),
        "active": active and _active_run(active),
    }


def _active_run(run: Any) -> Section:
    ends = run.started_at + timedelta(seconds=run.duration_s) if run.started_at else None
    return {"id": run.pk, "url": _run_url(run), "until": ends and ends.isoformat()}


def _run_row(run: Any) -> Section:
    chip = run_chip(run.state) if run.is_active else worst_verdict_chip(run.verdicts)
    return {
        "id": run.pk,
        "title": f"{run.pk} {scenario_title(run.scenario)}",
        "url": _run_url(run),
        "at": (run.started_at or run.requested_at).isoformat(),
        "text": _run_text(run),
        "chip": chip_words(chip),
    }


def _run_url(run: Any) -> str:
    return reverse("admin:loadlab_run_change", args=[run.pk])


def _run_text(run: Any) -> str:
    load = ngettext("%(count)s user", "%(count)s users", run.user_count)
    parts = [load % {"count": number(run.user_count)}, duration_text(run.duration_s)]
    total = (run.summary or {}).get("total") or {}
    if total.get("p95_ms") is not None:
        parts.append(f"p95 {number(total['p95_ms'], digits=1)} ms")
    return ", ".join(parts)


def chip_words(chip: Chip) -> dict[str, str]:
    """Return a chip with its label in the language that is active now."""
    return {"label": str(chip.label), "icon": chip.icon, "tone": chip.tone}


def state_chips() -> dict[str, dict[str, str]]:
    """Return the chip of every state a vacancy may have, in the language that is active now."""
    return {state: chip_words(state_chip(state)) for state in ("draft", "on_sale", "paused", "closed")}


