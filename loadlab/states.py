"""The life of a run: its states and the moves between them. Plain Python.

Note [States of a run]

    requested ──► starting ──► running ──► finished   its planned end
        │            │            │  └───► failed     with a reason
        │            │            ▼
        │            ├───────► stopping ─► stopped    somebody asked for it
        │            │            ├──────► aborted    a limit was broken for too long
        │            │            └──────► failed
        │            └──► stopped, failed             before the first buyer
        └───────────────► stopped                     nobody had claimed it

    Every move is one conditional update on the states that it may start from. "No row changed"
    because the run is somebody else's by now is a normal outcome; a move that this table does
    not have is a mistake of ours, and says what was expected and what came.
"""

REQUESTED, STARTING, RUNNING, STOPPING = "requested", "starting", "running", "stopping"
FINISHED, STOPPED, ABORTED, FAILED = "finished", "stopped", "aborted", "failed"

ACTIVE = (REQUESTED, STARTING, RUNNING, STOPPING)
ENDED = (FINISHED, STOPPED, ABORTED, FAILED)

MOVES: dict[str, tuple[str, ...]] = {
    REQUESTED: (STARTING, STOPPED),
    STARTING: (RUNNING, STOPPING, STOPPED, FAILED),
    RUNNING: (STOPPING, FINISHED, FAILED),
    STOPPING: (STOPPED, ABORTED, FAILED),
    FINISHED: (),
    STOPPED: (),
    ABORTED: (),
    FAILED: (),
}


class IllegalMove(Exception):
    """A run cannot go from where it is to where it was sent: a mistake in the caller."""

    def __init__(self, *, run_id: int, came_from: str, to: str) -> None:
        """Name what was expected and what came."""
        expected = " or ".join(sources(to)) or "no state at all"
        super().__init__(
            f"Run {run_id} cannot become {to}: that is possible from {expected}, "
            f"and it is {came_from}."
        )


def sources(to: str) -> tuple[str, ...]:
    """Return the states from which a run may move to `to`."""
    return tuple(state for state, targets in MOVES.items() if to in targets)
