"""What stands on the page of one vacancy besides its form.

Upper apps know more about a vacancy than stock does: who bought, and when. They add parts here,
and stock never needs to know them.
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

from vacancy.models import Vacancy

Part = Callable[[HttpRequest, Vacancy], dict[str, Any]]
_parts: list[Part] = []


def add_part(part: Part) -> None:
    """Let `part` add to the context of every vacancy's page; called while the site starts."""
    if part not in _parts:
        _parts.append(part)


def context(request: HttpRequest, vacancy: Vacancy) -> dict[str, Any]:
    """Return what all parts add."""
    merged: dict[str, Any] = {}
    for part in _parts:
        merged |= part(request, vacancy)
    return merged
