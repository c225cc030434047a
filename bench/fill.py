"""What is on sale while measuring; a program, because Django is set up once in a process.

python -m bench.fill           migrate, make a key and vacancies; prints them as JSON
"""

import json
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")


def make() -> dict[str, str | int]:
    """Migrate an empty database and put a hot vacancy and a sold-out one into it."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.utils import timezone

    from tickets.services import key_create
    from vacancy.models import Vacancy
    from vacancy.services import vacancy_create

    call_command("migrate", verbosity=0, interactive=False)
    now = timezone.now()
    _, secret = key_create(name="bench", now=now)
    hot = vacancy_create(
        name="Hot", venue="Hall 1", price=4500, capacity=100_000_000, is_default=True, now=now
    )
    gone = vacancy_create(name="Sold out", venue="Hall 1", price=4500, capacity=1000, now=now)
    Vacancy.objects.update(state=Vacancy.State.ON_SALE)
    Vacancy.objects.filter(pk=gone.pk).update(sold=1000, available=0)
    return {"key": secret, "hot": hot.pk, "gone": gone.pk}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(make()) + "\n")
