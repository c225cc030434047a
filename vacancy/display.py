"""How stock is shown to people: chips, bars, prices. Every page of the admin uses these."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from vacancy.models import Vacancy

# ISO 4217 currencies whose minor unit is not a hundredth.
MINOR_DIGITS = {
    **dict.fromkeys(("CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
NONE = "\N{EN DASH}"  # stands where there is nothing to show


@dataclass(frozen=True)
class Chip:
    """A state as icon, word and color: none of the three alone carries it."""

    label: str | Promise
    icon: str  # a name from Material Symbols, which the theme packages
    tone: str  # ok, bad, warn, busy or quiet


VACANCY_CHIPS = {
    Vacancy.State.DRAFT: Chip(_("Draft"), "edit", "quiet"),
    Vacancy.State.ON_SALE: Chip(_("On sale"), "check", "ok"),
    Vacancy.State.PAUSED: Chip(_("Paused"), "pause", "warn"),
    Vacancy.State.CLOSED: Chip(_("Closed"), "lock", "quiet"),
}

MOVEMENT_KINDS = {
    "capacity": _("Capacity"),
    "released": _("Hold released"),
    "expired": _("Hold expired"),
    "cancelled": _("Purchase cancelled"),
    "state": _("State"),
}
# What the services themselves write; the rest is what people typed.
MOVEMENT_REASONS = {
    "Put on sale": _("Put on sale"),
    "Paused": _("Paused"),
    "Closed": _("Closed"),
    "Sold out: closed": _("Sold out: closed"),
}
GIVEN_BACK = {
    re.compile(r"^Hold (?P<id>\S+) expired$"): _("Hold %(id)s"),
    re.compile(r"^Hold (?P<id>\S+) released by (?P<who>.*)$"): _("Hold %(id)s, by %(who)s"),
    re.compile(r"^Purchase (?P<id>\S+) cancelled: by its client$"): _(
        "Purchase %(id)s: by its client"
    ),
    re.compile(r"^Purchase (?P<id>\S+) cancelled: (?P<why>.*)$"): _("Purchase %(id)s: %(why)s"),
}
DEFAULT_CHIP = Chip(_("Default"), "star", "quiet")


def chip_html(chip: Chip) -> SafeString:
    """Render a chip for a table cell."""
    return render_to_string("ticketsite/chip.html", {"chip": chip})


def two_lines(first: str, second: str) -> SafeString:
    """Put a quiet line below another one, for a table cell."""
    markup = '<span class="ts-two"><span class="ts-first">{}</span><span>{}</span></span>'
    return format_html(markup, first, second)


def unbroken(text: str) -> SafeString:
    """Keep a value on one line, for a table cell."""
    return format_html('<span class="ts-nowrap">{}</span>', text)


def state_chip(state: str) -> Chip:
    """Return the chip of a vacancy's state."""
    return VACANCY_CHIPS[Vacancy.State(state)]


def movement_kind(kind: str) -> str:
    """Name what moved the counters."""
    return str(MOVEMENT_KINDS.get(kind, kind))


def movement_reason(reason: str) -> str:
    """Tell in the reader's language why the counters moved; what people typed stays as it is."""
    if reason in MOVEMENT_REASONS:
        return str(MOVEMENT_REASONS[reason])
    for pattern, words in GIVEN_BACK.items():
        if found := pattern.match(reason):
            return str(words) % found.groupdict()
    return reason


@dataclass(frozen=True)
class StockBar:
    """Sold, held and free places of one vacancy, as text and as parts of a bar."""

    sold: int
    held: int
    available: int
    capacity: int

    @property
    def sold_pct(self) -> str:
        """Width of the sold part, for markup: never localized."""
        return self._part(self.sold)

    @property
    def held_pct(self) -> str:
        """Width of the held part, which stands beside the sold one."""
        return self._part(self.held)

    def _part(self, places: int) -> str:
        return f"{100 * places / self.capacity:.2f}" if places else "0"

    @property
    def text(self) -> str:
        """Say what the bar shows."""
        return gettext("%(sold)s sold, %(held)s held of %(capacity)s") % {
            "sold": number(self.sold),
            "held": number(self.held),
            "capacity": number(self.capacity),
        }

    @property
    def free_text(self) -> str:
        """The number people look for first."""
        return number(self.available)


def stock_bar(vacancy: Vacancy) -> StockBar:
    """Return the bar of a vacancy as it was read."""
    return StockBar(vacancy.sold, vacancy.held, vacancy.available, vacancy.capacity)


def number(value: float | Decimal, *, digits: int = 0) -> str:
    """Write a number as the reader's language groups it: 12,000 or 12.000."""
    # Rounded here: Django cuts off what does not fit.
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    rounded = exact.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    return number_format(rounded, decimal_pos=digits, force_grouping=True)


def minor_digits(currency: str) -> int:
    """Return how many decimals a currency has: 2 unless ISO 4217 says otherwise."""
    return MINOR_DIGITS.get(currency, 2)


def money(*, amount: int, currency: str) -> str:
    """Write an amount of minor units as people do: 2500 EUR is `EUR 25.00`."""
    digits = minor_digits(currency)
    return f"{currency} {number(Decimal(amount).scaleb(-digits), digits=digits)}"


def money_whole(*, amount: int, currency: str) -> str:
    """Write an amount of minor units in whole major ones, where cents would only be noise."""
    return f"{currency} {number(amount // 10 ** minor_digits(currency))}"


def countdown(seconds: float) -> str:
    """Write a time that is left: `0:48`, `1:12:30`, and from two days on `6 d`."""
    whole = max(0, int(seconds))
    if whole >= 2 * 86_400:
        return gettext("%(count)s d") % {"count": number(whole // 86_400)}
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def moment(at: datetime | None, *, seconds: bool = False) -> str:
    """Write a point in time in the reader's zone, which is named; empty if there is none."""
    if at is None:
        return ""
    local = timezone.localtime(at)
    # Translators: a date in Django's format letters; the time of the day follows.
    day = date_format(local, gettext("j M Y"))
    return (
        f"{day}, {local:%H:%M:%S} {zone(local)}"
        if seconds
        else f"{day}, {local:%H:%M} {zone(local)}"
    )


def zone(at: datetime) -> str:
    """Name the zone of a local time as browsers do: `UTC`, `GMT-3`, `GMT+5:30`."""
    minutes = int((at.utcoffset() or timedelta()).total_seconds() // 60)
    if not minutes:
        return "UTC"
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    return f"GMT{sign}{hours}" + (f":{rest:02d}" if rest else "")


def zone_help(text: str | Promise) -> str:
    """Add to a field's help which zone its time is in: by its name, as its offset may change."""
    name = timezone.get_current_timezone_name().replace("_", " ")
    told = gettext("Time zone: %(zone)s.") % {"zone": name}
    return f"{text} {told}"
