"""Every read of stock."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet, Sum

from vacancy.models import StockMovement, Vacancy


@dataclass(frozen=True)
class Counters:
    """A vacancy's four numbers, in places."""

    capacity: int
    available: int
    held: int
    sold: int


def counters(*, vacancy_id: int, hold_row: bool = False) -> Counters | None:
    """Return the counters as they are now, or None if there is no such vacancy.

    With `hold_row` they stay so until the caller's transaction ends.
    """
    fields = ("capacity", "available", "held", "sold")
    rows = Vacancy.objects.select_for_update(no_key=True) if hold_row else Vacancy.objects.all()
    row = rows.filter(pk=vacancy_id).values(*fields).first()
    return Counters(**row) if row else None


@dataclass(frozen=True)
class Ledger:
    """A vacancy's counters beside what its ledger adds up to, in places by kind of movement."""

    vacancy_id: int
    counters: Counters
    initial_capacity: int
    moved: dict[str, int]


def ledger_of_all(*, vacancy_id: int | None = None) -> list[Ledger]:
    """Return counters and ledger sums of one vacancy, or of all with rehearsal stock, by id."""
    vacancies, lines = Vacancy.objects.order_by("pk"), StockMovement.objects.order_by()
    if vacancy_id is not None:
        vacancies, lines = vacancies.filter(pk=vacancy_id), lines.filter(vacancy=vacancy_id)
    moved: dict[int, dict[str, int]] = defaultdict(dict)
    for pk, kind, qty in lines.values_list("vacancy", "kind").annotate(Sum("qty")):
        moved[pk][kind] = qty
    return [
        Ledger(
            row.pk,
            Counters(row.capacity, row.available, row.held, row.sold),
            row.initial_capacity,
            moved[row.pk],
        )
        for row in vacancies
    ]


def default_vacancy_id() -> int | None:
    """Return the id of the default vacancy, if one is set."""
    return Vacancy.objects.filter(is_default=True).values_list("pk", flat=True).first()


def is_rehearsal(*, vacancy_id: int) -> bool:
    """Say whether this is stock that exists only for a run."""
    return Vacancy.objects.filter(pk=vacancy_id, is_rehearsal=True).exists()


def rehearsal_ids(*, made_before: datetime) -> list[int]:
    """Return the rehearsal stock that was made before this moment."""
    found = Vacancy.objects.filter(is_rehearsal=True, created_at__lt=made_before)
    return list(found.values_list("pk", flat=True))


def real_vacancies() -> QuerySet[Vacancy]:
    """Return all stock that people really buy: everything but rehearsal stock."""
    return Vacancy.objects.filter(is_rehearsal=False)


def vacancies_on_sale(*, now: datetime) -> list[Vacancy]:
    """Return what a stranger may buy now, in id order."""
    begun = Q(on_sale_from=None) | Q(on_sale_from__lte=now)
    not_over = Q(on_sale_until=None) | Q(on_sale_until__gt=now)
    selling = real_vacancies().filter(begun, not_over, state=Vacancy.State.ON_SALE)
    return list(selling.order_by("pk"))


def vacancy_visible(*, vacancy_id: int | None, only: int | None = None) -> Vacancy | None:
    """Return one vacancy as a buyer may see it, or None.

    `vacancy_id` None means the default one. `only` is the vacancy that the caller's key is bound
    to, if any: such a key sees that one and nothing else, and it is the key's default.
    Drafts are nobody's business; paused and closed ones are shown with their state.
    """
    if only is not None:
        return Vacancy.objects.filter(pk=only).first() if vacancy_id in {None, only} else None
    visible = real_vacancies().exclude(state=Vacancy.State.DRAFT)
    if vacancy_id is None:
        return visible.filter(is_default=True).first()
    return visible.filter(pk=vacancy_id).first()


def all_rehearsals() -> QuerySet[Vacancy, int]:
    """Return the ids of rehearsal stock, to leave it out: there are few, they go after a run."""
    return Vacancy.objects.filter(is_rehearsal=True).order_by().values_list("pk", flat=True)
