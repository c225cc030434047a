"""A field of the models' own."""

from typing import Any

from django.db import models


class PlainAutoField(models.BigAutoField):  # type: ignore[type-arg]  # it takes none
    """Numbers rows as `BigAutoField` does, without SQLite's AUTOINCREMENT.

    That promises never to give a number a second time, not even if the row with the highest one
    was deleted. It costs a page of another table with every insert, where a sale writes ten in all
    (docs/speed.md).
    """

    def db_type_suffix(self, connection: Any) -> str | None:
        """Return what stands behind the column's type in `CREATE TABLE`."""
        if connection.vendor == "sqlite":
            return None
        return super().db_type_suffix(connection)  # type: ignore[misc,no-any-return]  # undocumented
