"""Many rows with one statement, for the one place where each of them counts: the till.

Note [Rows as they are]
    `bulk_create` prepares every field of every row in Python: for 25 purchases with their tickets
    that was a third of the till's processor time, and while Python does it the event loop stands
    still; making the models' objects first was as much again. Here rows are plain values by
    column and go as they are, to PostgreSQL as one JSON text, which compiled code writes and the
    database takes apart, to SQLite row by row, which costs it nothing. Errors are the same and
    come from the same constraints. What is left out: signals, `pre_save`, defaults, and ids made
    by the database, which the till has no use for.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from django.db import connection, models
from pydantic_core import to_json

from vacancy.trips import Steps, Trip

Row = Mapping[str, Any]  # a value for each column, by its name


def insert(trip: Trip, model: type[models.Model], rows: Sequence[Row]) -> None:
    """Take new rows along; what is in them beside the columns is left out.

    Raises:
        KeyError: a column is missing.
        django.db.DatabaseError: as `bulk_create`, at the end of the trip.
    """
    if not rows:
        return
    names = _names(model)
    if isinstance(trip, Steps):
        for row in rows:
            trip.write(_one(model), [row[name] for name in names])
        return
    document = [{name: row[name] for name in names} for row in rows]
    trip.write(_from_document(model), [to_json(document).decode()])


@cache
def _names(model: type[models.Model]) -> list[str]:
    return [
        field.attname
        for field in model._meta.concrete_fields
        if not field.generated and not isinstance(field, models.AutoField)
    ]


@cache
def _from_document(model: type[models.Model]) -> str:
    table, columns = _table_and_columns(model)  # the table says which type each value has
    source = f"json_populate_recordset(NULL::{table}, %s)"
    return f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {source}"  # noqa: S608  # ours


@cache
def _one(model: type[models.Model]) -> str:
    table, columns = _table_and_columns(model)
    marks = ", ".join(["%s"] * len(_names(model)))
    return f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608  # ours


def _table_and_columns(model: type[models.Model]) -> tuple[str, str]:
    quote = connection.ops.quote_name
    return quote(model._meta.db_table), ", ".join(map(quote, _names(model)))
