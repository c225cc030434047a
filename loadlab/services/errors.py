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

from loadlab.sentence import Told, gettext_noop


class LabRefusal(Told):
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
        if run_id:
            text = gettext_noop("Run %(run)s is still active: one run at a time.")
            super().__init__(text, run=str(run_id))
        else:
            super().__init__(gettext_noop("Another run is still active: one run at a time."))
        self.run_id = run_id


class NotABaseline(LabRefusal):
    """Only a run that finished and was valid can be a reference for others."""


class NotDeletable(LabRefusal):
    """An active run or a baseline cannot be deleted."""
