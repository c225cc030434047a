"""Who is there to supervise runs."""

from datetime import datetime, timedelta

from loadlab.models import LabWorker

ALIVE_FOR = timedelta(seconds=10)
WORKER_FORGOTTEN_AFTER = timedelta(hours=1)


def worker_seen(*, worker: str, now: datetime) -> None:
    """Note that a worker lives, and forget those that were not heard of for an hour."""
    LabWorker.objects.update_or_create(name=worker, defaults={"seen_at": now})
    LabWorker.objects.filter(seen_at__lt=now - WORKER_FORGOTTEN_AFTER).delete()


def worker_gone(*, worker: str) -> None:
    """Forget a worker that says good-bye."""
    LabWorker.objects.filter(name=worker).delete()
