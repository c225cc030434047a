"""Run in a process of its own: migrate a shop's database, put stock on sale, make a key."""

import json
import sys

import django


def main(capacities: dict[str, int]) -> None:
    """Print the key and the id of each vacancy, as JSON."""
    django.setup()
    from django.core.management import call_command
    from django.utils import timezone

    from tickets import services as tickets
    from vacancy import services as stock

    call_command("migrate", verbosity=0, interactive=False)
    now = timezone.now()
    ids = {}
    for name, capacity in capacities.items():
        vacancy = stock.vacancy_create(name=name, capacity=capacity, price=1000, now=now)
        stock.put_on_sale(vacancy_id=vacancy.pk, now=now)
        ids[name] = vacancy.pk
    _, key = tickets.key_create(name="Shop", scopes="buy check_in", now=now)
    json.dump({"key": key, "vacancies": ids}, sys.stdout)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
