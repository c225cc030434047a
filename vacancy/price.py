"""Prices as people type them, in the main unit of a currency, and as they are stored."""

import re
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.formats import get_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from vacancy.display import minor_digits, money, number

MOST = 2**31 - 1  # places, or minor units of a price: what every database can count with


class PriceField(forms.DecimalField):
    """Money in main units, written as the reader's language does: 1,500.00 or 1.500,00.

    How many decimals there may be depends on the currency: see `minor_units`.
    """

    def __init__(self, **options: Any) -> None:
        """Not a number input: browsers disagree on what a decimal comma in one means."""
        widget = UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"})
        super().__init__(min_value=0, localize=True, widget=widget, **options)

    def to_python(self, value: Any) -> Any:
        """Read it; marks between thousands may be there where the language puts them."""
        return super().to_python(_ungrouped(value) if isinstance(value, str) else value)


def _ungrouped(text: str) -> str:
    group, mark = get_format("THOUSAND_SEPARATOR"), get_format("DECIMAL_SEPARATOR")
    grouped = rf"\d{{1,3}}({re.escape(group)}\d{{3}})+({re.escape(mark)}\d*)?"
    return text.replace(group, "") if re.fullmatch(grouped, text.strip()) else text


class MinorUnitsField(forms.IntegerField):
    """Money as files and the API write it: 2500 for 25.00 in a currency with cents."""

    def to_python(self, value: Any) -> int | None:
        """Refuse a decimal point: Django would read 25.00 as 25, and that is a quarter."""
        if re.search(r"[.,]", str(value)):
            text = _("In minor units, without a decimal point: 2500 is 25.00.")
            raise ValidationError(text, code="invalid")
        return super().to_python(value)


def main_units(*, amount: int, currency: str) -> Decimal:
    """Return an amount of minor units in main ones: 2500 EUR is 25.00."""
    return Decimal(amount).scaleb(-minor_digits(currency))


def minor_units(*, price: Decimal, currency: str) -> int:
    """Return a price in minor units, as it is stored.

    Raises:
        ValidationError: more than can be stored, or decimals that the currency does not have.
    """
    digits = minor_digits(currency)
    if price > main_units(amount=MOST, currency=currency):
        most = money(amount=MOST, currency=currency)
        raise ValidationError(gettext("A price is at most %(price)s.") % {"price": most})
    exact = price.quantize(Decimal(1).scaleb(-digits))
    if exact != price:
        raise ValidationError(_too_fine(currency, digits))
    return int(exact.scaleb(digits))


def _too_fine(currency: str, digits: int) -> str:
    if not digits:
        return gettext("%(currency)s has no decimals.") % {"currency": currency}
    example = number(25, digits=digits)
    text = gettext("%(currency)s has %(count)s decimals, as in %(example)s.")
    return text % {"currency": currency, "count": digits, "example": example}
