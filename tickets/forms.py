"""What operators type about API keys."""

from django import forms
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextInputWidget,
)

from tickets.services import SCOPES

SCOPE_LABELS = {
    "buy": "Buy: purchases and holds",
    "check_in": "Check in: read and admit tickets",
}


class KeyForm(forms.Form):
    """A new key; everything in it is fixed once it exists."""

    name = forms.CharField(
        max_length=100,
        help_text="Whose software it is, as: Box office till 3.",
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True}),
    )
    scopes = forms.MultipleChoiceField(
        choices=[(scope, SCOPE_LABELS.get(scope, scope)) for scope in SCOPES],
        initial=["buy"],
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )
    expires_at = forms.SplitDateTimeField(
        label="Expires at",
        required=False,
        help_text="Empty: works until it is revoked.",
        widget=UnfoldAdminSplitDateTimeWidget(),
    )


class RevokeDialog(BaseDialogForm):
    """Asks once: a revoked key cannot be brought back."""
