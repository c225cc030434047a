"""Queries that are built once and run often.

Note [Built once]
    The till runs the same few queries for every batch. Building one through the ORM and compiling
    it to SQL takes 0.4 to 1.2 ms of processor time, several times what sending it and reading the
    answer takes, and while Python does that no request is answered. So these are written as
    ever, with filters and `F()`, only with values left open; they are compiled at their first
    use and keep their SQL. Everything else goes through the ORM as usual.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model, QuerySet, Value
from django.db.models.base import ModelState
from django.db.models.sql.subqueries import UpdateQuery

from vacancy import trips
from vacancy.trips import Trip

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class _Open:
    """Stands in the parameters for a value that comes later."""

    name: str


def later(name: str) -> Any:
    """Leave a value open: it is given by this name when the query runs. Never NULL."""
    return Value(_Open(name))


@dataclass(frozen=True)
class _Prepared:
    """SQL, and its parameters with some of them open."""

    sql: str
    parameters: tuple[Any, ...]

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        """Return what stands beside the SQL, with these values where they were left open."""
        return [given[one.name] if isinstance(one, _Open) else one for one in self.parameters]


class Update(_Prepared):
    """An update that is built once."""

    def change_or_fail(self, trip: Trip, given: Mapping[str, Any]) -> None:
        """Take it along with these values; raises as `Trip.change_or_fail`."""
        trip.change_or_fail(self.sql, self.values(given))


@dataclass(frozen=True)
class Select(_Prepared, Generic[M]):
    """A query that is built once, and how its rows become objects."""

    model: type[M]
    columns: tuple[str, ...]
    converters: dict[int, Any]  # by column, as Django's compiler gives them

    def first(self, **given: Any) -> M | None:
        """Run it with these values and return the first row, or None."""
        row = trips.first_row(self.sql, self.values(given))
        return None if row is None else self.made_of(row)

    def made_of(self, row: Sequence[Any]) -> M:
        """Return the object that a row of this query stands for."""
        values = list(row)
        for at, (converters, expression) in self.converters.items():
            for convert in converters:
                values[at] = convert(values[at], expression, connection)
        # As `from_db`, without the signals and without walking through columns that were not read.
        made = self.model.__new__(self.model)
        made.__dict__.update(zip(self.columns, values, strict=True))
        made._state = ModelState()
        made._state.db, made._state.adding = DEFAULT_DB_ALIAS, False
        return made


def prepare_select(rows: QuerySet[M]) -> Select[M]:
    """Compile the query that reads these rows."""
    compiler: Any = rows.query.get_compiler(DEFAULT_DB_ALIAS)
    sql, parameters = compiler.as_sql()
    expressions = [expression for expression, _, _ in compiler.select]
    columns = tuple(expression.target.attname for expression in expressions)
    return Select(sql, parameters, rows.model, columns, compiler.get_converters(expressions))


def prepare_update(rows: QuerySet[Any], **changes: Any) -> Update:
    """Compile the update that makes these changes, as `QuerySet.update` would."""
    query: Any = rows.query.chain(UpdateQuery)
    query.add_update_values(changes)
    return Update(*query.get_compiler(DEFAULT_DB_ALIAS).as_sql())
