"""The channel layer over Redis, with a receiver that can be told to stop."""

import asyncio
from typing import Any

from channels_redis.core import RedisChannelLayer

TRY_AGAIN_S = 0.01


class RedisLayer(RedisChannelLayer):  # type: ignore[misc]
    """The usual layer, except that a cancelled `receive` ends.

    Note [Cancelled twice]
        A cancellation that reaches redis-py in the moment in which it connects or sends can get
        lost there (https://github.com/redis/redis-py/issues/2028); the receiver then waits on as
        if nothing had happened. A page that was closed while others stay open left its consumer
        behind that way, until the server killed it ten seconds later. So it is cancelled until it
        listens.
    """

    async def receive(self, channel: str) -> Any:
        """Return the next message of a channel."""
        waiting = asyncio.ensure_future(super().receive(channel))
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            while not waiting.done():
                waiting.cancel()
                await asyncio.wait([waiting], timeout=TRY_AGAIN_S)
            if not waiting.cancelled():
                waiting.exception()  # looked at: nobody waits for it any more
            raise
