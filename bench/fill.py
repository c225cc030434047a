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

    call_command("migrate", verbosity=0, interactive=False)
    _, secret = key_create(name="bench", now=timezone.now())
    usual = {"venue": "Hall 1", "price": 4500, "state": Vacancy.State.ON_SALE}
    many, few = 100_000_000, 1000
    hot = Vacancy.objects.create(
        name="Hot", capacity=many, available=many, is_default=True, **usual
    )
    gone = Vacancy.objects.create(name="Sold out", capacity=few, available=0, sold=few, **usual)
    return {"key": secret, "hot": hot.pk, "gone": gone.pk}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(make()) + "\n")
