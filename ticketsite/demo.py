"""Demo data: three vacancies, a login and an API key, for development only.

Login and key are made at random for each checkout and kept in an ignored file, so that every
start can show them; the database has only their hashes.
"""

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction

from tickets import selectors as tickets_rows
from tickets import services as tickets
from ticketsite.auth import DEMO_USERNAME
from vacancy import selectors as stock_rows
from vacancy import services as stock


class NotInProduction(Exception):
    """Demo data was asked for where real people buy."""


@dataclass(frozen=True)
class Credentials:
    """What a newcomer needs to get in."""

    username: str
    password: str
    api_key: str


def credentials(path: Path) -> Credentials:
    """Return this checkout's demo login and key, making them at the first call."""
    if not path.exists():
        made = Credentials(DEMO_USERNAME, secrets.token_urlsafe(9), tickets.new_secret())
        path.parent.mkdir(exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(made)))
    return Credentials(**json.loads(path.read_text()))


@transaction.atomic
def seed(*, path: Path, now: datetime) -> Credentials:
    """Make what is missing of the demo data; what is there is left as it is.

    Raises:
        NotInProduction: as named.
    """
    if settings.TICKETSITE_ENV == "production":
        raise NotInProduction("Demo data is for development: TICKETSITE_ENV is production.")
    known = credentials(path)
    users = get_user_model()
    if not users.objects.filter(username=DEMO_USERNAME).exists():
        users.objects.create_superuser(DEMO_USERNAME, password=known.password)
    if not tickets_rows.key_exists(secret=known.api_key):
        tickets.key_create(name="Demo shop", secret=known.api_key, is_demo=True, now=now)
    if not stock_rows.real_vacancies().exists():
        _make_vacancies(now)
    return known


def _make_vacancies(now: datetime) -> None:
    evening = (now + timedelta(days=30)).replace(hour=19, minute=0, second=0, microsecond=0)
    stock.vacancy_create(
        name="Concert, floor standing",
        venue="Hall 1",
        starts_at=evening,
        price=4500,
        capacity=1000,
        is_default=True,
        now=now,
    )
    stock.vacancy_create(
        name="Concert, balcony",
        venue="Hall 1",
        starts_at=evening,
        price=6500,
        capacity=340,
        now=now,
    )
    workshop = stock.vacancy_create(
        name="Workshop: printmaking",
        venue="Studio B",
        starts_at=evening - timedelta(days=9),
        price=3000,
        capacity=40,
        max_per_purchase=2,
        now=now,
    )
    for vacancy in stock_rows.real_vacancies().exclude(pk=workshop.pk):
        stock.put_on_sale(vacancy_id=vacancy.pk, now=now)
