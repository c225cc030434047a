"""What operators type about stock."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from vacancy import selectors
from vacancy.display import zone_help
from vacancy.models import Vacancy
from vacancy.price import MOST, MinorUnitsField, PriceField, main_units, minor_units

MOST_BYTES = 1024 * 1024
# A moment at the very end of the calendar lies beyond it in other readers' zones.
TELLABLE = [
    MinValueValidator(datetime(1900, 1, 1, tzinfo=UTC)),
    MaxValueValidator(datetime(9000, 1, 1, tzinfo=UTC)),
]

if TYPE_CHECKING:
    _VacancyForm = forms.ModelForm[Vacancy]
else:  # generic in the stubs only
    _VacancyForm = forms.ModelForm


class VacancyForm(_VacancyForm):
    """Everything about a vacancy except its counters and its state, as a file has it.

    The database refuses the same things; here they get a sentence beside the field.
    """

    price: forms.IntegerField = MinorUnitsField(label=_("Price"), min_value=0, max_value=MOST)

    class Meta:
        """Capacity is in the form for a new vacancy only, see the admin."""

        model = Vacancy
        fields = (
            "name",
            "venue",
            "starts_at",
            "on_sale_from",
            "on_sale_until",
            "price",
            "currency",
            "max_per_purchase",
            "close_when_sold_out",
            "is_default",
            "capacity",
        )
        labels: ClassVar = {
            "name": _("Name"),
            "venue": _("Venue"),
            "starts_at": _("Starts at"),
            "on_sale_from": _("On sale from"),
            "on_sale_until": _("On sale until"),
            "currency": _("Currency"),
            "max_per_purchase": _("Most places in one purchase"),
            "close_when_sold_out": _("Close when sold out"),
            "is_default": _("Default"),
            "capacity": _("Capacity"),
        }
        help_texts: ClassVar = {
            "starts_at": _("When the event begins."),
            "on_sale_from": _("Empty: as soon as it is put on sale."),
            "on_sale_until": _("That instant excluded. Empty: until it is closed."),
            "currency": _("ISO 4217 code, as EUR."),
            "close_when_sold_out": _("The sale ends by itself with the last place."),
            "is_default": _("The one that is meant when a request names none."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Keep out numbers that SQLite stores and cannot add up, and days no zone can tell."""
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():  # the capacity is asked for once
            if name == "capacity":
                field.validators.append(MaxValueValidator(MOST))
            elif isinstance(field, forms.SplitDateTimeField | forms.DateTimeField):
                field.validators += TELLABLE
                field.help_text = zone_help(field.help_text)

    def clean_currency(self) -> str:
        """Accept lower case; refuse anything but three letters."""
        currency: str = self.cleaned_data["currency"].upper()
        if len(currency) != 3 or not (currency.isascii() and currency.isalpha()):
            raise forms.ValidationError(gettext("A currency is three letters, as EUR."))
        return currency

    def clean_max_per_purchase(self) -> int:
        """One purchase has at least one place."""
        limit: int = self.cleaned_data["max_per_purchase"]
        if limit < 1:
            raise forms.ValidationError(gettext("A purchase has at least 1 place."))
        return limit

    def clean_is_default(self) -> bool:
        """Only one vacancy can be meant when a request names none."""
        wanted: bool = self.cleaned_data["is_default"]
        if wanted:
            other = selectors.real_vacancies().filter(is_default=True).exclude(pk=self.instance.pk)
            if found := other.first():
                raise forms.ValidationError(
                    gettext("%(vacancy)s is the default. Take its mark away first.")
                    % {"vacancy": found}
                )
        return wanted

    def clean(self) -> dict[str, Any]:
        """A sale ends after it begins."""
        cleaned = super().clean() or self.cleaned_data
        begin, end = cleaned.get("on_sale_from"), cleaned.get("on_sale_until")
        if begin and end and begin >= end:
            self.add_error("on_sale_until", gettext("The sale must end after it begins."))
        return cleaned


class VacancyPageForm(VacancyForm):
    """The same as people type it: the price is in the main unit of its currency."""

    price = PriceField(label=_("Price"), initial=0, help_text=_("Of one place, as 25.00."))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Show what is stored as it would be typed."""
        super().__init__(*args, **kwargs)
        stored = self.instance
        if stored.pk is not None:
            self.initial["price"] = main_units(amount=stored.price, currency=stored.currency)

    def clean(self) -> dict[str, Any]:
        """Turn the price into what is stored, once its currency is known."""
        cleaned = super().clean()
        price, currency = cleaned.get("price"), cleaned.get("currency")
        if price is not None and currency is not None:
            try:
                cleaned["price"] = minor_units(price=price, currency=currency)
            except forms.ValidationError as refusal:
                self.add_error("price", refusal)
        return cleaned

    def columns_changed(self) -> list[str]:
        """Return which columns to write: the same price in another currency is another number."""
        also = ["price"] if "currency" in self.changed_data else []
        return sorted({*self.changed_data, *also})


class CapacityForm(forms.Form):
    """How many places to add or remove, and why."""

    by = forms.IntegerField(
        label=_("Change capacity by"),
        min_value=-1_000_000,
        max_value=1_000_000,
        help_text=_("Places. 50 adds fifty, -50 removes fifty that are free."),
        widget=UnfoldAdminIntegerFieldWidget(attrs={"autofocus": True}),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_("Stands in the ledger beside your name."),
        widget=UnfoldAdminTextInputWidget(),
    )

    def clean_by(self) -> int:
        """A change of zero changes nothing."""
        by: int = self.cleaned_data["by"]
        if by == 0:
            raise forms.ValidationError(gettext("0 changes nothing."))
        return by


class PutOnSaleDialog(BaseDialogForm):
    """Asks once before buyers can buy."""


class PauseDialog(BaseDialogForm):
    """Asks once before buyers are turned away."""


class StopDialog(BaseDialogForm):
    """Asks once before the sale ends."""


class ImportForm(forms.Form):
    """A file of vacancies, or the text of one that was looked at before."""

    file = forms.FileField(
        label=_("CSV file"),
        required=False,
        help_text=_("Comma separated, UTF-8, the first line with the names of the columns."),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,text/csv"}),
    )
    text = forms.CharField(
        required=False, max_length=MOST_BYTES, widget=forms.HiddenInput, strip=False
    )

    def clean_file(self) -> Any:
        """Refuse what is no text or too long to look at."""
        file = self.cleaned_data["file"]
        if file is not None and file.size > MOST_BYTES:
            raise forms.ValidationError(
                gettext("The file has more than %(count)s kB.") % {"count": MOST_BYTES // 1024}
            )
        return file

    def clean(self) -> dict[str, Any]:
        """Decide on the text: of the file, if there is one."""
        cleaned = super().clean() or self.cleaned_data
        file = cleaned.get("file")
        if file is not None:
            try:
                cleaned["text"] = file.read().decode("utf-8-sig")
            except UnicodeDecodeError:
                self.add_error("file", gettext("The file is not UTF-8."))
        elif not cleaned.get("text") and not self.errors:
            self.add_error("file", gettext("Choose a file."))
        return cleaned
