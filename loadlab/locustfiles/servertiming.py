"""Reading the Server-Timing header: what the server says it spent on a request."""

import re
from typing import NamedTuple

_PART = re.compile(r"\b(total|queue|db);dur=([0-9]+(?:\.[0-9]+)?)")
MOST_MS = 3_600_000.0  # an hour: beyond that it is no duration but a mistake


class Timing(NamedTuple):
    """What one answer said, in ms; a part that it did not name took nothing."""

    total_ms: float
    queue_ms: float
    db_ms: float

    @classmethod
    def read(cls, header: str) -> "Timing | None":
        """Read `total;dur=12.3, db;dur=4.5, queue;dur=0.6`; None if it does not say a total."""
        parts = {name: float(dur) for name, dur in _PART.findall(header)}
        total = parts.get("total")
        if total is None or max(parts.values()) > MOST_MS:
            return None
        return cls(total, parts.get("queue", 0.0), parts.get("db", 0.0))
