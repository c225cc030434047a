"""Rows stored as one document are the rows that the ORM would have stored."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from tickets import rows
from tickets.models import ApiKey, Hold, Purchase, Ticket
from vacancy import trips
from vacancy.models import Vacancy

pytestmark = pytest.mark.django_db
AWKWARD = 'O\'Neill %s {0} "é" \\ \n🎟 ☃'


def purchase(vacancy: Vacancy, client: ApiKey | None, **fields: object) -> Purchase:
    usual = {
        "vacancy": vacancy,
        "client": client,
        "qty": 2,
        "unit_price": 4500,
        "total": 9000,
        "currency": "EUR",
        "buyer_name": AWKWARD,
        "buyer_email": "ada@example.org",
        "idempotency_key": uuid.uuid4().hex,
        "created_at": timezone.now(),
    }
    return Purchase(**usual | fields)


def insert(model: type[models.Model], new: list[dict[str, Any]]) -> None:
    trip = trips.new_trip()
    rows.insert(trip, model, new)
    trip.send()


def stored(row: Purchase) -> dict[str, Any]:
    found: Any = Purchase.objects.filter(pk=row.pk).values().get()
    return dict(found)


def test_every_column_is_as_the_orm_would_store_it(vacancy, key_row):
    ours = purchase(vacancy, key_row)
    theirs = purchase(vacancy, key_row, created_at=ours.created_at)

    insert(Purchase, [vars(ours)])
    Purchase.objects.bulk_create([theirs])

    own = {"id": ours.pk, "idempotency_key": ours.idempotency_key}
    assert stored(ours) == stored(theirs) | own


def test_hold_and_what_became_of_it_too(vacancy, key_row):
    """References to a UUID, several moments, and what is not known yet."""
    ours, theirs = (
        Hold(vacancy=vacancy, client=key_row, qty=2, unit_price=4500, currency="EUR")
        for _ in range(2)
    )
    theirs.created_at = ours.created_at
    theirs.expires_at = ours.expires_at = ours.created_at + timedelta(minutes=5)
    insert(Hold, [vars(ours)])
    Hold.objects.bulk_create([theirs])

    confirmed = purchase(vacancy, key_row, hold=ours)
    insert(Purchase, [vars(confirmed)])

    found = {row["id"]: {**row, "id": None} for row in Hold.objects.values()}
    assert found[ours.pk] == found[theirs.pk]
    assert stored(confirmed)["hold_id"] == ours.pk
    assert Purchase.objects.get(hold=ours).pk == confirmed.pk


def test_nothing_stays_null_and_is_not_made_empty(vacancy, key_row):
    anonymous = purchase(vacancy, None, idempotency_key=None)

    insert(Purchase, [vars(anonymous)])

    assert stored(anonymous)["client_id"] is None
    assert stored(anonymous)["idempotency_key"] is None


def test_ids_that_the_database_makes_are_made(vacancy, key_row):
    sold = purchase(vacancy, key_row)
    insert(Purchase, [vars(sold)])

    tickets = [Ticket(purchase=sold, code=f"{number:020}") for number in range(3)]
    insert(Ticket, [vars(ticket) for ticket in tickets])

    codes = list(sold.tickets.order_by("pk").values_list("code", flat=True))
    assert codes == [f"{number:020}" for number in range(3)]


def test_a_constraint_refuses_the_whole_statement(vacancy, key_row):
    first = purchase(vacancy, key_row)
    twin = purchase(vacancy, key_row, idempotency_key=first.idempotency_key)

    with pytest.raises(IntegrityError), transaction.atomic():
        insert(Purchase, [vars(first), vars(twin)])

    assert not Purchase.objects.exists()


def test_no_rows_are_no_statement(django_assert_num_queries):
    with django_assert_num_queries(0):
        insert(Purchase, [])


def test_a_column_that_is_missing_is_named(vacancy, key_row):
    row = vars(purchase(vacancy, key_row))
    del row["currency"]

    with pytest.raises(KeyError, match="currency"):
        insert(Purchase, [row])
