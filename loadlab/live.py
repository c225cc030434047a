"""From the database to the watchers of this process: one ticker, however many watch.

Note [The database is the truth]
    The supervisor may be another process, or on another machine, and a channel layer may drop
    messages without a sound. So the ticker reads what is new from the database, and a message is
    only a faster way to hear of it: a consumer that sees a gap reads the missing seconds itself.
    When there is no news, a pulse says so every five seconds: whoever missed the last news finds
    out, and a session that has ended is noticed although nothing happens.
"""

import asyncio
import logging
import time
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from channels.layers import get_channel_layer

from loadlab import series
from vacancy.lanes import Lane

TICK_S = 0.25
PULSE_S = 5.0  # after so long without news, watchers hear that there is none
LIVE = Lane("live", limit=500, only_reads=True)

logger = logging.getLogger(__name__)


def group_name(run_id: int) -> str:
    """Return the channel-layer group of everyone who watches this run."""
    return f"run.{run_id}"


# What does not change from second to second is told with a change of state alone.
EACH_SECOND = ("id", "state", "active", "elapsed_s", "stock")


@dataclass
class _Seen:
    pulse: series.Pulse
    told_at: float  # monotonic


class Ticker:
    """Reads news of the watched runs, at most four times a second, while somebody watches."""

    def __init__(self) -> None:
        """Start nothing: the task begins with the first watcher."""
        self._watchers: Counter[int] = Counter()
        self._seen: dict[int, _Seen] = {}
        # A strong reference: the event loop alone would let the task be collected.
        self._task: asyncio.Task[None] | None = None

    def watch(self, run_id: int, *, known: series.Pulse) -> None:
        """Count one watcher more, who knows this much already; call it from the event loop."""
        self._watchers[run_id] += 1
        self._seen.setdefault(run_id, _Seen(known, time.monotonic()))
        loop = asyncio.get_running_loop()
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            self._task = loop.create_task(self._tick_forever())

    def unwatch(self, run_id: int) -> None:
        """Count one watcher less; the ticker stops by itself when nobody is left."""
        self._watchers[run_id] -= 1
        if self._watchers[run_id] <= 0:
            del self._watchers[run_id]
            self._seen.pop(run_id, None)

    async def _tick_forever(self) -> None:
        while self._watchers:
            for run_id in list(self._watchers):
                try:
                    await self._tick(run_id)
                except Exception:
                    # One bad read (a database restart) must not blind every page for good.
                    logger.exception("live news of run %s failed", run_id)
            await asyncio.sleep(TICK_S)

    async def _tick(self, run_id: int) -> None:
        seen = self._seen.get(run_id)
        pulse = await LIVE.run(series.pulse, run_id=run_id)
        if seen is None or pulse is None:
            return
        if pulse != seen.pulse:
            await self._tell_news(run_id, seen)
        elif time.monotonic() - seen.told_at >= PULSE_S:
            await self._send(run_id, seen, {"type": "run.pulse", "pulse": asdict(pulse)})

    async def _tell_news(self, run_id: int, seen: _Seen) -> None:
        news = await LIVE.run(series.snapshot, run_id=run_id, after=seen.pulse.seq)
        if news is None:
            return
        run = news["run"]
        if run["state"] == seen.pulse.state:
            run = {name: run[name] for name in EACH_SECOND}
        seen.pulse = series.Pulse(news["run"]["state"], news["seq"])
        message = {**news, "type": "news", "run": run}
        await self._send(run_id, seen, {"type": "run.news", "message": message})

    @staticmethod
    async def _send(run_id: int, seen: _Seen, event: dict[str, Any]) -> None:
        seen.told_at = time.monotonic()
        layer = get_channel_layer()
        if layer is not None:
            await layer.group_send(group_name(run_id), event)


TICKER = Ticker()
