"""How stock is shown to people: chips, bars, prices. Every page of the admin uses these."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
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
LEAST_PART_PCT = 1.5  # of a bar: a part above 0 must be seen, about 3 px


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

DEFAULT_CHIP = Chip(_("Default"), "star", "quiet")


def chip_html(chip: Chip) -> SafeString:
    """Render a chip for a table cell."""
    return render_to_string("ticketsite/chip.html", {"chip": chip})


def state_chip(state: str) -> Chip:
    """Return the chip of a vacancy's state."""
    return VACANCY_CHIPS[Vacancy.State(state)]


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
        return f"{self._part(self.sold):.2f}"

    @property
    def held_from_pct(self) -> str:
        """Where the held part begins: beside the sold one, never outside the bar."""
        return f"{min(self._part(self.sold), 100 - self._part(self.held)):.2f}"

    @property
    def held_to_pct(self) -> str:
        """Where the held part ends."""
        return f"{min(self._part(self.sold) + self._part(self.held), 100):.2f}"

    def _part(self, places: int) -> float:
        if not places:
            return 0
        return max(LEAST_PART_PCT, 100 * places / self.capacity)

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


def money(*, amount: int, currency: str) -> str:
    """Write an amount of minor units as people do: 2500 EUR is `EUR 25.00`."""
    digits = MINOR_DIGITS.get(currency, 2)
    return f"{currency} {number(Decimal(amount).scaleb(-digits), digits=digits)}"


def moment(at: datetime | None, *, seconds: bool = False) -> str:
    """Write a point in time in the reader's zone, which is named; empty if there is none."""
    if at is None:
        return ""
    local = timezone.localtime(at)
    return f"{date_format(local, 'j M Y, H:i:s' if seconds else 'j M Y, H:i')} {zone(local)}"


def zone(at: datetime) -> str:
    """Name the zone of a local time as browsers do: `UTC`, `GMT-3`, `GMT+5:30`."""
    minutes = int((at.utcoffset() or timedelta()).total_seconds() // 60)
    if not minutes:
        return "UTC"
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    return f"GMT{sign}{hours}" + (f":{rest:02d}" if rest else "")
