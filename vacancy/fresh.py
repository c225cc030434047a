"""Answers that may be a second old: one database read serves everyone who asks meanwhile.

Note [Renewed early]
    If a value were read anew only once it is too old, whoever asks at that moment would wait for
    the database, and so would all who ask meanwhile. Clients that ask at fixed intervals gather
    there: those who wait are told together, and come back together. So a value is read anew
    while it is still good, and nobody waits who comes in a steady stream.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from contextvars import Context
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

    def __init__(
        self,
        load: Callable[[K], Awaitable[V]],
        *,
        max_age_s: float,
        renew_after_s: float | None = None,
    ) -> None:
        """Remember how to load; read nothing yet.

        A value that is asked for when it is older than `renew_after_s` is read anew, while it
        still serves: see Note [Renewed early].
        """
        self._load = load
        self._max_age_s = max_age_s
        self._renew_after_s = renew_after_s
        self._entries: dict[K, _Entry[V]] = {}
        self._loading: dict[K, _Load[V]] = {}

    async def get(self, key: K) -> V:
        """Return the value for `key`, at most `max_age_s` old."""
        now = time.monotonic()
        entry = self._entries.get(key)
        if entry is not None and now - entry.read_at < self._max_age_s:
            self._renew_if_due(key, entry, now)
            return entry.value
        load = self._under_way(key)
        if load is None or now - load.begun_at >= self._max_age_s:
            load = _Load(asyncio.create_task(self._refresh(key, now)), now)
            self._loading[key] = load
        # Shielded: one caller that hangs up must not fail the load for the others.
        return await asyncio.shield(load.task)

    def _under_way(self, key: K) -> "_Load[V] | None":
        load = self._loading.get(key)
        # One that was cancelled before it began could not take itself out.
        return None if load is None or load.task.done() else load

    def _renew_if_due(self, key: K, entry: _Entry[V], now: float) -> None:
        if self._renew_after_s is None or now - entry.read_at < self._renew_after_s:
            return
        if self._under_way(key) is None:
            # An empty context: it is on no request's account (vacancy.timing).
            loop = asyncio.get_running_loop()
            task = loop.create_task(self._refresh(key, now), context=Context())
            task.add_done_callback(_listen)
            self._loading[key] = _Load(task, now)

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


def _listen(task: "asyncio.Task[object]") -> None:
    """Hear of an error: nobody waits for it, and whoever comes next tries again."""
    if not task.cancelled():
        task.exception()
