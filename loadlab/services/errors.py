"""Expected refusals of the load lab: nothing was done, and the message is a sentence for people.

LabRefusal
├── UnknownScenario      no scenario of this name
├── OutOfBounds          a setting is outside what this site allows
├── TargetNotAllowed     load may not go there
├── NoSuchShape          there is no such vacancy to take the shape from
├── RunActive            another run waits or runs
├── RunLost              the run is no longer this worker's
├── NotABaseline         this run cannot be a reference
└── NotDeletable         this run cannot go
"""

from typing import ClassVar


class LabRefusal(Exception):
    """An expected refusal. The message is a sentence for people."""

    code: ClassVar[str] = "refused"


class UnknownScenario(LabRefusal):
    """There is no scenario of this name."""


class OutOfBounds(LabRefusal):
    """A setting is outside what this site allows."""


class TargetNotAllowed(LabRefusal):
    """The load may not go there."""


class NoSuchShape(LabRefusal):
    """There is no real vacancy of this number whose shape the rehearsal could take."""


class RunLost(LabRefusal):
    """The run is no longer this worker's: its lease lapsed and somebody ended it."""


class RunActive(LabRefusal):
    """Another run is active; `run_id` names it."""

    def __init__(self, run_id: int | None) -> None:
        """Keep the other run's number beside the sentence."""
        which = f"Run {run_id}" if run_id else "Another run"
        super().__init__(f"{which} is still active: one run at a time.")
        self.run_id = run_id


class NotABaseline(LabRefusal):
    """Only a run that finished and was valid can be a reference for others."""


class NotDeletable(LabRefusal):
    """An active run or a baseline cannot be deleted."""
