"""Vacancies from a CSV file: every row's fate first, then the good ones, all or none.

A row is judged by the same form as a vacancy that is typed in, so both refuse the same things.
"""

import csv
import io
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import transaction
from django.utils.translation import gettext

from vacancy import selectors, services
from vacancy.display import money, number
from vacancy.forms import MOST_BYTES, VacancyForm
from vacancy.models import Vacancy

COLUMNS = (
    "name",
    "venue",
    "starts_at",
    "on_sale_from",
    "on_sale_until",
    "price",
    "currency",
    "max_per_purchase",
    "capacity",
)
NEEDED = ("name", "capacity")
DEFAULTS = {"price": "0", "currency": "EUR", "max_per_purchase": "10"}
MOST_ROWS = 2000
csv.field_size_limit(MOST_BYTES)  # the form judges a field; the reader would raise


class FileRefused(Exception):
    """The file as a whole cannot be read; the message is for people."""


@dataclass(frozen=True)
class Fate:
    """What would become of one row: `new`, `known` (left as it is) or `wrong`, with reasons."""

    line: int
    kind: str
    name: str
    detail: str
    form: VacancyForm | None = None


def fates(*, text: str) -> list[Fate]:
    """Say for every row what an import would do; nothing is written.

    A row is known if there is a vacancy of the same name and venue that starts at the same time.

    Raises:
        FileRefused: no header, unknown or missing columns, or too many rows.
    """
    reader = csv.DictReader(io.StringIO(text, newline=None))  # whatever ends a line there
    _check_header(list(reader.fieldnames or ()))
    rows = [(reader.line_num, row) for row in islice(reader, MOST_ROWS + 1)]
    if len(rows) > MOST_ROWS:
        raise FileRefused(
            gettext("More than %(count)s rows: cut the file.") % {"count": number(MOST_ROWS)}
        )
    known = _known()
    return [_fate(line, row, known) for line, row in rows]


def _check_header(header: list[str]) -> None:
    if missing := [name for name in NEEDED if name not in header]:
        raise FileRefused(
            gettext("The first line lacks the columns %(names)s.") % {"names": ", ".join(missing)}
        )
    if unknown := [name for name in header if name not in COLUMNS]:
        raise FileRefused(
            gettext("Unknown columns: %(names)s. Known are %(known)s.")
            % {"names": ", ".join(unknown), "known": ", ".join(COLUMNS)}
        )


def _known() -> set[tuple[str, str, datetime | None]]:
    rows = selectors.real_vacancies().values_list("name", "venue", "starts_at")
    return {(name, venue, starts_at) for name, venue, starts_at in rows}


def _fate(
    line: int, row: dict[str | None, str], known: set[tuple[str, str, datetime | None]]
) -> Fate:
    if None in row or None in row.values():
        return Fate(line, "wrong", row.get("name") or "", gettext("Too many or too few columns."))
    form = VacancyForm(data=_as_form(row))
    if not form.is_valid():
        return Fate(line, "wrong", row["name"], _reasons(form))
    key = (form.cleaned_data["name"], form.cleaned_data["venue"], form.cleaned_data["starts_at"])
    if key in known:
        return Fate(line, "known", key[0], gettext("There already; left as it is."))
    known.add(key)  # a second row of the same kind is known by then
    return Fate(line, "new", key[0], _draft_told(form.cleaned_data), form)


def _draft_told(cleaned: dict[str, Any]) -> str:
    """Say what is added; with the price as people write it, as the file has another unit."""
    price = money(amount=cleaned["price"], currency=cleaned["currency"])
    text = gettext("Draft with %(count)s places, %(price)s each.")
    return text % {"count": number(cleaned["capacity"]), "price": price}


def _as_form(row: dict[str | None, str]) -> dict[str, str]:
    """Return what a browser would send, with defaults for what is empty."""
    fields = {str(name): value.strip() for name, value in row.items()}
    return DEFAULTS | {name: value for name, value in fields.items() if value}


def _reasons(form: VacancyForm) -> str:
    return "; ".join(f"{name}: {error}" for name, errors in form.errors.items() for error in errors)


@transaction.atomic
def vacancies_add(*, rows: list[Fate], now: datetime) -> list[Vacancy]:
    """Add the vacancies of the rows that are new, all or none, as drafts."""
    return [
        services.vacancy_add(vacancy=row.form.save(commit=False), now=now)
        for row in rows
        if row.form is not None and row.kind == "new"
    ]
