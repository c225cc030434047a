"""What operators type about API keys."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextInputWidget,
)

from tickets.models import NAME_LENGTH
from tickets.services import SCOPES
from vacancy.display import zone_help
from vacancy.forms import TELLABLE

SCOPE_LABELS = {
    "buy": _("Buy: purchases and holds"),
    "check_in": _("Check in: read and admit tickets"),
}
SCOPE_WORDS = {"buy": _("buy"), "check_in": _("check in")}


class KeyForm(forms.Form):
    """A new key; everything in it is fixed once it exists."""

    name = forms.CharField(
        label=_("Name"),
        max_length=NAME_LENGTH,
        help_text=_("Whose software it is, as: Box office till 3."),
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True}),
    )
    scopes = forms.MultipleChoiceField(
        label=_("Scopes"),
        choices=[(scope, SCOPE_LABELS.get(scope, scope)) for scope in SCOPES],
        initial=["buy"],
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )
    expires_at = forms.SplitDateTimeField(
        label=_("Expires at"),
        required=False,
        help_text=_("Empty: works until it is revoked."),
        validators=TELLABLE,
        widget=UnfoldAdminSplitDateTimeWidget(),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Say in which zone the key expires."""
        super().__init__(*args, **kwargs)
        expiry = self.fields["expires_at"]
        expiry.help_text = zone_help(expiry.help_text)


class RevokeDialog(BaseDialogForm):
    """Asks once: a revoked key cannot be brought back."""


class CancelDialog(BaseDialogForm):
    """Asks why before the places go back on sale."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_("Stands on the purchase and in the ledger, beside your name."),
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True}),
    )


class CodeForm(forms.Form):
    """A ticket code as it is printed, or as a scanner types it."""

    code = forms.CharField(label=_("Ticket code"), max_length=60)

    def clean_code(self) -> str:
        """Take away what is only there for people."""
        code: str = self.cleaned_data["code"]
        return code.replace("-", "").replace(" ", "").upper()
