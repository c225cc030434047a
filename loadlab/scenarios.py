"""The workloads that can be run. Adding one is one locustfile and one entry in SCENARIOS.

Whatever a scenario lets people set is declared here once, as a Field: the start form, the flags
of `manage.py loadrun`, the check of the bounds and what the locustfile is told follow from it.
"""

from dataclasses import dataclass
from typing import Literal

from loadlab.sentence import gettext_noop


@dataclass(frozen=True)
class Budget:
    """Limits that a run must keep."""

    p95_ms: float
    fault_pct: float
    p99_ms: float | None = None
    min_rate_per_s: float | None = None


@dataclass(frozen=True)
class Field:
    """One setting of a scenario. A default that is an int allows whole numbers only.

    The site's own caps (LOADLAB_MAX_USERS and the like) come on top: see `services.bounds`.
    """

    name: str
    label: str
    unit: str
    default: float
    minimum: float
    maximum: float
    help: str

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers make sense."""
        return isinstance(self.default, int)


LOOP_NOTES = {
    "closed": gettext_noop(
        "Closed loop: a buyer who waits for an answer sends nothing. When the server stalls the "
        "load stalls with it, so a stall hardly shows in the percentiles."
    ),
    "open": gettext_noop(
        "Open loop: buyers arrive by a timetable, whatever the server does, and latency counts "
        "from the planned start. A stall shows with its full length."
    ),
}


@dataclass(frozen=True)
class Scenario:
    """A named workload, what can be set, and the limits it must keep."""

    name: str
    title: str
    purpose: str  # one line, for the start page
    locustfile: str  # inside loadlab/locustfiles
    loop: Literal["open", "closed"]
    fields: tuple[Field, ...]
    budget: Budget

    @property
    def loop_note(self) -> str:
        """Say what this kind of load can see and what it cannot."""
        return LOOP_NOTES[self.loop]

    def defaults(self) -> dict[str, float]:
        """Return the settings of a run for which nothing was chosen."""
        return {field.name: field.default for field in self.fields}


def _users(default: int) -> Field:
    label = gettext_noop("Virtual users")
    text = gettext_noop("Each asks, waits for the answer, pauses, and asks again.")
    return Field("user_count", label, "users", default, 1, 100_000, text)


def _think_time(default: float) -> Field:
    label = gettext_noop("Think time")
    text = gettext_noop(
        "Pause of each user between requests, drawn up to a tenth longer or shorter."
    )
    return Field("think_time_s", label, "s", default, 0, 600, text)


def _duration(default: int) -> Field:
    label = gettext_noop("Duration")
    return Field(
        "duration_s", label, "s", default, 1, 86_400, gettext_noop("How long buyers come.")
    )


def _capacity(default: int) -> Field:
    label = gettext_noop("Rehearsal stock")
    text = gettext_noop("Made for this run and removed afterwards. Real stock is never touched.")
    return Field("capacity", label, "places", default, 1, 1_000_000, text)


def _workers() -> Field:
    label = gettext_noop("Generator processes")
    text = gettext_noop("More than 1 share the load, each on a processor core of its own.")
    return Field("worker_count", label, "processes", 1, 1, 32, text)


def _at_once(default: int) -> Field:
    label = gettext_noop("Buyers at once, at most")
    text = gettext_noop("Whoever would come beyond that is counted as dropped, not sent later.")
    return Field("user_count", label, "buyers", default, 1, 100_000, text)


def _pause(default: float) -> Field:
    label = gettext_noop("Pause between steps")
    text = gettext_noop("Of one buyer, as between holding a place and paying for it.")
    return Field("think_time_s", label, "s", default, 0, 600, text)


def _rate(default: float) -> Field:
    label = gettext_noop("Arrival rate")
    text = gettext_noop("Buyers who come in a second. One in two only looks, the others buy.")
    return Field("target_rate_per_s", label, "1/s", default, 0.1, 100_000, text)


def _ramp(default: float) -> Field:
    label = gettext_noop("Ramp")
    text = gettext_noop("The arrival rate rises from 0 for so long.")
    return Field("ramp_s", label, "s", default, 0, 86_400, text)


def _seed() -> Field:
    label = gettext_noop("Seed of chance")
    text = gettext_noop("The same seed brings the same buyers at the same moments.")
    return Field("seed", label, "", 1, 0, 1_000_000, text)


# Raise it when the same settings of any scenario begin to bring another load: a run is compared
# with runs of its own revision only.
# 2: users of a closed loop draw their pauses (loadlab.thinking).
LOAD_REVISION = 2

BASELINE = Scenario(
    name="baseline",
    title=gettext_noop("Baseline"),
    purpose=gettext_noop("Half the users look, half buy, until 1,000 places are gone and after."),
    locustfile="baseline.py",
    loop="closed",
    fields=(_users(100), _think_time(0.5), _duration(60), _capacity(1000), _workers()),
    # The published reference run keeps p95 under 500 ms with no HTTP failures.
    budget=Budget(p95_ms=500, fault_pct=1),
)

RUSH = Scenario(
    name="rush",
    title=gettext_noop("Rush"),
    purpose=gettext_noop("The on-sale: buyers arrive at a rising rate, look, hold, buy, cancel."),
    locustfile="rush.py",
    loop="open",
    fields=(
        _rate(100.0),
        _ramp(10.0),
        _at_once(300),
        _pause(0.5),
        _duration(60),
        _capacity(2000),
        _workers(),
        _seed(),
    ),
    budget=Budget(p95_ms=500, fault_pct=1),
)

SOLD_OUT_STORM = Scenario(
    name="sold_out_storm",
    title=gettext_noop("Sold-out storm"),
    purpose=gettext_noop("50 places, 200 users who do not take no for an answer."),
    locustfile="sold_out_storm.py",
    loop="closed",
    fields=(_users(200), _think_time(0.5), _duration(30), _capacity(50), _workers()),
    budget=Budget(p95_ms=500, fault_pct=1),
)

SPIKE = Scenario(
    name="spike",
    title=gettext_noop("Spike"),
    purpose=gettext_noop("A calm sale, and for ten seconds many times as many buyers."),
    locustfile="spike.py",
    loop="open",
    fields=(
        _rate(20.0),
        Field(
            "spike_rate_per_s",
            gettext_noop("Rate of the spike"),
            "1/s",
            200.0,
            0.1,
            100_000,
            gettext_noop("Buyers who come in a second while it lasts."),
        ),
        Field(
            "spike_begins_s",
            gettext_noop("Spike begins after"),
            "s",
            20.0,
            0,
            86_400,
            gettext_noop("Calm before it."),
        ),
        Field(
            "spike_s",
            gettext_noop("Length of the spike"),
            "s",
            10.0,
            1,
            86_400,
            gettext_noop("Calm again after it."),
        ),
        _at_once(500),
        _pause(0.5),
        _duration(60),
        _capacity(2000),
        _workers(),
        _seed(),
    ),
    # Slower during the spike is no failure; people who wait longer than a second leave.
    budget=Budget(p95_ms=1000, fault_pct=1),
)

SOAK = Scenario(
    name="soak",
    title=gettext_noop("Soak"),
    purpose=gettext_noop("Gentle load for half an hour: what leaks or fills up shows here."),
    locustfile="soak.py",
    loop="closed",
    fields=(_users(20), _think_time(1.0), _duration(1800), _capacity(100_000), _workers()),
    budget=Budget(p95_ms=500, fault_pct=0.1),
)

SCENARIOS: dict[str, Scenario] = {
    one.name: one for one in (BASELINE, RUSH, SOLD_OUT_STORM, SPIKE, SOAK)
}


def ceiling_per_s(*, user_count: int, think_time_s: float) -> float | None:
    """Return the requests per second that this load can never pass on average, whatever the server.

    A closed loop of N users who pause Z seconds on average sends at most N / Z (Little's law with
    a latency of zero). None when there is no pause: then nothing but the server limits it.
    """
    return user_count / think_time_s if think_time_s > 0 else None
