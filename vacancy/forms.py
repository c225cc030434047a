"""What operators type about stock."""

from typing import TYPE_CHECKING, Any

from django import forms
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from vacancy import selectors
from vacancy.models import Vacancy

if TYPE_CHECKING:
    _VacancyForm = forms.ModelForm[Vacancy]
else:  # generic in the stubs only
    _VacancyForm = forms.ModelForm


class VacancyForm(_VacancyForm):
    """Everything about a vacancy except its counters and its state.

    The database refuses the same things; here they get a sentence beside the field.
    """

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
            "is_default",
            "capacity",
        )

    def clean_currency(self) -> str:
        """Accept lower case; refuse anything but three letters."""
        currency: str = self.cleaned_data["currency"].upper()
        if len(currency) != 3 or not (currency.isascii() and currency.isalpha()):
            raise forms.ValidationError("A currency is three letters, as EUR.")
        return currency

    def clean_max_per_purchase(self) -> int:
        """One purchase has at least one place."""
        limit: int = self.cleaned_data["max_per_purchase"]
        if limit < 1:
            raise forms.ValidationError("A purchase has at least 1 place.")
        return limit

    def clean_is_default(self) -> bool:
        """Only one vacancy can be meant when a request names none."""
        wanted: bool = self.cleaned_data["is_default"]
        if wanted:
            other = selectors.real_vacancies().filter(is_default=True).exclude(pk=self.instance.pk)
            if found := other.first():
                raise forms.ValidationError(f"{found} is the default. Take its mark away first.")
        return wanted

    def clean(self) -> dict[str, Any]:
        """A sale ends after it begins."""
        cleaned = super().clean() or self.cleaned_data
        begin, end = cleaned.get("on_sale_from"), cleaned.get("on_sale_until")
        if begin and end and begin >= end:
            self.add_error("on_sale_until", "The sale must end after it begins.")
        return cleaned


class CapacityForm(forms.Form):
    """How many places to add or remove, and why."""

    by = forms.IntegerField(
        label="Change capacity by",
        min_value=-1_000_000,
        max_value=1_000_000,
        help_text="Places. 50 adds fifty, -50 removes fifty that are free.",
        widget=UnfoldAdminIntegerFieldWidget(attrs={"autofocus": True}),
    )
    reason = forms.CharField(
        max_length=200,
        help_text="Stands in the ledger beside your name.",
        widget=UnfoldAdminTextInputWidget(),
    )

    def clean_by(self) -> int:
        """A change of zero changes nothing."""
        by: int = self.cleaned_data["by"]
        if by == 0:
            raise forms.ValidationError("0 changes nothing.")
        return by


class PutOnSaleDialog(BaseDialogForm):
    """Asks once before buyers can buy."""


class PauseDialog(BaseDialogForm):
    """Asks once before buyers are turned away."""
