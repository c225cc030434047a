"""Make the demo data that `make run` shows."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ticketsite.config import VAR
from ticketsite.demo import NotInProduction, seed

CREDENTIALS_FILE = VAR / "demo.json"


class Command(BaseCommand):
    """Make what is missing, change nothing that is there."""

    help = "Makes three vacancies, an operator and an API key, in development only."

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed and say what to log in with."""
        try:
            known = seed(path=CREDENTIALS_FILE, now=timezone.now())
        except NotInProduction as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(f"login {known.username} / {known.password}, key {known.api_key}")
