"""Filters for the pages of the log."""

from datetime import datetime

from django import template
from django.contrib.admin.models import LogEntry

from vacancy import display
from vacancy.notes import note_text

register = template.Library()


@register.filter
def told(entry: LogEntry) -> str:
    """Say what an entry of the log says, in the reader's language."""
    return note_text(entry.get_change_message())


@register.filter
def moment(at: datetime) -> str:
    """Write a point in time in the reader's zone, which is named."""
    return display.moment(at, seconds=True)
