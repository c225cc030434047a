"""Answers that may be a second old: one database read serves everyone who asks meanwhile."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

MAX_KEYS = 1000
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass
class _Entry(Generic[V]):
    value: V
    read_at: float  # monotonic seconds, taken before the read began


@dataclass
class _Load(Generic[V]):
    task: asyncio.Task[V]
    begun_at: float  # monotonic seconds


class Fresh(Generic[K, V]):
    """A per-process cache of `load(key)`, never older than `max_age_s` seconds.

    Callers that come while a value is being loaded wait for that one load, unless it has taken
    `max_age_s` already: what it brings may be too old for them, so they begin another. An error
    is handed to all who wait and not kept.
    """

    def __init__(self, load: Callable[[K], Awaitable[V]], *, max_age_s: float) -> None:
        """Remember how to load; read nothing yet."""
        self._load = load
        self._max_age_s = max_age_s
        self._entries: dict[K, _Entry[V]] = {}
        self._loading: dict[K, _Load[V]] = {}

    async def get(self, key: K) -> V:
        """Return the value for `key`, at most `max_age_s` old."""
        now = time.monotonic()
        entry = self._entries.get(key)
        if entry is not None and now - entry.read_at < self._max_age_s:
            return entry.value
        load = self._loading.get(key)
        if load is None or now - load.begun_at >= self._max_age_s:
            load = _Load(asyncio.create_task(self._refresh(key, now)), now)
            self._loading[key] = load
        # Shielded: one caller that hangs up must not fail the load for the others.
        return await asyncio.shield(load.task)

    async def _refresh(self, key: K, read_at: float) -> V:
        try:
            value = await self._load(key)
        finally:
            load = self._loading.get(key)
            overtaken = load is None or load.task is not asyncio.current_task()
            if not overtaken:
                del self._loading[key]
        if overtaken:  # by a newer load, or by clear()
            return value
        if len(self._entries) >= MAX_KEYS:  # keys come from outside: never let them pile up
            self._entries.clear()
        self._entries[key] = _Entry(value, read_at)
        return value

    def clear(self) -> None:
        """Forget everything, as after a test emptied the database."""
        self._entries.clear()
        self._loading.clear()
