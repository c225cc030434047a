"""Asking for a run, claiming it, asking it to stop."""

from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from loadlab import states
from loadlab.models import Run
from loadlab.scenarios import SCENARIOS
from loadlab.services.errors import OutOfBounds, RunActive, UnknownScenario
from loadlab.services.life import LEASE
from loadlab.services.rehearsal import runs_end_lapsed
from loadlab.services.targets import target_check

MAX_THINK_TIME_S = 3600.0
MAX_CAPACITY = 1_000_000


def run_request(
    *,
    scenario: str,
    user_count: int,
    think_time_s: float,
    duration_s: int,
    capacity: int,
    requested_by: User | None,
    now: datetime,
    claim_for: str = "",
) -> Run:
    """Store a run for a worker to claim; with `claim_for` it is claimed for that one at once.

    Raises:
        UnknownScenario, OutOfBounds, TargetNotAllowed: as named.
        RunActive: another run waits or runs.
    """
    if scenario not in SCENARIOS:
        raise UnknownScenario(f"There is no scenario {scenario!r}.")
    _check_bounds(user_count, think_time_s, duration_s, capacity)
    target_check(settings.LOADLAB_TARGET)
    runs_end_lapsed(now=now)
    try:
        with transaction.atomic():
            return Run.objects.create(
                scenario=scenario,
                user_count=user_count,
                think_time_s=think_time_s,
                duration_s=duration_s,
                capacity=capacity,
                target=settings.LOADLAB_TARGET,
                requested_by=requested_by,
                requested_at=now,
                state=states.STARTING if claim_for else states.REQUESTED,
                worker=claim_for,
                lease_until=now + LEASE if claim_for else None,
            )
    except IntegrityError:  # see Note [One run at a time]
        active = Run.objects.filter(slot=1).values_list("pk", flat=True).first()
        raise RunActive(active) from None


def _check_bounds(user_count: int, think_time_s: float, duration_s: int, capacity: int) -> None:
    bounds = (
        ("Virtual users", user_count, 1, settings.LOADLAB_MAX_USERS),
        ("Think time in seconds", think_time_s, 0, MAX_THINK_TIME_S),
        ("Duration in seconds", duration_s, 1, settings.LOADLAB_MAX_DURATION_S),
        ("Rehearsal stock", capacity, 1, MAX_CAPACITY),
    )
    for name, value, low, high in bounds:
        if not low <= value <= high:
            raise OutOfBounds(f"{name}: {value:g} is not between {low:g} and {high:g}.")


def run_stop_request(*, run_id: int, now: datetime) -> bool:
    """Ask an active run to stop; one that nobody has claimed stops at once. False if it ended."""
    waiting = Run.objects.filter(pk=run_id, state=states.REQUESTED)
    if waiting.update(
        state=states.STOPPED,
        slot=None,
        ended_at=now,
        stop_requested_at=now,
        reason="Stopped before it began.",
    ):
        return True
    asked = Run.objects.filter(pk=run_id, slot=1, stop_requested_at=None)
    return bool(asked.update(stop_requested_at=now))


def run_claim(*, worker: str, now: datetime) -> int | None:
    """Take the run that waits, and return its id; None if there is none to take."""
    waiting = Run.objects.filter(state=states.REQUESTED).order_by("pk")
    wanted = waiting.values_list("pk", flat=True).first()
    if wanted is None:
        return None
    claimed = Run.objects.filter(pk=wanted, state=states.REQUESTED).update(
        state=states.STARTING, worker=worker, lease_until=now + LEASE
    )
    return wanted if claimed else None
