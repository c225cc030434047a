"""Recompute every counter from rows and movements, and say where they differ.

Note [Two ways to count]
    The counters of a vacancy are moved, never counted. So they can be checked against rows that
    were written beside them: active holds for `held`, confirmed purchases and their tickets for
    `sold`, what it began with and the ledger's capacity lines for `capacity`; and what was
    released, expired or cancelled stands both in the rows and in the ledger. An audit that finds
    nothing means that two independent records of every movement agree.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Count, Sum

from tickets.models import Hold, Purchase
from vacancy import selectors as stock_rows

_ROWS: dict[
    str, tuple[type[Hold | Purchase], str]
] = {  # ledger kind: the rows that must add up to the same
    "released": (Hold, Hold.Status.RELEASED),
    "expired": (Hold, Hold.Status.EXPIRED),
    "cancelled": (Purchase, Purchase.Status.CANCELLED),
}


@dataclass(frozen=True)
class Drift:
    """One figure of one vacancy that two records tell differently, in places."""

    vacancy_id: int
    figure: str
    recorded: int
    counted: int

    def __str__(self) -> str:
        """Say it as a sentence."""
        return (
            f"vacancy {self.vacancy_id}: {self.figure} is {self.recorded}, "
            f"the rows say {self.counted}"
        )


def audit(*, vacancy_id: int | None = None) -> list[Drift]:
    """Compare one vacancy, or all of them with rehearsal stock, as of one moment.

    Reads only, and keeps nobody from buying on PostgreSQL; on SQLite sales wait until it is done.
    Must not be called inside a transaction.
    """
    with transaction.atomic(durable=True):
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                # One snapshot for all reads: READ COMMITTED would take a new one for each.
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return list(_drifts(vacancy_id))


def _drifts(vacancy_id: int | None) -> Iterator[Drift]:
    held = _places(Hold, Hold.Status.ACTIVE, vacancy_id)
    sold = _places(Purchase, Purchase.Status.CONFIRMED, vacancy_id)
    tickets = _tickets(vacancy_id)
    rows = {kind: _places(*source, vacancy_id) for kind, source in _ROWS.items()}
    for row in stock_rows.ledger_of_all(vacancy_id=vacancy_id):
        pk, moved = row.vacancy_id, row.moved
        capacity = row.initial_capacity + moved.get("capacity", 0)
        counted_held, counted_sold = held.get(pk, 0), sold.get(pk, 0)
        pairs = [
            ("capacity", row.counters.capacity, capacity),
            ("held", row.counters.held, counted_held),
            ("sold", row.counters.sold, counted_sold),
            ("available", row.counters.available, capacity - counted_held - counted_sold),
            ("tickets", counted_sold, tickets.get(pk, 0)),
        ]
        pairs += [(kind, moved.get(kind, 0), rows[kind].get(pk, 0)) for kind in _ROWS]
        for figure, recorded, counted in pairs:
            if recorded != counted:
                yield Drift(pk, figure, recorded, counted)


def _places(model: type[Hold | Purchase], status: str, vacancy_id: int | None) -> dict[int, int]:
    """Add up the places of rows in one status, by vacancy."""
    rows = model._default_manager.filter(status=status)
    if vacancy_id is not None:
        rows = rows.filter(vacancy=vacancy_id)
    return dict(rows.order_by().values_list("vacancy").annotate(Sum("qty")))


def _tickets(vacancy_id: int | None) -> dict[int, int]:
    """Count the tickets of confirmed purchases, by vacancy."""
    rows = Purchase.objects.filter(status=Purchase.Status.CONFIRMED)
    if vacancy_id is not None:
        rows = rows.filter(vacancy=vacancy_id)
    counted = rows.order_by().values_list("vacancy").annotate(Count("tickets"))
    return dict(counted)
