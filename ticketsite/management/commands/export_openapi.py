"""Keep docs/openapi.json equal to what the API says of itself."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from ninja.responses import NinjaJSONEncoder

from ticketsite.api import PREFIX, api
from ticketsite.config import ROOT


def document() -> str:
    """Return the OpenAPI document as text that only changes when the API does."""
    schema = api.get_openapi_schema(path_prefix=PREFIX + "/")
    # Through JSON once: status codes are numbers and names side by side, and cannot be sorted.
    plain = json.loads(json.dumps(schema, cls=NinjaJSONEncoder))
    return json.dumps(plain, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


class Command(BaseCommand):
    """Write the OpenAPI snapshot, or compare it with the code."""

    help = "Writes docs/openapi.json; with --check, fails if it is not what the code says."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add --check and --path."""
        parser.add_argument("--check", action="store_true", help="compare, write nothing")
        parser.add_argument("--path", type=Path, default=ROOT / "docs" / "openapi.json")

    def handle(self, *, path: Path, check: bool, **options: Any) -> None:
        """Write or compare.

        Raises:
            CommandError: with --check, if the snapshot is missing or differs.
        """
        text = document()
        if not check:
            path.write_text(text, encoding="utf-8")
            self.stdout.write(f"Wrote {path}")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            raise CommandError(
                f"{path} is not what the API says of itself. If the change is meant, run "
                "manage.py export_openapi (or make format) and commit the result."
            )
