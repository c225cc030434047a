"""The run page's websocket: a snapshot first, then what is new."""

import time
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest
from django.utils import translation

from loadlab import series
from loadlab.display import run_told
from loadlab.live import LIVE, TICKER, group_name
from vacancy.schemas import read_id

RECHECK_S = 5.0
CLOSE_NOT_ALLOWED = 4403
CLOSE_NOT_FOUND = 4404


def session_may_watch(session_key: str | None) -> bool:
    """Say whether this session still belongs to somebody who may see runs."""
    if not session_key:
        return False
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(request)
    return bool(user.is_active and user.is_staff and user.has_perm("loadlab.view_run"))


class RunConsumer(AsyncJsonWebsocketConsumer):
    """Passes one run's news to one page. Origin and session were checked on the way in."""

    watching = False

    async def __call__(self, *arguments: Any) -> None:
        """Live as long as the socket, and stop watching however that ends.

        Not in `disconnect`: an error here, or a server that cancels us, would never call it, and
        the ticker would read for an empty room for ever.
        """
        try:
            await super().__call__(*arguments)
        finally:
            if self.watching:
                TICKER.unwatch(self.run_id)

    async def connect(self) -> None:
        """Refuse strangers before the handshake; then join, then tell all there is.

        Joining before reading the snapshot means that nothing falls between the two; what comes
        twice is recognised by its `seq`.
        """
        self.run_id: int = self.scope["url_route"]["kwargs"]["run_id"]
        self.checked_at = time.monotonic()
        if not await LIVE.run(session_may_watch, self.scope["session"].session_key):
            await self.close(CLOSE_NOT_ALLOWED)
            return
        self.seq = -1
        self.language = self._language()
        await self.channel_layer.group_add(group_name(self.run_id), self.channel_name)
        snapshot = await LIVE.run(series.snapshot, run_id=self.run_id, after=self._asked_after())
        await self.accept()
        if snapshot is None:
            await self.close(CLOSE_NOT_FOUND)
            return
        await self._pass_on(snapshot)
        TICKER.watch(self.run_id, known=series.Pulse(self.state, self.seq))
        self.watching = True

    async def disconnect(self, code: int) -> None:
        """Leave the group."""
        await self.channel_layer.group_discard(group_name(self.run_id), self.channel_name)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Ignore what the page says: it has nothing to say here."""

    async def run_news(self, event: dict[str, Any]) -> None:
        """Pass on what is new; fill a gap from the database; close if the session has ended."""
        if not await self._still_allowed():
            await self.close(CLOSE_NOT_ALLOWED)
            return
        message = event["message"]
        if message["after"] > self.seq:
            await self._catch_up()
        elif message["seq"] > self.seq or message["run"]["state"] != self.state:
            await self._pass_on(message)

    async def run_pulse(self, event: dict[str, Any]) -> None:
        """Look after a quiet socket: is its session still good, and has it missed something?"""
        if not await self._still_allowed():
            await self.close(CLOSE_NOT_ALLOWED)
        elif event["pulse"] != {"state": self.state, "seq": self.seq}:
            await self._catch_up()

    async def _catch_up(self) -> None:
        snapshot = await LIVE.run(series.snapshot, run_id=self.run_id, after=self.seq)
        if snapshot is not None:
            await self._pass_on(snapshot)

    async def _pass_on(self, message: dict[str, Any]) -> None:
        self.seq = max(self.seq, message["seq"])
        self.state: str = message["run"]["state"]
        with translation.override(self.language):
            told = {**message, "run": run_told(message["run"])}
        await self.send_json(told)

    def _language(self) -> str:
        """Find the reader's language as the page did: no middleware does it for a socket."""
        request = HttpRequest()
        request.COOKIES = self.scope["cookies"]
        headers = dict(self.scope["headers"])
        request.META["HTTP_ACCEPT_LANGUAGE"] = headers.get(b"accept-language", b"").decode(
            "latin-1"
        )
        return translation.get_language_from_request(request)

    def _asked_after(self) -> int:
        asked = parse_qs(self.scope["query_string"].decode("latin-1")).get("after", [""])[0]
        seq = read_id(asked)
        return -1 if seq is None else seq

    async def _still_allowed(self) -> bool:
        if time.monotonic() - self.checked_at < RECHECK_S:
            return True
        self.checked_at = time.monotonic()
        return await LIVE.run(session_may_watch, self.scope["session"].session_key)
