"""The dashboard's ticker: one reader of the database in this process, however many watch.

Note [Ticks]
    Sales never send messages: they would have to wait for the channel layer, and a hundred sales
    a second would flood every page. Instead, while somebody watches, one task reads the
    dashboard four times a second and tells the groups what changed. Readers who may see the same
    sections in the same zone are one group; each message carries whole sections, the number of
    its reading and that of the message before, so a page that missed one is known and gets a
    fresh snapshot. Groups are named after the process: with a shared channel layer the ticker of
    another process must not be heard here as well.
"""

import asyncio
import hashlib
import json
import logging
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from channels.layers import get_channel_layer
from django.utils import timezone

from ticketsite import overview
from ticketsite.middleware import zone_named
from vacancy.fresh import Fresh
from vacancy.lanes import Lane

TICK_S = 0.25
PULSE_S = 5.0  # after so long without news, readers hear that there is none
DASHBOARD = Lane("dashboard", limit=2000, only_reads=True)
PROCESS = uuid.uuid4().hex[:12]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Audience:
    """Readers who are told the same: they may see these sections, and this is their zone."""

    sections: frozenset[str]
    money: bool
    zone: str

    @property
    def group(self) -> str:
        """Return the name of their channel-layer group: its names are short and plain."""
        asked = repr((sorted(self.sections), self.money, self.zone))
        return f"dashboard.{PROCESS}.{hashlib.sha256(asked.encode()).hexdigest()[:24]}"

    @property
    def wanted(self) -> frozenset[str]:
        """Return the sections to read for them; money is counted from what `pace` reads."""
        return self.sections | {"pace"} if self.money else self.sections


@dataclass(frozen=True)
class Reading:
    """All sections as they were at one moment, each as JSON; `number` grows with each reading."""

    number: int
    at: datetime
    sections: dict[str, str]


@dataclass
class _Told:
    number: int = 0  # of the reading that the last news came from
    at: float = 0.0  # monotonic seconds of the last message
    sections: dict[str, str] = field(default_factory=dict)


class Ticker:
    """Reads while somebody watches, and tells each audience what changed."""

    def __init__(self) -> None:
        """Start nothing: the task begins with the first watcher."""
        self._watchers: Counter[Audience] = Counter()
        self._told: dict[Audience, _Told] = {}
        self._numbers = 0
        # By the set of sections that are wanted: a new page may want one that nobody read yet.
        self._readings: Fresh[frozenset[str], Reading] = Fresh(self._read, max_age_s=TICK_S * 0.8)
        # A strong reference: the event loop alone would let the task be collected.
        self._task: asyncio.Task[None] | None = None

    def watch(self, audience: Audience) -> None:
        """Count one watcher more; call it from the event loop, before asking for a reading."""
        self._watchers[audience] += 1
        self._told.setdefault(audience, _Told())
        loop = asyncio.get_running_loop()
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            self._task = loop.create_task(self._tick_forever())

    def unwatch(self, audience: Audience) -> None:
        """Count one watcher less; the ticker stops by itself when nobody is left."""
        self._watchers[audience] -= 1
        if self._watchers[audience] <= 0:
            del self._watchers[audience]
            self._told.pop(audience, None)

    async def reading(self) -> Reading:
        """Return what the watchers may want to know, at most a tick old; askers share a read."""
        wanted = [audience.wanted for audience in self._watchers]
        return await self._readings.get(frozenset().union(*wanted))

    async def _read(self, wanted: frozenset[str]) -> Reading:
        now = timezone.now()
        sections = await DASHBOARD.run(overview.read, now=now, wanted=wanted)
        self._numbers += 1
        return Reading(self._numbers, now, {name: _json(one) for name, one in sections.items()})

    async def _tick_forever(self) -> None:
        while self._watchers:
            begun = time.monotonic()
            try:
                await self._tick()
            except Exception:
                # One bad read (a database restart) must not blind every page for good.
                logger.exception("the dashboard could not be read")
            await asyncio.sleep(max(0.05, TICK_S - (time.monotonic() - begun)))

    async def _tick(self) -> None:
        reading = await self.reading()
        layer = get_channel_layer()
        for audience, told in list(self._told.items()):
            event = _news(audience, told, reading)
            if event is not None and layer is not None:
                await layer.group_send(audience.group, event)

    def forget(self) -> None:
        """Read anew at the next question, as after a test emptied the database."""
        self._readings.clear()


def _news(audience: Audience, told: _Told, reading: Reading) -> dict[str, Any] | None:
    sections = sections_for(audience, reading)
    changed = {name: text for name, text in sections.items() if told.sections.get(name) != text}
    if not changed:
        if time.monotonic() - told.at < PULSE_S:
            return None
        told.at = time.monotonic()
        return {"type": "dashboard.pulse", "last": told.number}
    event = {
        "type": "dashboard.news",
        "after": told.number,
        "number": reading.number,
        "text": message("news", reading, changed),
    }
    told.number, told.at, told.sections = reading.number, time.monotonic(), sections
    return event


def sections_for(audience: Audience, reading: Reading) -> dict[str, str]:
    """Return what these readers may see of a reading, with money counted in their zone."""
    sections = {name: text for name, text in reading.sections.items() if name in audience.sections}
    if audience.money:
        zone = zone_named(audience.zone) or timezone.get_default_timezone()
        sections["money"] = _json(overview.money(zone=zone, now=reading.at))
    return sections


def message(kind: str, reading: Reading, sections: dict[str, str]) -> str:
    """Put ready-made sections into one message; nothing is encoded twice."""
    head = _json({"type": kind, "at": reading.at.isoformat()})
    body = ",".join(f"{_json(name)}:{text}" for name, text in sections.items())
    return f'{head[:-1]},"sections":{{{body}}}}}'


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


TICKER = Ticker()
