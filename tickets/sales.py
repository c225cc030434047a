"""Sales over time, as the operator pages show them: real ones only."""

import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import CharField, Count, Func, Max, Min, Q, Sum

from tickets.models import AttemptMinute, Hold, Purchase, Ticket
from vacancy.selectors import all_rehearsals

MINUTE = timedelta(minutes=1)
REMEMBERED = timedelta(hours=49)  # two whole days in every zone, also when clocks go back
UNSETTLED = 2 * MINUTE  # a sale is stamped before it is committed, so young minutes may grow
SHOWN_FORMAT = "%Y-%m-%d %H:%M"


class MinuteText(Func):
    """The minute of a timestamp as text in UTC; Django's own TruncMinute is Python in SQLite.

    With fewer `letters` it is the hour (13) or the day (10).
    """

    output_field = CharField()

    def __init__(self, expression: str, *, letters: int = 16) -> None:
        """Remember how much of `2026-05-01 12:00` to keep."""
        super().__init__(expression)
        self.letters = letters

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Timestamps are stored as text in UTC."""
        template = f"substr(%(expressions)s, 1, {self.letters})"
        return self.as_sql(compiler, connection, template=template)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """The same text."""
        shape = "YYYY-MM-DD HH24:MI"[: self.letters + (self.letters > 10) * 2]
        template = f"to_char(%(expressions)s AT TIME ZONE 'UTC', '{shape}')"
        return self.as_sql(compiler, connection, template=template)


@dataclass
class Taken:
    """What one minute brought: places sold, and money (minor units) by currency.

    A cancellation takes its money back in the minute in which it was cancelled.
    """

    qty: int = 0
    money: dict[str, int] = field(default_factory=lambda: defaultdict(int))


def taken_by_minute(*, since: datetime, vacancy_id: int | None = None) -> dict[datetime, Taken]:
    """Return what each minute from `since` on brought; minutes with nothing are left out."""
    # Not by joining the vacancies: a planner may then read every purchase of every one of them.
    real = ~Q(vacancy__in=all_rehearsals()) if vacancy_id is None else Q(vacancy=vacancy_id)
    minutes: dict[datetime, Taken] = defaultdict(Taken)
    for row in _sums(real & Q(created_at__gte=since), at="created_at"):
        minute = minutes[_read(row["minute"])]
        minute.qty += row["places"]
        minute.money[row["currency"]] += row["money"]
    for row in _sums(real & Q(cancelled_at__gte=since), at="cancelled_at"):
        minutes[_read(row["minute"])].money[row["currency"]] -= row["money"]
    return minutes


def _sums(which: Q, *, at: str) -> Any:
    rows = Purchase.objects.filter(which).order_by().annotate(minute=MinuteText(at))
    return rows.values("minute", "currency").annotate(places=Sum("qty"), money=Sum("total"))


def _read(minute: str) -> datetime:
    return datetime.strptime(minute, SHOWN_FORMAT).replace(tzinfo=UTC)


def sold_since(*, since: datetime) -> int:
    """Return how many places were sold from `since` on."""
    real = Purchase.objects.filter(~Q(vacancy__in=all_rehearsals()), created_at__gte=since)
    return real.aggregate(places=Sum("qty"))["places"] or 0


class RecentSales:
    """The last two days by minute, kept in this process: only young minutes are read again.

    What happened in a minute does not change once everything of it is committed, so a tick reads
    two or three minutes however long the window is. Safe to use from several threads.
    """

    def __init__(self) -> None:
        """Know nothing: the first update reads all of the window."""
        self._minutes: dict[datetime, Taken] = {}
        self._read_until: datetime | None = None
        self._lock = threading.Lock()

    def update(self, *, now: datetime) -> None:
        """Read what is new."""
        with self._lock:
            horizon = floor(now - REMEMBERED)
            known = floor(self._read_until - UNSETTLED) if self._read_until else horizon
            begin = max(known, horizon) if known <= now else horizon  # clocks can be set back
            fresh = taken_by_minute(since=begin)
            kept = {at: one for at, one in self._minutes.items() if horizon <= at < begin}
            self._minutes = kept | fresh
            self._read_until = now

    def per_minute(self, *, now: datetime, count: int = 60) -> list[int]:
        """Return places sold in each of the last `count` minutes, the running one last."""
        minutes = self._minutes
        last = floor(now)
        wanted = [last - MINUTE * back for back in range(count - 1, -1, -1)]
        return [minutes[at].qty if at in minutes else 0 for at in wanted]

    def money(self, *, since: datetime, until: datetime) -> dict[str, int]:
        """Return minor units by currency in the minutes that begin in [since, until)."""
        total: dict[str, int] = defaultdict(int)
        for at, one in self._minutes.items():
            if since <= at < until:
                for currency, amount in one.money.items():
                    total[currency] += amount
        return dict(total)

    def forget(self) -> None:
        """Know nothing again, as after a test emptied the database."""
        with self._lock:
            self._minutes, self._read_until = {}, None


def floor(at: datetime) -> datetime:
    """Return the beginning of the minute."""
    return at.replace(second=0, microsecond=0)


@dataclass(frozen=True)
class Attempts:
    """How purchase attempts of some minutes ended."""

    total: int
    fault: int

    @property
    def fault_pct(self) -> float:
        """Share of faults in percent; 0 without attempts."""
        return 100 * self.fault / self.total if self.total else 0.0


def attempts_by_minute(*, since: datetime) -> dict[datetime, Attempts]:
    """Return real purchase attempts by minute from `since` on."""
    rows = AttemptMinute.objects.filter(minute__gte=since).values_list("minute", "outcome", "count")
    totals: dict[datetime, list[int]] = defaultdict(lambda: [0, 0])
    for minute, outcome, count in rows:
        totals[minute][0] += count
        totals[minute][1] += count if outcome == AttemptMinute.Outcome.FAULT else 0
    return {minute: Attempts(*both) for minute, both in sorted(totals.items())}


@dataclass(frozen=True)
class Door:
    """How many places of one vacancy were sold, and how many of them have come in."""

    sold: int
    checked_in: int


def doors(vacancy_ids: list[int]) -> dict[int, Door]:
    """Return for each of these vacancies how many came in; each place sold is one ticket."""
    confirmed = Purchase.objects.filter(
        vacancy__in=vacancy_ids, status=Purchase.Status.CONFIRMED
    ).order_by()
    sold = dict(confirmed.values_list("vacancy").annotate(Sum("qty")))
    came = (
        Ticket.objects.filter(purchase__vacancy__in=vacancy_ids, checked_in_at__isnull=False)
        .filter(purchase__status=Purchase.Status.CONFIRMED)
        .order_by()
    )
    checked_in = dict(came.values_list("purchase__vacancy").annotate(Count("pk")))
    return {pk: Door(sold.get(pk, 0), checked_in.get(pk, 0)) for pk in vacancy_ids}


def holds_ending(*, limit: int) -> list[Hold]:
    """Return the active holds of real stock that end first, with their vacancy and client."""
    active = _active_holds().select_related("vacancy", "client")
    return list(active.order_by("expires_at", "pk")[:limit])


def first_hold_ends(vacancy_ids: Iterable[int]) -> dict[int, datetime]:
    """Return for each of these vacancies that has active holds when the first of them ends."""
    active = Hold.objects.filter(status=Hold.Status.ACTIVE, vacancy__in=list(vacancy_ids))
    return dict(active.order_by().values_list("vacancy").annotate(Min("expires_at")))


def holds_ending_count(*, now: datetime, within: timedelta) -> tuple[int, int]:
    """Return how many active holds of real stock end within a time, and how many ended unswept.

    The second number is of holds that were over more than a minute ago and still keep places.
    """
    counts = (
        _active_holds()
        .filter(expires_at__lt=now + within)
        .aggregate(
            ending=Count("pk", filter=Q(expires_at__gte=now)),
            overdue=Count("pk", filter=Q(expires_at__lt=now - MINUTE)),
        )
    )
    return counts["ending"], counts["overdue"]


def _active_holds() -> Any:
    return Hold.objects.filter(status=Hold.Status.ACTIVE, vacancy__is_rehearsal=False)


@dataclass(frozen=True)
class VacancyTotals:
    """What the purchases of one vacancy add up to; money in minor units."""

    purchases: int
    cancelled: int
    money: int


def totals_of(*, vacancy_id: int) -> VacancyTotals:
    """Add up the purchases of one vacancy, in one query."""
    confirmed = Q(status=Purchase.Status.CONFIRMED)
    sums = Purchase.objects.filter(vacancy=vacancy_id).aggregate(
        purchases=Count("pk", filter=confirmed),
        cancelled=Count("pk", filter=~confirmed),
        money=Sum("total", filter=confirmed, default=0),
    )
    return VacancyTotals(**sums)


def latest_purchases(*, vacancy_id: int, limit: int) -> list[Purchase]:
    """Return the newest purchases of one vacancy, with their clients."""
    rows = Purchase.objects.filter(vacancy=vacancy_id).select_related("client")
    return list(rows.order_by("-created_at")[:limit])


def latest_admissions(*, vacancy_id: int, limit: int) -> list[Ticket]:
    """Return the tickets with which somebody came in last, with their purchases."""
    came = Ticket.objects.filter(purchase__vacancy=vacancy_id, checked_in_at__isnull=False)
    return list(came.select_related("purchase").order_by("-checked_in_at")[:limit])


# By how long the sale has lasted: minutes, hours or days are one step of the curve.
STEPS = ((timedelta(hours=4), 16), (timedelta(days=10), 13), (timedelta.max, 10))


def sold_over_time(*, vacancy_id: int) -> list[tuple[str, int]]:
    """Return how many places had been sold by the end of each step: (instant, places).

    What was cancelled later is left out, so the last number is what is sold now. A step is a
    minute, an hour or a day, so a long sale has no more points than a short one.
    """
    sold = Purchase.objects.filter(vacancy=vacancy_id, status=Purchase.Status.CONFIRMED).order_by()
    span = sold.aggregate(first=Min("created_at"), last=Max("created_at"))
    if span["first"] is None:
        return []
    letters = next(one for limit, one in STEPS if span["last"] - span["first"] <= limit)
    steps = sold.annotate(step=MinuteText("created_at", letters=letters)).values("step")
    total, points = 0, [(floor(span["first"]).isoformat(), 0)]
    for row in steps.annotate(places=Sum("qty")).order_by("step"):
        total += row["places"]
        points.append((_end_of(row["step"], span["last"]).isoformat(), total))
    return points


def _end_of(step: str, last: datetime) -> datetime:
    shape = SHOWN_FORMAT[: {16: 14, 13: 11, 10: 8}[len(step)]]
    length = {16: MINUTE, 13: timedelta(hours=1), 10: timedelta(days=1)}[len(step)]
    return min(datetime.strptime(step, shape).replace(tzinfo=UTC) + length, last)
