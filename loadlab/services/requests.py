"""Asking for a run, claiming it, asking it to stop."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q

from loadlab import states
from loadlab.models import LabWorker, Run
from loadlab.scenarios import SCENARIOS
from loadlab.sentence import Sentence, gettext_noop
from loadlab.services.errors import OutOfBounds, RunActive, UnknownScenario
from loadlab.services.life import LEASE, reason_columns
from loadlab.services.rehearsal import runs_end_lapsed, shape_of
from loadlab.services.targets import target_check
from loadlab.services.values import values_check
from loadlab.services.workers import ALIVE_FOR
from tickets.sabotage import WAYS

TURN = timedelta(seconds=2)


def run_request(
    *,
    scenario: str,
    values: Mapping[str, float],
    requested_by: User | None,
    now: datetime,
    claim_for: str = "",
    shape_from: int | None = None,
    abort_after_s: int | None = None,
    sabotage: str = "",
) -> Run:
    """Store a run for a worker to claim; with `claim_for` it is claimed for that one at once.

    `values` are settings by the names of the scenario's fields; what is not there gets its default.
    `shape_from` is a real vacancy whose capacity, price and limit the rehearsal takes; a capacity
    among the values goes before. After `abort_after_s` seconds in a row beyond the budget the run
    is aborted. `sabotage` breaks the rehearsal's stock afterwards, to see whether it is noticed.

    Raises:
        UnknownScenario, OutOfBounds, TargetNotAllowed, NoSuchShape: as named.
        RunActive: another run waits or runs.
    """
    if scenario not in SCENARIOS:
        raise UnknownScenario(gettext_noop("There is no scenario %(name)s."), name=repr(scenario))
    _check_extras(abort_after_s, sabotage)
    shape = shape_of(vacancy_id=shape_from)
    if shape_from is not None:
        values = {"capacity": shape.pop("capacity"), **values}
    checked = values_check(scenario=SCENARIOS[scenario], values=values)
    columns = {name: checked.pop(name, 0) for name in Run.COLUMNS}
    target_check(settings.LOADLAB_TARGET)
    runs_end_lapsed(now=now)
    try:
        with transaction.atomic():
            return Run.objects.create(
                scenario=scenario,
                **columns,
                **shape,
                settings=checked,
                shape_from=shape_from,
                abort_after_s=abort_after_s,
                sabotage=sabotage,
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


def _check_extras(abort_after_s: int | None, sabotage: str) -> None:
    if abort_after_s is not None and abort_after_s < 1:
        text = gettext_noop("Abort after %(seconds)s s: it takes at least one second.")
        raise OutOfBounds(text, seconds=abort_after_s)
    longest = settings.LOADLAB_MAX_DURATION_S
    if abort_after_s is not None and abort_after_s > longest:
        text = gettext_noop("%(field)s: %(value)s is not between %(low)s and %(high)s.")
        words = {"value": f"{abort_after_s:g}", "low": "1", "high": f"{longest:g}"}
        raise OutOfBounds(text, field=gettext_noop("Abort after"), **words)
    if sabotage and sabotage not in WAYS:
        text = gettext_noop("There is no way %(way)s to break stock: %(ways)s.")
        raise OutOfBounds(text, way=repr(sabotage), ways=", ".join(WAYS))


def run_stop_request(*, run_id: int, now: datetime) -> bool:
    """Ask an active run to stop; one that nobody has claimed stops at once. False if it ended."""
    waiting = Run.objects.filter(pk=run_id, state=states.REQUESTED)
    if waiting.update(
        state=states.STOPPED,
        slot=None,
        ended_at=now,
        stop_requested_at=now,
        **reason_columns(Sentence(gettext_noop("Stopped before it began."))),
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
    if not _is_our_turn(wanted, worker, now):
        return None
    claimed = Run.objects.filter(pk=wanted, state=states.REQUESTED).update(
        state=states.STARTING, worker=worker, lease_until=now + LEASE
    )
    if claimed:
        LabWorker.objects.filter(name=worker).update(claimed_at=now)
    return wanted if claimed else None


def _is_our_turn(run_id: int, worker: str, now: datetime) -> bool:
    """Leave a fresh run for a moment to the worker whose last run is longest ago.

    Whoever asks most often would otherwise take every run. One that is known to live but does
    not come for its turn within two seconds loses it.
    """
    fresh = Run.objects.filter(pk=run_id, requested_at__gt=now - TURN).exists()
    others = LabWorker.objects.filter(seen_at__gt=now - ALIVE_FOR).exclude(name=worker)
    mine = LabWorker.objects.filter(name=worker).values_list("claimed_at", flat=True).first()
    if not fresh or mine is None:
        return True
    return not others.filter(Q(claimed_at=None) | Q(claimed_at__lt=mine)).exists()
