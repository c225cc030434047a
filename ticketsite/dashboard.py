"""The first page: everything the reader may see, in the first answer; a websocket goes on."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext, ngettext

from ticketsite import overview
from ticketsite.overview import MONEY_PERMISSION, SECTIONS, Section
from vacancy.display import NONE, countdown, money_whole, number, zone

SOCKET = "/ws/dashboard/"


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add to the context of the index only what the user may see; a missing part is hidden."""
    may = request.user.has_perm
    now = timezone.now()
    sections = overview.read(now=now, wanted=[n for n, need in SECTIONS.items() if may(need)])
    if may(MONEY_PERMISSION):
        sections["money"] = overview.money(zone=timezone.get_current_timezone(), now=now)
    context |= {
        "title": gettext("Dashboard"),
        "may_start": may("loadlab.start_run"),
        "may_add_vacancy": may("vacancy.add_vacancy"),
        "clock": clock(now),
        "sections": sections,
        "page": {
            "socket": SOCKET,
            "at": now.isoformat(),
            "chips": overview.state_chips(),
            "sections": sections,
        },
    }
    return context | _shown(sections, now)


def clock(now: datetime) -> str:
    """Write the time of the day with its zone."""
    local = timezone.localtime(now)
    return f"{local:%H:%M:%S} {zone(local)}"


def _shown(sections: dict[str, Section], now: datetime) -> dict[str, Any]:
    """Return the same facts as the page's script will write them, for the first answer."""
    language = get_language() or "en"
    stock = sections.get("stock")
    runs, holds = sections.get("runs"), sections.get("holds")
    needs = sections.get("needs", {}).get(language, [])
    return {
        "tiles": _tiles(sections),
        "stock": stock and [shown_row(row, now) for row in stock["rows"]],
        "needs": [_shown_need(need, now) for need in needs] if "needs" in sections else None,
        "holds": holds and [_shown_hold(hold, now) for hold in holds["rows"]],
        "runs": runs and [_shown_run(run) for run in runs["rows"][language]],
        "active": runs and runs["active"],
        "vacancy_count": number(sections.get("totals", {}).get("vacancies", 0)),
    }


def _tiles(sections: dict[str, Section]) -> list[dict[str, Any]]:
    tiles = []
    totals, holds = sections.get("totals"), sections.get("holds")
    if totals:
        pace = sections.get("pace")
        sold_note = _last_minute(pace["last_minute"]) if pace else ""
        held_note = _ending(holds["ending"]) if holds else ""
        tiles += [
            _tile("sold", gettext("Sold"), number(totals["sold"]), sold_note),
            _tile("held", gettext("Held"), number(totals["held"]), held_note),
            _tile(
                "available",
                gettext("Available"),
                number(totals["available"]),
                _in_vacancies(totals["on_sale"]),
            ),
        ]
    if "money" in sections:
        tiles.append(_money_tile(sections["money"]))
    if "faults" in sections:
        tiles.append(_fault_tile(sections["faults"]))
    return tiles


def _tile(name: str, label: str, value: str, note: str, *, alarm: bool = False) -> dict[str, Any]:
    return {"name": name, "label": label, "value": value, "note": note, "alarm": alarm}


def _last_minute(count: int) -> str:
    return gettext("+%(count)s in the last minute") % {"count": number(count)}


def _ending(count: int) -> str:
    text = ngettext("%(count)s ends within a minute", "%(count)s end within a minute", count)
    return text % {"count": number(count)}


def _in_vacancies(count: int) -> str:
    text = ngettext("in %(count)s vacancy on sale", "in %(count)s vacancies on sale", count)
    return text % {"count": number(count)}


def _money_tile(money: Section) -> dict[str, Any]:
    today = money["today"] or [[_currency(money), 0]]
    value = money_whole(amount=today[0][1], currency=today[0][0])
    before = dict(money["yesterday"]).get(today[0][0], 0)
    note = gettext("yesterday at this time %(amount)s") % {
        "amount": money_whole(amount=before, currency=today[0][0])
    }
    others = [money_whole(amount=amount, currency=currency) for currency, amount in today[1:]]
    if others:
        note = gettext("and %(amounts)s") % {"amounts": ", ".join(others)}
    return _tile("money", gettext("Revenue today"), value, note)


def _currency(money: Section) -> str:
    return money["yesterday"][0][0] if money["yesterday"] else "EUR"


def _fault_tile(faults: Section) -> dict[str, Any]:
    value = f"{number(faults['pct'], digits=1)} %" if faults["total"] else NONE
    counts = gettext("limit %(limit)s %%: %(fault)s of %(total)s failed") % {
        "limit": number(faults["limit_pct"]),
        "fault": number(faults["fault"]),
        "total": number(faults["total"]),
    }
    note = counts if faults["total"] else gettext("nobody tried to buy")
    return _tile(
        "faults", gettext("Purchase faults, 5 min"), value, note, alarm=bool(faults["alarm"])
    )


def shown_row(row: Section, now: datetime) -> dict[str, Any]:
    """Return one vacancy's row with its texts."""
    until = parse_datetime(row["until"]) if row["until"] else None
    left = (until - now).total_seconds() if until else -1
    return row | {
        "text": gettext("%(sold)s sold, %(held)s held of %(capacity)s")
        % {name: number(row[name]) for name in ("sold", "held", "capacity")},
        "free_text": number(row["available"]),
        "chip": overview.state_chips()[row["state"]],
        "change_text": _change(row["change"], left),
    }


def no_place(row: Section, now: datetime) -> str:
    """Say that nothing is free while holds sit on places, and when the first of them ends."""
    until = parse_datetime(row["hold_until"]) if row["hold_until"] else None
    if until is None:
        return ""
    text = gettext("No free place: %(held)s held, the first hold ends in %(time)s.")
    left = countdown((until - now).total_seconds())
    return text % {"held": number(row["held"]), "time": left}


def _change(change: str, left_s: float) -> str:
    if change == "closes_sold_out":
        return gettext("closes when sold out")
    if change == "sold_out":
        return gettext("sold out")
    if left_s <= 0:
        return ""
    words = gettext("opens in %(time)s") if change == "opens" else gettext("closes in %(time)s")
    return words % {"time": countdown(left_s)}


def _shown_need(need: Section, now: datetime) -> dict[str, Any]:
    until = parse_datetime(need["until"]) if need.get("until") else None
    left = countdown((until - now).total_seconds()) if until else ""
    return need | {
        "text": need["text"].replace("{time}", left),
        "since_text": _since(parse_datetime(need["since"])) if need.get("since") else "",
    }


def _since(at: datetime | None) -> str:
    time = f"{timezone.localtime(at):%H:%M}" if at else NONE
    return " " + gettext("since %(time)s.") % {"time": time}


def _shown_hold(hold: Section, now: datetime) -> dict[str, Any]:
    until = parse_datetime(hold["until"]) or now
    places = ngettext("%(count)s place", "%(count)s places", hold["qty"])
    return hold | {
        "left": countdown((until - now).total_seconds()),
        "qty_text": places % {"count": number(hold["qty"])},
    }


def _shown_run(run: Section) -> dict[str, Any]:
    at = parse_datetime(run["at"])
    words = date_format(timezone.localtime(at), gettext("j M, H:i")) if at else NONE
    return run | {"at_text": words}
