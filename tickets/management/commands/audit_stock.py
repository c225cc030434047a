"""`manage.py audit_stock`: do the counters say what the rows say?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tickets.auditing import audit
from vacancy import selectors as stock_rows


class Command(BaseCommand):
    """Prints every difference; the exit code is for scripts."""

    help = "Recomputes every counter from rows and movements. Exit code 1 if any differs."

    def add_arguments(self, parser: CommandParser) -> None:
        """One vacancy may be named."""
        parser.add_argument("--vacancy", type=int, help="only this one, by id")

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare, print, and exit 1 on any drift.

        Raises:
            CommandError: the vacancy is not there; exit code 2, so that it is no drift.
        """
        vacancy_id = options["vacancy"]
        if vacancy_id is not None and stock_rows.counters(vacancy_id=vacancy_id) is None:
            raise CommandError(f"There is no vacancy {vacancy_id}.", returncode=2)
        drifts = audit(vacancy_id=vacancy_id)
        for drift in drifts:
            self.stdout.write(str(drift))
        if drifts:
            self.stdout.write(self.style.ERROR(f"{len(drifts)} figures differ."))
            raise SystemExit(1)
        self.stdout.write("Counters, rows and ledger agree.")
