"""The idempotency store: which requests were answered before, and with what.

Note [A repeat gets the first answer]
    A key stands for one request of one client to one method and path, for a day. The row that the
    request made is the record of it (tickets.models, Note [Idempotency keys live on what they
    made]), so keys cost one indexed read for a whole batch, and nothing is stored for those
    who are refused: after a cancellation their retry may succeed.

    Twins that meet while the first one runs:
    - in one process, the till lets the second wait for the first one's answer (tickets.till);
    - in two processes, both may pass `find` before either has committed. Both insert; the unique
      constraint makes one wait for the other's COMMIT and then fail, its transaction takes
      everything back, and the next look finds the winner's row.

    Read the stock before the keys. Whoever took the last place committed before we saw that it
    is gone, so the later look for the key sees their purchase, and the buyer who got that place
    and lost the answer is never told "sold out". The other way round there is a gap.

    Who is served alone by the event loop (tickets.alone) has their key not read at all: sold, it
    meets the constraint; refused, the thread reads both.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import CharField, F, QuerySet
from django.db.models.functions import Cast
from pydantic_core import to_json

from tickets.models import Hold, Purchase
from tickets.wishes import Answer, Held, HoldOrder, IdempotencyKeyReused, RepeatKey, Sale, Wish
from vacancy import trips

KEPT_FOR = timedelta(hours=24)
_KNOWN = (
    "EXISTS (SELECT 1 FROM {} WHERE idempotency_key IN ({}) AND client_id IN ({})"
    " AND request_scope IN ({}))"
)
# Key by key, so that PostgreSQL can do nothing but look each up in its index. Asked for any of
# them, it may read the whole table, as long as nobody has counted for it how many there are:
# with 60,000 new purchases that took 490 µs of its time for each, this takes 81.
_KNOWN_ONE_BY_ONE = """EXISTS (
    SELECT 1
      FROM json_to_recordset(%s) AS asked (key varchar, client bigint, scope varchar),
           LATERAL (SELECT 1 FROM {}
                     WHERE idempotency_key = asked.key AND client_id = asked.client
                       AND request_scope = asked.scope LIMIT 1) AS found)"""


def find(*, wishes: Sequence[Wish], now: datetime) -> dict[RepeatKey, Answer]:
    """Return the answers of those who were answered before, or why they get none.

    One read each for purchases and holds if all are new, as nearly always; what is found is
    read with two more. Reads nothing for wishes that cannot be repeated.
    """
    found: dict[RepeatKey, Answer] = {}
    for model, group in _by_model(wishes):
        if _is_any_known(model, group):
            found |= _answers(model, group, now)
    return found


def _answers(
    model: type[Hold | Purchase], group: dict[RepeatKey, Wish], now: datetime
) -> dict[RepeatKey, Answer]:
    stored = _rows(model, group)
    if model is Purchase:
        stored = stored.prefetch_related("tickets")
    rows = {_key_of(row): row for row in stored if not _is_over(row, now)}
    return {key: _answer(wish, rows[key]) for key, wish in group.items() if key in rows}


def forget_old(*, wishes: Sequence[Wish], now: datetime) -> None:
    """Free those keys of these wishes that have been kept long enough.

    The row keeps the text of its key, for people who search; its scope becomes its own id, which
    nobody can ask for, so that the constraint lets the key be used again.
    """
    for model, group in _by_model(wishes):
        old: QuerySet[Any] = _rows(model, group).filter(created_at__lte=now - KEPT_FOR)
        old.update(request_scope=Cast(F("id"), CharField(max_length=70)))


def _by_model(
    wishes: Iterable[Wish],
) -> Iterator[tuple[type[Hold | Purchase], dict[RepeatKey, Wish]]]:
    purchases: dict[RepeatKey, Wish] = {}
    holds: dict[RepeatKey, Wish] = {}
    for wish in wishes:
        key = wish.repeat_key
        if key is not None:
            (holds if isinstance(wish, HoldOrder) else purchases)[key] = wish
    if purchases:
        yield Purchase, purchases
    if holds:
        yield Hold, holds


def _rows(model: type[Hold | Purchase], group: dict[RepeatKey, Wish]) -> QuerySet[Any]:
    # A little wide, so that the query stays simple: the caller picks by the whole key.
    texts, clients, scopes = (set(part) for part in zip(*group, strict=True))
    return model._default_manager.filter(
        idempotency_key__in=texts, client__in=clients, request_scope__in=scopes
    )


def _is_any_known(model: type[Hold | Purchase], group: dict[RepeatKey, Wish]) -> bool:
    """Look as `_rows` does, by hand: see Note [Built once] in `vacancy.prepared`."""
    if connection.vendor == "postgresql":
        known, values = _known_one_by_one(model, group)
    else:
        parts = [sorted(set(part)) for part in zip(*group, strict=True)]
        marks = [", ".join(["%s"] * len(part)) for part in parts]
        values = [value for part in parts for value in part]
        known = _KNOWN.format(model._meta.db_table, *marks)
    return bool(trips.first_row(f"SELECT {known}", values, keep_plan=False)[0])


def question(wishes: Sequence[Wish]) -> tuple[str, list[Any]]:
    """Return an expression of PostgreSQL that is true if any of these was answered before.

    With its values. It belongs into a statement that no plan is kept of: see `trips.run`.
    """
    parts = [_known_one_by_one(model, group) for model, group in _by_model(wishes)]
    values = [value for _, given in parts for value in given]
    return " OR ".join(known for known, _ in parts) or "FALSE", values


def _known_one_by_one(
    model: type[Hold | Purchase], group: dict[RepeatKey, Wish]
) -> tuple[str, list[Any]]:
    # One text, which compiled code writes: an array for each part is written in Python.
    asked = [{"key": key, "client": client, "scope": scope} for key, client, scope in group]
    return _KNOWN_ONE_BY_ONE.format(model._meta.db_table), [to_json(asked).decode()]


def _key_of(row: Hold | Purchase) -> RepeatKey:
    return (row.idempotency_key or "", row.client_id or 0, row.request_scope)


def _is_over(row: Hold | Purchase, now: datetime) -> bool:
    return row.created_at <= now - KEPT_FOR


def _answer(wish: Wish, row: Hold | Purchase) -> Answer:
    """Give the first answer again, as it was: what became of the row since is for GET to say."""
    if row.request_hash != wish.request_hash:
        return IdempotencyKeyReused(
            f"The idempotency key {wish.idempotency_key!r} was used for another request."
        )
    if isinstance(row, Hold):
        row.status = Hold.Status.ACTIVE
        return Held(row)
    return Sale.of(row)
