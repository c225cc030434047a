"""Run in a process of its own: asks for a run for each line it reads, as the start page does."""

import json
import sys

import django


def main() -> None:
    """Read how many seconds each run is to last; print its number, or null if it was refused."""
    django.setup()
    from django.db import connection
    from django.utils import timezone

    from loadlab import services

    for line in sys.stdin:
        values = {"user_count": 10, "duration_s": int(line), "capacity": 50}
        run = services.run_request(
            scenario="baseline", values=values, requested_by=None, now=timezone.now()
        )
        connection.close()  # the tests restart the database meanwhile
        sys.stdout.write(json.dumps(run.pk) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
