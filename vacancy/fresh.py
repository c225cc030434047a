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


class Fresh(Generic[K, V]):
    """A per-process cache of `load(key)`, never older than `max_age_s` seconds.

    Callers that come while a value is being loaded wait for that one load. An error is handed to
    all of them and not kept.
    """

    def __init__(self, load: Callable[[K], Awaitable[V]], *, max_age_s: float) -> None:
        """Remember how to load; read nothing yet."""
        self._load = load
        self._max_age_s = max_age_s
        self._entries: dict[K, _Entry[V]] = {}
        self._loading: dict[K, asyncio.Task[V]] = {}

    async def get(self, key: K) -> V:
        """Return the value for `key`, at most `max_age_s` old."""
        entry = self._entries.get(key)
        if entry is not None and time.monotonic() - entry.read_at < self._max_age_s:
            return entry.value
        task = self._loading.get(key)
        if task is None:
            task = self._loading[key] = asyncio.create_task(self._refresh(key))
        # Shielded: one caller that hangs up must not fail the load for the others.
        return await asyncio.shield(task)

    async def _refresh(self, key: K) -> V:
        read_at = time.monotonic()
        try:
            value = await self._load(key)
        finally:
            self._loading.pop(key, None)
        if len(self._entries) >= MAX_KEYS:  # keys come from outside: never let them pile up
            self._entries.clear()
        self._entries[key] = _Entry(value, read_at)
        return value

    def clear(self) -> None:
        """Forget everything, as after a test emptied the database."""
        self._entries.clear()
        self._loading.clear()
