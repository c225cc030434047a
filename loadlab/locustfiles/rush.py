"""The on-sale: buyers arrive at a rate that rises over a ramp, by chance and not in step."""

from loadlab import timetable
from loadlab.locustfiles import journeys
from loadlab.locustfiles.crowd import Crowd
from loadlab.locustfiles.settings import Chosen
from loadlab.wire import Event


class Rush(Crowd):
    """Everything that buyers do."""

    mix = journeys.MIXED

    def legs(self, chosen: Chosen) -> list[timetable.Leg]:
        """Rise, then keep the rate."""
        return timetable.ramp(
            rate_per_s=chosen.number("target_rate_per_s"),
            ramp_s=chosen.number("ramp_s"),
            duration_s=chosen.number("duration_s"),
        )

    def marks(self, chosen: Chosen) -> list[Event]:
        """Mark where the full rate begins."""
        ramp_s = chosen.number("ramp_s")
        return [Event(ramp_s, "ramp_end")] if 0 < ramp_s < chosen.number("duration_s") else []
