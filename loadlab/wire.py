"""The lines that the load generator writes and the supervisor reads: one JSON object each.

Neither Django nor Locust is imported here: both sides use this module, and only this one.

    hello   once, when the first buyer may start
    second  once for each second
    final   once, when every virtual user has stopped
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from typing import Any

VERSION = 2
MAX_LINE_BYTES = 1_000_000
LARGEST_INT = 2**31 - 1  # what a database column takes
LARGEST_FLOAT = 1e11  # as a Unix time this is the year 5138
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
    # Sums over those answers that said in Server-Timing where their time went:
    timed_count: int = 0
    timed_ms: float = 0.0  # as the buyer saw them, from the real start on
    server_ms: float = 0.0  # the server's total: queue, database and rest
    queue_ms: float = 0.0
    db_ms: float = 0.0


@dataclass(frozen=True)
class Event:
    """Something for the time axis, `at_s` seconds after the first buyer.

    Kinds: ramp_end, spike_begin, spike_end, first_dropped, worker_lost. That places sold out is
    no event: the first second with the outcome `sold_out` tells it.
    """

    at_s: float
    kind: str
    params: dict[str, int] = field(default_factory=dict)


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
    # Open loop; all 0 in a closed one.
    asked_count: int = 0  # arrivals planned in this second
    begun_count: int = 0  # arrivals that began in it, maybe late
    dropped_count: int = 0  # arrivals of this second that could not start: too many under way
    late: str = ""  # histogram of real minus planned start; empty if nothing began
    worker_count: int = 1  # generator processes whose report is in here
    events: list[Event] = field(default_factory=list)


@dataclass(frozen=True)
class Final:
    """Everything has stopped; what was started and never seen to end is unknown."""

    elapsed_s: float
    started_count: int
    ended_count: int
    unknown: dict[str, int]  # by request name
    out_of_range_count: int  # latencies above a minute: counted, not recorded
    lost_count: int
    asked_count: int = 0
    begun_count: int = 0
    dropped_count: int = 0
    unknown_keys: list[str] = field(default_factory=list)  # Idempotency-Keys of what is unknown
    workers_lost: int = 0  # what they did after their last report is not in any figure


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
        said = json.loads(raw)
        kind = KINDS[said.pop("kind")]
        for name, read in PARTS.items():
            if name in said:
                said[name] = [read(item) for item in said[name]]
        line: Line = kind(**said)
        _check_values(line)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WireError(f"not a line of the load generator: {raw[:80]!r}") from error
    if isinstance(line, Hello) and line.version != VERSION:
        raise WireError(f"the generator speaks version {line.version}, this is {VERSION}")
    return line


def _series(item: dict[str, Any]) -> Series:
    series = Series(**item)
    _check_values(series)
    if series.outcome not in OUTCOMES or series.count < 1:
        raise ValueError(series.outcome)
    return series


def _event(item: dict[str, Any]) -> Event:
    event = Event(**item)
    _check_values(event)
    return event


PARTS: dict[str, Callable[[Any], Any]] = {"series": _series, "events": _event}


def _check_values(said: Line | Series | Event) -> None:
    """Refuse what a dataclass would take without a look: a text for a number, NaN, below 0."""
    for one in fields(said):
        if not FITS[one.type](getattr(said, one.name)):
            raise ValueError(one.name)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LARGEST_INT


def _is_measure(value: Any) -> bool:
    return type(value) in {int, float} and 0 <= value <= LARGEST_FLOAT  # NaN is not


def _are_counts(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_count(count) for count in value.values())


FITS: dict[Any, Callable[[Any], bool]] = {
    int: _is_count,
    float: _is_measure,
    str: _is_text,
    dict[str, int]: _are_counts,
    list[Series]: lambda value: True,  # each was checked when it was read
    list[Event]: lambda value: True,
    list[str]: lambda value: isinstance(value, list) and all(_is_text(one) for one in value),
}
