"""How sales and keys are shown to people."""

from datetime import datetime
from enum import Enum

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from tickets.models import ApiKey, Purchase, Ticket
from vacancy.display import NONE, Chip, money, number


class KeyState(Enum):
    """What an API key can do now."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


KEY_CHIPS = {
    KeyState.ACTIVE: Chip(_("Active"), "check", "ok"),
    KeyState.EXPIRED: Chip(_("Expired"), "schedule", "warn"),
    KeyState.REVOKED: Chip(_("Revoked"), "block", "quiet"),
}
STATUS_CHIPS = {
    Purchase.Status.CONFIRMED: Chip(_("Confirmed"), "check", "ok"),
    Purchase.Status.CANCELLED: Chip(_("Cancelled"), "undo", "quiet"),
}


ADMITTED_CHIP = Chip(_("Checked in"), "login", "ok")
NOT_YET_CHIP = Chip(_("Not yet"), "schedule", "quiet")


def key_state(key: ApiKey, *, now: datetime) -> KeyState:
    """Say what the key can do at `now`; revoked outlives expired."""
    if key.revoked_at is not None:
        return KeyState.REVOKED
    if key.expires_at is not None and key.expires_at <= now:
        return KeyState.EXPIRED
    return KeyState.ACTIVE


def key_chip(key: ApiKey, *, now: datetime) -> Chip:
    """Return the chip of what the key can do at `now`."""
    return KEY_CHIPS[key_state(key, now=now)]


def status_chip(status: str) -> Chip:
    """Return the chip of a purchase's status."""
    return STATUS_CHIPS[Purchase.Status(status)]


def code_shown(ticket: Ticket) -> SafeString:
    """Show a code in groups of five, as it is printed."""
    return format_html("<code>{}</code>", str(ticket))


def ticket_chip(ticket: Ticket) -> Chip:
    """Return the chip of a ticket: cancelled ones admit nobody, whatever else is known."""
    if ticket.purchase.status == Purchase.Status.CANCELLED:
        return STATUS_CHIPS[Purchase.Status.CANCELLED]
    return ADMITTED_CHIP if ticket.checked_in_at else NOT_YET_CHIP


def purchase_rows(purchases: list[Purchase]) -> list[dict[str, object]]:
    """Return short rows for a list beside something else; only cancelled ones carry a chip."""
    return [
        {
            "url": reverse("admin:tickets_purchase_change", args=[one.pk]),
            "buyer": one.buyer_name or one.buyer_email or NONE,
            "line": _purchase_line(one),
            "chip": None
            if one.status == Purchase.Status.CONFIRMED
            else STATUS_CHIPS[Purchase.Status.CANCELLED],
        }
        for one in purchases
    ]


def _purchase_line(purchase: Purchase) -> str:
    places = ngettext("%(count)s place", "%(count)s places", purchase.qty)
    at = date_format(timezone.localtime(purchase.created_at), gettext("j M, H:i"))
    parts = [at, places % {"count": number(purchase.qty)}]
    return ", ".join([*parts, money(amount=purchase.total, currency=purchase.currency)])
