"""Where a request's time goes: each part tells what it spent, the way in writes Server-Timing.

A task inherits the record of the request that happened to start it. One that serves many requests
must begin with an empty `contextvars.Context()`, or it would spend on that one's account.
"""

from contextvars import ContextVar

Record = dict[str, float]  # seconds by name
_record: ContextVar[Record | None] = ContextVar("timing", default=None)


def begin() -> Record:
    """Open a fresh record for the request of this task, and return it."""
    record: Record = {}
    _record.set(record)
    return record


def spend(name: str, seconds: float) -> None:
    """Add to what this request spent on `name`; do nothing outside a request."""
    record = _record.get()
    if record is not None:
        record[name] = record.get(name, 0.0) + seconds
