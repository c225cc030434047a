"""From the database to the watchers of this process: one ticker, however many watch.

Note [The database is the truth]
    The supervisor may be another process, or on another machine, and a channel layer may drop
    messages without a sound. So the ticker reads what is new from the database, and a message is
    only a faster way to hear of it: a consumer that sees a gap reads the missing seconds itself.
"""

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from channels.layers import get_channel_layer

from loadlab import selectors
from vacancy.lanes import Lane

TICK_S = 0.25
LIVE = Lane("live", limit=500)

logger = logging.getLogger(__name__)


def group_name(run_id: int) -> str:
    """Return the channel-layer group of everyone who watches this run."""
    return f"run.{run_id}"


@dataclass
class _Seen:
    seq: int = -1
    run: dict[str, Any] = field(default_factory=dict)


class Ticker:
    """Reads news of the watched runs, at most four times a second, while somebody watches."""

    def __init__(self) -> None:
        """Start nothing: the task begins with the first watcher."""
        self._watchers: Counter[int] = Counter()
        self._seen: dict[int, _Seen] = {}
        # A strong reference: the event loop alone would let the task be collected.
        self._task: asyncio.Task[None] | None = None

    def watch(self, run_id: int) -> None:
        """Count one watcher more; call it from the event loop."""
        self._watchers[run_id] += 1
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
        seen = self._seen.setdefault(run_id, _Seen())
        news = await LIVE.run(selectors.run_snapshot, run_id=run_id, after=seen.seq)
        if news is None:
            return
        if news["seconds"]:
            seen.seq = news["seconds"][-1]["seq"]
            message = {**news, "type": "seconds"}
        elif news["run"]["state"] != seen.run.get("state"):
            message = {"type": "run", "run": news["run"]}
        else:
            return
        seen.run = news["run"]
        layer = get_channel_layer()
        if layer is not None:
            await layer.group_send(group_name(run_id), {"type": "run.news", "message": message})


TICKER = Ticker()
