"""`manage.py audit_stock`: do the counters say what the rows say?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from tickets.auditing import audit


class Command(BaseCommand):
    """Prints every difference; the exit code is for scripts."""

    help = "Recomputes every counter from rows and movements. Exit code 1 if any differs."

    def add_arguments(self, parser: CommandParser) -> None:
        """One vacancy may be named."""
        parser.add_argument("--vacancy", type=int, help="only this one, by id")

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare, print, and exit 1 on any drift."""
        drifts = audit(vacancy_id=options["vacancy"])
        for drift in drifts:
            self.stdout.write(str(drift))
        if drifts:
            self.stdout.write(self.style.ERROR(f"{len(drifts)} figures differ."))
            raise SystemExit(1)
        self.stdout.write("Counters, rows and ledger agree.")
