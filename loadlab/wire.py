"""The lines that the load generator writes and the supervisor reads: one JSON object each.

Neither Django nor Locust is imported here: both sides use this module, and only this one.

    hello   once, when the first buyer may start
    second  once for each second
    final   once, when every virtual user has stopped
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

VERSION = 1
MAX_LINE_BYTES = 1_000_000
OUTCOMES = ("bought", "read", "sold_out", "refused", "fault", "unknown")


class WireError(ValueError):
    """A line that is not one of ours."""


@dataclass(frozen=True)
class Series:
    """What happened in one second under one name with one outcome."""

    name: str
    outcome: str
    count: int
    sum_ms: float
    histogram: str  # HDR histogram in µs, V2 compressed, base64


@dataclass(frozen=True)
class Hello:
    """The generator is up; `at` is the Unix time, in seconds, when the run's clock starts."""

    at: float
    pid: int
    generator: str  # "locust 2.47.0"
    version: int = VERSION


@dataclass(frozen=True)
class Second:
    """One finished second; `seq` counts from 0, `at` is the Unix time of its end."""

    seq: int
    at: float
    elapsed_s: float
    user_count: int
    in_flight: int
    cpu_pct: float  # of one core
    lag_ms: float
    lost_count: int  # lines dropped so far because the pipe was full
    series: list[Series] = field(default_factory=list)


@dataclass(frozen=True)
class Final:
    """Everything has stopped; what was started and never seen to end is unknown."""

    elapsed_s: float
    started_count: int
    ended_count: int
    unknown: dict[str, int]  # by request name
    out_of_range_count: int  # latencies above a minute: counted, not recorded
    lost_count: int


Line = Hello | Second | Final
KINDS: dict[str, type[Any]] = {"hello": Hello, "second": Second, "final": Final}


def encode(line: Line) -> bytes:
    """Return the line as bytes, newline included."""
    kind = type(line).__name__.lower()
    return json.dumps({"kind": kind, **asdict(line)}, separators=(",", ":")).encode() + b"\n"


def decode(raw: bytes) -> Line:
    """Read one line.

    Raises:
        WireError: not JSON, not a known kind, or fields that do not fit.
    """
    try:
        fields = json.loads(raw)
        kind = KINDS[fields.pop("kind")]
        if "series" in fields:
            fields["series"] = [_series(item) for item in fields["series"]]
        line: Line = kind(**fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WireError(f"not a line of the load generator: {raw[:80]!r}") from error
    if isinstance(line, Hello) and line.version != VERSION:
        raise WireError(f"the generator speaks version {line.version}, this is {VERSION}")
    return line


def _series(item: dict[str, Any]) -> Series:
    series = Series(**item)
    if series.outcome not in OUTCOMES or not series.count >= 1:
        raise ValueError(series.outcome)
    return series
