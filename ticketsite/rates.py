"""How many requests each API key may make.

The headers are those of draft-ietf-httpapi-ratelimit-headers-10.

Note [Counted here, shared behind]
    A request must not wait for a counter. So each process counts in a dictionary, in windows cut
    by the clock, and with Redis tells the others ten times a second what it counted: `limits` keeps
    the sum, and its notation is the setting's. Several processes may let through a tenth of a
    window more than the limit; with Redis gone each goes on counting for itself. Measured for each
    request and its headers, on 2 busy cores: 4.5 µs here; 24 µs in `limits`' own memory, which
    starts a task each time that walks over all keys; 770 µs in Redis by way of `limits`.

Anonymous callers are not limited: what they read comes from memory, and behind a proxy they all
have its address. Keys that are bound to a rehearsal are not limited either, and count for nobody:
what a run may do is the operator's decision.
"""

import asyncio
import contextvars
import logging
import time
from collections.abc import Callable
from math import ceil
from typing import NamedTuple

from django.conf import settings
from django.http import HttpRequest
from limits import RateLimitItem, parse
from limits.aio.storage import RedisStorage
from ninja.throttling import BaseThrottle
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from tickets.selectors import Client

SHARE_EVERY_S = 0.1
RETRY_S = 1.0  # with Redis gone
IDLE_ROUNDS = 50  # without a request; then the connection is given back
PATIENCE_S = 1.0  # with an answer of Redis
POLICY = "key"

logger = logging.getLogger("ticketsite.rates")


class Standing(NamedTuple):
    """Where a caller stands after one more request."""

    allowed: bool
    quota: int  # requests a window
    window_s: int
    remaining: int
    reset_s: int  # until the next window; at least 1

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Word it for the answer."""
        return [
            (b"ratelimit-policy", b'"%b";q=%d;w=%d' % (_POLICY, self.quota, self.window_s)),
            (b"ratelimit", b'"%b";r=%d;t=%d' % (_POLICY, self.remaining, self.reset_s)),
        ]


_POLICY = POLICY.encode()


class Limiter:
    """Counts the requests of each key; see Note [Counted here, shared behind]."""

    def __init__(
        self, rule: RateLimitItem, *, redis_url: str = "", clock: Callable[[], float] = time.time
    ) -> None:
        """Count nothing yet. `clock` gives seconds since the epoch: processes must agree."""
        self._rule = rule
        self._length_s = rule.get_expiry()
        self._clock = clock
        self._redis_url = redis_url
        self._sharing: asyncio.Task[None] | None = None
        self._redis_is_gone = False
        self._begin(0)

    def _begin(self, window: int) -> None:
        self._window = window
        self._own: dict[int, int] = {}  # by key id: counted in this process
        self._told: dict[int, int] = {}  # of these: known to Redis
        self._others: dict[int, int] = {}  # counted in other processes

    def hit(self, key_id: int) -> Standing:
        """Count one request, a refused one too, and say whether it is within the limit."""
        now = self._clock()
        window = int(now // self._length_s)
        if window != self._window:
            self._begin(window)
        own = self._own[key_id] = self._own.get(key_id, 0) + 1
        left = self._rule.amount - own - self._others.get(key_id, 0)
        if self._redis_url and (self._sharing is None or self._sharing.done()):
            # A task of its own, and no part of the request that happens to start it.
            self._sharing = asyncio.get_running_loop().create_task(
                self._share(), context=contextvars.Context()
            )
        # Rounded up: whoever comes back after so many whole seconds must not come too early.
        reset_s = max(1, ceil((window + 1) * self._length_s - now))
        return Standing(left >= 0, self._rule.amount, self._length_s, max(0, left), reset_s)

    async def _share(self) -> None:
        pool = ConnectionPool.from_url(
            self._redis_url, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S
        )
        storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            connection_pool=pool,  # type: ignore[arg-type]  # a documented option of its own
        )
        idle_rounds = 0
        try:
            while idle_rounds < IDLE_ROUNDS:
                await asyncio.sleep(RETRY_S if self._redis_is_gone else SHARE_EVERY_S)
                idle_rounds = 0 if await self._share_once(storage) else idle_rounds + 1
        finally:
            await pool.aclose()

    async def _share_once(self, storage: RedisStorage) -> bool:
        """Tell what is new, and learn the sums; False if nothing was new."""
        news = {key: own - self._told.get(key, 0) for key, own in self._own.items()}
        news = {key: count for key, count in news.items() if count}
        try:
            for key_id, count in news.items():
                await self._tell(storage, key_id, count)
        except (RedisError, OSError) as error:
            if not self._redis_is_gone:
                logger.warning("rate limits are no longer shared: %s", type(error).__name__)
            self._redis_is_gone = True
        else:
            self._redis_is_gone = self._redis_is_gone and not news
        return bool(news)

    async def _tell(self, storage: RedisStorage, key_id: int, count: int) -> None:
        window = self._window
        name = self._rule.key_for(POLICY, key_id, window)
        total = await storage.incr(name, 2 * self._length_s, amount=count)
        if window == self._window:  # or these numbers are history
            self._told[key_id] = told = self._told.get(key_id, 0) + count
            self._others[key_id] = total - told


class KeyLimit(BaseThrottle):
    """Ninja asks it after the key was checked, on the event loop: nothing here may wait."""

    def allow_request(self, request: HttpRequest) -> bool:
        """Count the request of a real client, and leave word for the headers."""
        caller = request.__dict__.get("auth")
        if LIMITER is None or not isinstance(caller, Client) or caller.vacancy_id is not None:
            return True
        standing = LIMITER.hit(caller.key_id)
        request.standing = standing  # type: ignore[attr-defined]  # see ticketsite.request
        return standing.allowed


def _limiter() -> Limiter | None:
    if settings.TICKETSITE_RATE_LIMIT == "0":
        return None
    return Limiter(parse(settings.TICKETSITE_RATE_LIMIT), redis_url=settings.CONFIG.redis_url)


LIMITER = _limiter()
