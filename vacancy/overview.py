"""All of the real stock at one glance: sums, the rows that matter most, and what needs somebody."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Sum, Value, When

from vacancy.models import Vacancy
from vacancy.selectors import real_vacancies

SOON = timedelta(hours=24)  # a draft whose sale opens within this needs somebody
State = Vacancy.State


@dataclass(frozen=True)
class Totals:
    """Places of all real stock, and how many vacancies there are."""

    sold: int
    held: int
    available: int  # of what is on sale: nobody can have the rest
    vacancies: int
    on_sale: int


def totals() -> Totals:
    """Add up all real stock, in one query."""
    on_sale = Q(state=State.ON_SALE)
    sums = real_vacancies().aggregate(
        sold=Sum("sold", default=0),
        held=Sum("held", default=0),
        available=Sum("available", default=0, filter=on_sale),
        vacancies=Count("pk"),
        on_sale=Count("pk", filter=on_sale),
    )
    return Totals(**sums)


def most_relevant(*, limit: int) -> list[Vacancy]:
    """Return what is on sale, then paused, drafts, closed; the newest first within each."""
    rank = _rank({State.ON_SALE: 0, State.PAUSED: 1, State.DRAFT: 2}, otherwise=3)
    return list(real_vacancies().annotate(rank=rank).order_by("rank", "-pk")[:limit])


def by_ids(ids: list[int]) -> list[Vacancy]:
    """Return these vacancies, as far as they are real ones."""
    return list(real_vacancies().filter(pk__in=ids))


def _rank(ranks: dict[Any, int], *, otherwise: int) -> Case:
    cases = [When(state=state, then=Value(rank)) for state, rank in ranks.items()]
    return Case(*cases, default=Value(otherwise), output_field=IntegerField())


@dataclass(frozen=True)
class Need:
    """One vacancy that needs somebody, and why."""

    kind: str  # late_draft, no_place, draft, paused or over
    vacancy: Vacancy


# Worst first. Only what somebody can do something about.
def _kinds(now: datetime) -> dict[str, Q]:
    open_now = Q(on_sale_from__lte=now) & (Q(on_sale_until=None) | Q(on_sale_until__gt=now))
    begun = open_now | (Q(on_sale_from=None) & (Q(on_sale_until=None) | Q(on_sale_until__gt=now)))
    return {
        "late_draft": Q(state=State.DRAFT) & open_now,
        "no_place": Q(state=State.ON_SALE, available=0) & begun,
        "draft": Q(state=State.DRAFT, on_sale_from__gt=now, on_sale_from__lte=now + SOON),
        "paused": Q(state=State.PAUSED) & begun,
        "over": Q(state=State.ON_SALE, on_sale_until__lte=now),
    }


def needs(*, now: datetime, limit: int) -> list[Need]:
    """Return what needs somebody, worst first, in one query."""
    kinds = _kinds(now)
    anything = Q()
    for condition in kinds.values():
        anything |= condition
    rank = Case(
        *(When(condition, then=Value(kind)) for kind, condition in kinds.items()),
        default=Value(""),
    )
    order = Case(
        *(When(condition, then=Value(at)) for at, condition in enumerate(kinds.values())),
        default=Value(len(kinds)),
        output_field=IntegerField(),
    )
    found: QuerySet[Any] = real_vacancies().filter(anything).annotate(need=rank, urgency=order)
    rows = found.order_by("urgency", "on_sale_from", "-pk")[:limit]
    return [Need(vacancy.need, vacancy) for vacancy in rows]
