"""Holds that ran out: their places go back on sale."""

from datetime import datetime

from django.db.models import QuerySet

from tickets.models import Hold
from vacancy import services as stock


def expired(*, vacancy_id: int, now: datetime) -> QuerySet[Hold]:
    """Return the holds of a vacancy that are over and still keep places."""
    return Hold.objects.filter(vacancy=vacancy_id, status=Hold.Status.ACTIVE, expires_at__lte=now)


def take_back_expired(*, vacancy_id: int, now: datetime, limit: int) -> int:
    """Give the places of at most `limit` expired holds back; return how many holds that were.

    The caller holds the vacancy's row, so no two processes take back the same hold.
    """
    over = expired(vacancy_id=vacancy_id, now=now).order_by("expires_at")
    holds = list(over[:limit].only("pk", "qty"))
    if not holds:
        return 0
    Hold.objects.filter(pk__in=[hold.pk for hold in holds]).update(
        status=Hold.Status.EXPIRED, ended_at=now
    )
    lines = [stock.GivenBack(hold.qty, f"{hold} expired") for hold in holds]
    stock.places_give_back(vacancy_id=vacancy_id, kind="expired", lines=lines, actor=None, now=now)
    return len(holds)
