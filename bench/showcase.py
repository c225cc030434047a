"""A sale day to look at: vacancies, an hour of sales, holds and attempts, for pictures.

Written straight into the database of a site that is named by the environment, with counters and
rows that agree: `manage.py audit_stock` finds nothing. Never for a database that matters.
"""

import math
import os
import random
from dataclasses import dataclass
from datetime import datetime, timedelta

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ticketsite.settings")

import django

django.setup()

from django.db.models import F
from django.utils import timezone

from tickets.models import ApiKey, AttemptMinute, Hold, Purchase, Ticket
from tickets.services import key_create
from vacancy.models import StockMovement, Vacancy

REASONS = {"on_sale": "Put on sale", "paused": "Paused", "closed": "Closed"}  # as services write
BUYERS = ("Ada Lovelace", "Grace Hopper", "Carl Gauß", "Emmy Noether", "Luís Vaz", "Ana Dias")


@dataclass(frozen=True)
class Show:
    """One vacancy of the picture."""

    name: str
    venue: str
    capacity: int
    sold: int
    held: int
    price: int
    state: str
    opens: timedelta | None = None
    closes: timedelta | None = None


SHOWS = (
    Show("Guided tour, English", "Museum", 60, 60, 0, 1200, "closed"),
    Show("Gala dinner", "Foyer", 180, 0, 0, 12000, "draft", timedelta(hours=1, minutes=12), None),
    Show("Matinee, stalls", "Theatre", 860, 211, 0, 2800, "paused"),
    Show("Lecture: networks", "Hall 2", 320, 118, 6, 0, "on_sale", None, timedelta(days=3)),
    Show("Night of jazz", "Cellar", 220, 164, 9, 2200, "on_sale", None, timedelta(hours=9)),
    Show("Opera gala, balcony", "Opera", 340, 331, 9, 6500, "on_sale", None, timedelta(days=6)),
)


def fill(*, now: datetime) -> None:
    """Add the sale day to what the site has."""
    chance = random.Random(7)  # noqa: S311  # the same picture each time
    keys = [key_create(name=name, now=now)[0] for name in ("Web shop", "Box office", "Partner")]
    for show in SHOWS:
        _sell(_vacancy(show, now), show, keys, now, chance)
    for vacancy in Vacancy.objects.filter(is_rehearsal=False, sold=0, state="on_sale"):
        sold = vacancy.capacity * 7 // 10
        show = Show(vacancy.name, "", vacancy.capacity, sold, 0, vacancy.price, "on_sale")
        Vacancy.objects.filter(pk=vacancy.pk).update(available=F("available") - sold, sold=sold)
        _sell(vacancy, show, keys, now, chance)
    _attempts(now, chance)


def _vacancy(show: Show, now: datetime) -> Vacancy:
    vacancy = Vacancy.objects.create(
        name=show.name,
        venue=show.venue,
        state=show.state,
        price=show.price,
        currency="BRL",
        capacity=show.capacity,
        initial_capacity=show.capacity,
        sold=show.sold,
        held=show.held,
        available=show.capacity - show.sold - show.held,
        starts_at=now + timedelta(days=20),
        on_sale_from=now + show.opens if show.opens else None,
        on_sale_until=now + show.closes if show.closes else None,
    )
    if reason := REASONS.get(show.state):
        StockMovement.objects.create(vacancy=vacancy, kind="state", qty=0, reason=reason, at=now)
    return vacancy


def _sell(
    vacancy: Vacancy, show: Show, keys: list[ApiKey], now: datetime, chance: random.Random
) -> None:
    left, purchases = show.sold, []
    while left:
        qty = min(left, chance.choice((1, 1, 2, 2, 3, 4)))
        left -= qty
        purchases.append(_purchase(vacancy, qty, keys, _moment(now, chance), chance))
    Purchase.objects.bulk_create(purchases)
    Ticket.objects.bulk_create(
        Ticket(purchase=one, checked_in_at=now if show.state == "closed" and at % 3 else None)
        for one in purchases
        for at in range(one.qty)
    )
    for at in range(show.held // 3):
        _hold(vacancy, keys[at % len(keys)], now + timedelta(seconds=150 + 97 * at), now)


def _moment(now: datetime, chance: random.Random) -> datetime:
    """Within the last hours, with a rush twenty minutes ago."""
    back = chance.gauss(19, 3) if chance.random() < 0.35 else abs(chance.gauss(0, 45))
    return now - timedelta(minutes=max(back, 0.05))


def _purchase(
    vacancy: Vacancy, qty: int, keys: list[ApiKey], at: datetime, chance: random.Random
) -> Purchase:
    name = chance.choice(BUYERS)
    return Purchase(
        vacancy=vacancy,
        client=chance.choice(keys),
        qty=qty,
        unit_price=vacancy.price,
        total=vacancy.price * qty,
        currency=vacancy.currency,
        buyer_name=name,
        buyer_email=f"{name.split()[0].lower()}@example.org",
        created_at=at,
    )


def _hold(vacancy: Vacancy, key: ApiKey, until: datetime, now: datetime) -> None:
    Hold.objects.create(
        vacancy=vacancy,
        client=key,
        qty=3,
        unit_price=vacancy.price,
        currency=vacancy.currency,
        expires_at=until,
        created_at=now - timedelta(minutes=8),
    )


def _attempts(now: datetime, chance: random.Random) -> None:
    minute = now.replace(second=0, microsecond=0)
    for back in range(60):
        at = minute - timedelta(minutes=back)
        busy = 20 + int(200 * math.exp(-(((back - 19) / 4) ** 2)))
        counts = {"bought": busy // 3, "sold_out": busy // 2, "refused": chance.randrange(3)}
        counts["fault"] = chance.randrange(1, 3) if back < 6 else 0
        for outcome, count in counts.items():
            if count:
                AttemptMinute.objects.update_or_create(
                    minute=at, outcome=outcome, defaults={"count": count}
                )


if __name__ == "__main__":
    fill(now=timezone.now())
