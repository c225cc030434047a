"""How stock is shown to people: chips, bars, prices. Every page of the admin uses these."""

from dataclasses import dataclass
from datetime import datetime

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString

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

    label: str
    icon: str  # a name from Material Symbols, which the theme packages
    tone: str  # ok, bad, warn, busy or quiet


VACANCY_CHIPS = {
    Vacancy.State.DRAFT: Chip("Draft", "edit", "quiet"),
    Vacancy.State.ON_SALE: Chip("On sale", "check", "ok"),
    Vacancy.State.PAUSED: Chip("Paused", "pause", "warn"),
    Vacancy.State.CLOSED: Chip("Closed", "lock", "quiet"),
}

DEFAULT_CHIP = Chip("Default", "star", "quiet")


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
        return f"{self.sold:,} sold, {self.held:,} held of {self.capacity:,}"

    @property
    def free_text(self) -> str:
        """The number people look for first."""
        return f"{self.available:,}"


def stock_bar(vacancy: Vacancy) -> StockBar:
    """Return the bar of a vacancy as it was read."""
    return StockBar(vacancy.sold, vacancy.held, vacancy.available, vacancy.capacity)


def money(*, amount: int, currency: str) -> str:
    """Write an amount of minor units as people do: 2500 EUR is `EUR 25.00`."""
    digits = MINOR_DIGITS.get(currency, 2)
    return f"{currency} {amount / 10**digits:,.{digits}f}"


def moment(at: datetime | None) -> str:
    """Write a point in time with its zone; empty if there is none."""
    return date_format(timezone.localtime(at), "j M Y, H:i T") if at else ""
