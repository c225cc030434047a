"""Make an API key for a client; it is printed once and stored only as a hash."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from tickets import services
from tickets.models import NAME_LENGTH


class Command(BaseCommand):
    """Print a new key."""

    help = "Makes an API key and prints it, the only time it is shown."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a name and scopes."""
        parser.add_argument("name")
        parser.add_argument(
            "--scope", action="append", choices=services.SCOPES, help="default: buy; repeatable"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the key.

        Raises:
            CommandError: the name would not tell people whose key it is.
        """
        name = options["name"].strip()
        if not 1 <= len(name) <= NAME_LENGTH or not name.isprintable():
            raise CommandError(f"The name of a key is 1 to {NAME_LENGTH} printable characters.")
        scopes = " ".join(dict.fromkeys(options["scope"] or ["buy"]))
        _, secret = services.key_create(name=name, scopes=scopes, now=timezone.now())
        self.stdout.write(secret)
