"""Purchases as CSV, page by page, for a file of any length."""

import csv
import io
import uuid
from datetime import UTC, datetime

from django.db.models import Q

from tickets.models import Purchase
from vacancy.display import minor_digits

PAGE_ROWS = 1000
COLUMNS = (
    "purchase",
    "status",
    "created_at",
    "places",
    "unit_price",
    "total",
    "currency",
    "buyer_name",
    "buyer_email",
    "key",
    "cancelled_at",
    "cancel_reason",
)
# A spreadsheet would take these for the beginning of a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
Place = tuple[datetime, uuid.UUID]  # after which the next page begins


def header() -> bytes:
    """Return the first line; it begins with a mark by which spreadsheets know UTF-8."""
    return "\N{BYTE ORDER MARK}".encode() + _lines([COLUMNS])


def page(*, vacancy_id: int, after: Place | None) -> tuple[bytes, Place | None]:
    """Return the next lines, oldest purchase first, and where the page after them begins.

    Each page is a query of its own: a download that takes minutes holds no transaction open.
    None as the second value: there is no more.
    """
    rows = Purchase.objects.filter(vacancy=vacancy_id).select_related("client")
    if after is not None:
        at, pk = after
        rows = rows.filter(Q(created_at__gt=at) | Q(created_at=at, pk__gt=pk))
    found = list(rows.order_by("created_at", "pk")[:PAGE_ROWS])
    text = _lines([_row(purchase) for purchase in found])
    if len(found) < PAGE_ROWS:
        return text, None
    return text, (found[-1].created_at, found[-1].pk)


def _row(purchase: Purchase) -> tuple[str, ...]:
    return (
        str(purchase.pk),
        purchase.status,
        _instant(purchase.created_at),
        str(purchase.qty),
        _amount(purchase.unit_price, purchase.currency),
        _amount(purchase.total, purchase.currency),
        purchase.currency,
        _harmless(purchase.buyer_name),
        _harmless(purchase.buyer_email),
        _harmless(purchase.client.name if purchase.client else ""),
        _instant(purchase.cancelled_at),
        _harmless(purchase.cancel_reason),
    )


def _instant(at: datetime | None) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else ""


def _amount(minor: int, currency: str) -> str:
    digits = minor_digits(currency)
    return f"{minor / 10**digits:.{digits}f}"


def _harmless(text: str) -> str:
    """Keep a spreadsheet from running what a buyer typed as their name."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _lines(rows: list[tuple[str, ...]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode()
