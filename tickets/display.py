"""How sales and keys are shown to people."""

from datetime import datetime
from enum import Enum

from django.utils.html import format_html
from django.utils.safestring import SafeString

from tickets.models import ApiKey, Purchase, Ticket
from vacancy.display import Chip


class KeyState(Enum):
    """What an API key can do now."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


KEY_CHIPS = {
    KeyState.ACTIVE: Chip("Active", "check", "ok"),
    KeyState.EXPIRED: Chip("Expired", "schedule", "warn"),
    KeyState.REVOKED: Chip("Revoked", "block", "quiet"),
}
STATUS_CHIPS = {
    Purchase.Status.CONFIRMED: Chip("Confirmed", "check", "ok"),
    Purchase.Status.CANCELLED: Chip("Cancelled", "undo", "quiet"),
}


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
