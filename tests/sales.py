"""Selling without a till: one transaction for one wish, or for several together."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from tickets import selling
from tickets.wishes import Wish


def serve(wish: Wish, *, now: datetime | None = None) -> Any:
    """Serve one wish at `now` (by default: now); return its answer or raise its refusal."""
    [answer] = selling.serve_together(wishes=[wish], now=now or timezone.now())
    if isinstance(answer, Exception):
        raise answer
    return answer
