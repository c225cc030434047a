"""Asking for a run, claiming it, asking it to stop."""

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from loadlab import states
from loadlab.models import Run
from loadlab.scenarios import SCENARIOS
from loadlab.services.errors import RunActive, UnknownScenario
from loadlab.services.life import LEASE
from loadlab.services.rehearsal import runs_end_lapsed
from loadlab.services.targets import target_check
from loadlab.services.values import values_check


def run_request(
    *,
    scenario: str,
    values: Mapping[str, float],
    requested_by: User | None,
    now: datetime,
    claim_for: str = "",
) -> Run:
    """Store a run for a worker to claim; with `claim_for` it is claimed for that one at once.

    `values` are settings by the names of the scenario's fields; what is not there gets its default.

    Raises:
        UnknownScenario, OutOfBounds, TargetNotAllowed: as named.
        RunActive: another run waits or runs.
    """
    if scenario not in SCENARIOS:
        raise UnknownScenario(f"There is no scenario {scenario!r}.")
    checked = values_check(scenario=SCENARIOS[scenario], values=values)
    columns = {name: checked.pop(name, 0) for name in Run.COLUMNS}
    target_check(settings.LOADLAB_TARGET)
    runs_end_lapsed(now=now)
    try:
        with transaction.atomic():
            return Run.objects.create(
                scenario=scenario,
                **columns,
                settings=checked,
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
