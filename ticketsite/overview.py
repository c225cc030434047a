"""What the live pages show, read in one go and ready for JSON: sections by name.

Note [One message for many readers]
    Hundreds of dashboards may be open, in two languages and many zones. So the sections hold
    numbers and instants, which each page writes in its own way; what is a sentence comes in
    every language of the site at once. Only money is apart: what is "today" depends on the zone.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta, tzinfo
from functools import cached_property
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import ngettext

from loadlab import selectors as lab
from loadlab.display import duration_text, run_chip, scenario_title, worst_verdict_chip
from tickets import sales
from tickets.sales import MINUTE, RecentSales
from ticketsite.needs import Holds, sentences
from vacancy import overview as stock
from vacancy.display import Chip, number, state_chip, stock_bar

STOCK_ROWS = 20
HOLD_ROWS = 5
NEED_ROWS = 5
RUN_ROWS = 5
FAULT_WINDOW = 5 * MINUTE
FAULT_LIMIT_PCT = 1.0
CHART_MINUTES = 60

# Which permission a section of the dashboard needs. Nobody is sent what they could not open.
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
# Sections of other pages are named after a vacancy: "vacancy:7", "door:7".
ONE_VACANCY = {"vacancy": "vacancy.view_vacancy", "door": "tickets.view_ticket"}

RECENT = RecentSales()  # of this process
Section = dict[str, Any]


def read(*, now: datetime, wanted: Iterable[str]) -> dict[str, Section]:
    """Read these sections; the number of queries does not depend on the number of rows."""
    look = _Look(now)
    sections: dict[str, Section] = {}
    by_vacancy: dict[str, list[int]] = {kind: [] for kind in ONE_VACANCY}
    for name in sorted(wanted):
        kind, _, vacancy = name.partition(":")
        if vacancy:
            by_vacancy[kind].append(int(vacancy))
        else:
            sections[name] = getattr(look, name)
    if by_vacancy["vacancy"]:
        rows = single_rows(stock.by_ids(by_vacancy["vacancy"]))
        sections |= {f"vacancy:{row['id']}": row for row in rows}
    for pk, door in sales.doors(by_vacancy["door"]).items() if by_vacancy["door"] else ():
        sections[f"door:{pk}"] = asdict(door)
    return sections


class _Look:
    """One look at everything; what several sections need is read once."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    @cached_property
    def _attempts(self) -> dict[datetime, sales.Attempts]:
        return sales.attempts_by_minute(since=self.now - timedelta(hours=1))

    @cached_property
    def _hold_counts(self) -> tuple[int, int]:
        return sales.holds_ending_count(now=self.now, within=MINUTE)

    @cached_property
    def totals(self) -> Section:
        return asdict(stock.totals())

    @cached_property
    def stock(self) -> Section:
        return {"rows": [stock_row(one) for one in stock.most_relevant(limit=STOCK_ROWS)]}

    @cached_property
    def needs(self) -> Section:
        needs = stock.needs(now=self.now, limit=NEED_ROWS)
        _ending, overdue = self._hold_counts
        full = [one.vacancy.pk for one in needs if one.kind == "no_place" and one.vacancy.held]
        holds = Holds(overdue, sales.first_hold_ends(full) if full else {})
        return by_language(lambda: sentences(needs=needs, faults=self.faults, holds=holds))

    @cached_property
    def pace(self) -> Section:
        RECENT.update(now=self.now)
        minutes = RECENT.per_minute(now=self.now, count=CHART_MINUTES)
        last = sales.sold_since(since=self.now - MINUTE) if any(minutes[-2:]) else 0
        until = sales.floor(self.now).isoformat()
        return {"minutes": minutes, "last_minute": last, "until": until}

    @cached_property
    def faults(self) -> Section:
        return _faults(self._attempts, self.now)

    @cached_property
    def holds(self) -> Section:
        ending, _overdue = self._hold_counts
        rows = [_hold_row(one) for one in sales.holds_ending(limit=HOLD_ROWS)]
        return {"ending": ending, "rows": rows}

    @cached_property
    def runs(self) -> Section:
        runs = lab.latest_runs(limit=RUN_ROWS)
        active = next((run for run in runs if run.is_active), None)
        rows = by_language(lambda: [_run_row(run) for run in runs])
        return {"rows": rows, "active": active and _active_run(active)}


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


def single_rows(vacancies: Sequence[Any]) -> list[Section]:
    """Return vacancies for their own pages: of full ones also when the first hold ends."""
    full = [one.pk for one in vacancies if one.held and not one.available]
    ends = sales.first_hold_ends(full) if full else {}
    rows = []
    for one in vacancies:
        until = ends.get(one.pk)
        rows.append(stock_row(one) | {"hold_until": until and until.isoformat()})
    return rows


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
    """Say what the sale does next: whoever reads it sees whether it is still to come.

    A sale that ends by itself says so before, and afterwards why it is closed.
    """
    if vacancy.state == "draft":
        return "opens", vacancy.on_sale_from
    if vacancy.state == "closed":
        return "" if vacancy.available else "sold_out", None
    if vacancy.close_when_sold_out and vacancy.on_sale_until is None:
        return "closes_sold_out", None
    return "closes", vacancy.on_sale_until


def _hold_row(hold: Any) -> Section:
    return {
        "id": str(hold.pk),
        "vacancy": hold.vacancy.name,
        "url": reverse("admin:vacancy_vacancy_change", args=[hold.vacancy_id]),
        "qty": hold.qty,
        "key": hold.client.name if hold.client else "",
        "until": hold.expires_at.isoformat(),
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
    return {
        state: chip_words(state_chip(state)) for state in ("draft", "on_sale", "paused", "closed")
    }
