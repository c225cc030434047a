"""How long the users of a closed loop think between an answer and the next request.

Plain Python.

Note [Out of step]
    Users who all think equally long fall into step, even if they began apart: whoever meets others
    at the server waits a little, comes back a little later, and so runs into those behind him;
    from then on they wait together and come back together. 100 users who began 5 ms apart and
    thought exactly 0.5 s came in trains after 36 s: more than half of them within half a
    millisecond of the one before, also where an answer cost the server nothing; among people who
    know nothing of each other that would be one in ten. Such a run measures its trains, not the
    steady stream that was asked for. So each pause is drawn anew, evenly from a tenth below the
    think time to a tenth above: far more than users wait for each other, and on average what was
    asked for.
"""

import random
from collections.abc import Iterator

SPREAD = 0.1  # of the think time, to both sides


def pauses(*, think_time_s: float, seed: int) -> Iterator[float]:
    """Yield pauses in seconds, for ever; the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311  # a pause, no secret
    while True:
        yield think_time_s * chance.uniform(1 - SPREAD, 1 + SPREAD)
