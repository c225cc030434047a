"""A calm sale with one sudden spike, as when somebody famous posts the link."""

from loadlab import timetable
from loadlab.locustfiles import journeys
from loadlab.locustfiles.crowd import Crowd
from loadlab.locustfiles.settings import Chosen
from loadlab.wire import Event


class Spike(Crowd):
    """Everything that buyers do."""

    mix = journeys.MIXED

    def legs(self, chosen: Chosen) -> list[timetable.Leg]:
        """Keep a rate, jump to another one for a while, and back."""
        return timetable.spike(
            rate_per_s=chosen.number("target_rate_per_s"),
            peak_per_s=chosen.number("spike_rate_per_s"),
            begins_s=chosen.number("spike_begins_s"),
            length_s=chosen.number("spike_s"),
            duration_s=chosen.number("duration_s"),
        )

    def marks(self, chosen: Chosen) -> list[Event]:
        """Mark both edges."""
        begin_s = chosen.number("spike_begins_s")
        edges = ((begin_s, "spike_begin"), (begin_s + chosen.number("spike_s"), "spike_end"))
        return [Event(at_s, kind) for at_s, kind in edges if at_s < chosen.number("duration_s")]
