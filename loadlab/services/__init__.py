"""Every write of the load lab: one room for callers, a file for what belongs together."""

from loadlab.services.baselines import baseline_remove, baseline_set, noise_record
from loadlab.services.errors import (
    LabRefusal,
    NoSuchShape,
    NotABaseline,
    NotDeletable,
    OutOfBounds,
    RunActive,
    RunLost,
    TargetNotAllowed,
    UnknownScenario,
)
from loadlab.services.housekeeping import run_delete, runs_forget
from loadlab.services.life import (
    JUDGING_SHARE,
    LEASE,
    lease_renew,
    run_begin,
    run_end,
    run_stopping,
)
from loadlab.services.recording import event_record, run_environment, second_record
from loadlab.services.rehearsal import (
    Rehearsal,
    leftovers_remove,
    orphans_remove,
    rehearsal_create,
    rehearsal_remove,
    runs_end_lapsed,
)
from loadlab.services.requests import run_claim, run_request, run_stop_request
from loadlab.services.targets import target_check, target_port, target_resolve
from loadlab.services.values import bounds, values_check
from loadlab.services.workers import worker_gone, worker_seen

__all__ = [
    "JUDGING_SHARE",
    "LEASE",
    "LabRefusal",
    "NoSuchShape",
    "NotABaseline",
    "NotDeletable",
    "OutOfBounds",
    "Rehearsal",
    "RunActive",
    "RunLost",
    "TargetNotAllowed",
    "UnknownScenario",
    "baseline_remove",
    "baseline_set",
    "bounds",
    "event_record",
    "lease_renew",
    "leftovers_remove",
    "noise_record",
    "orphans_remove",
    "rehearsal_create",
    "rehearsal_remove",
    "run_begin",
    "run_claim",
    "run_delete",
    "run_end",
    "run_environment",
    "run_request",
    "run_stop_request",
    "run_stopping",
    "runs_end_lapsed",
    "runs_forget",
    "second_record",
    "target_check",
    "target_port",
    "target_resolve",
    "values_check",
    "worker_gone",
    "worker_seen",
]
