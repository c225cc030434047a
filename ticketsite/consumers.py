"""The dashboard's websocket: a snapshot first, then what changed."""

import time
from importlib import import_module
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest
from django.utils import timezone

from ticketsite.live import DASHBOARD, TICKER, Audience, message, sections_for
from ticketsite.middleware import ZONE_COOKIE, zone_named
from ticketsite.overview import MONEY_PERMISSION, ONE_VACANCY, SECTIONS
from vacancy.schemas import MAX_ID

RECHECK_S = 5.0
CLOSE_NOT_ALLOWED = 4403
CLOSE_NOT_FOUND = 4404
Sections = dict[str, str]  # the permission that each section needs


def audience_of(session_key: str | None, zone: str, sections: Sections) -> Audience | None:
    """Return which of these sections the session's owner may see now, or None if none."""
    if not session_key:
        return None
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(request)
    if not (user.is_active and user.is_staff):
        return None
    seen = frozenset(name for name, needed in sections.items() if user.has_perm(needed))
    money = sections is SECTIONS and user.has_perm(MONEY_PERMISSION)
    return Audience(seen, money, zone) if seen or money else None


class DashboardConsumer(AsyncWebsocketConsumer):
    """Passes live news to one page. Origin and session were checked on the way in."""

    audience: Audience | None = None
    watching = False
    number = 0  # of the newest reading that was passed on
    checked_at = 0.0  # monotonic seconds

    async def __call__(self, *arguments: Any) -> None:
        """Live as long as the socket, and stop watching however that ends.

        Not in `disconnect`: an error here, or a server that cancels us, would never call it, and
        the ticker would read for an empty room for ever.
        """
        try:
            await super().__call__(*arguments)
        finally:
            if self.watching and self.audience is not None:
                TICKER.unwatch(self.audience)

    async def connect(self) -> None:
        """Refuse strangers before the handshake; then join, then tell all there is.

        Joining before reading means that nothing falls between the two; what is older than the
        snapshot is recognized by its number.
        """
        self.zone = self._zone()
        self.audience = await self._ask()
        if self.audience is None:
            await self.close(CLOSE_NOT_ALLOWED)
            return
        await self.channel_layer.group_add(self.audience.group, self.channel_name)
        TICKER.watch(self.audience)
        self.watching = True
        await self.accept()
        await self._snapshot(self.audience)

    async def disconnect(self, code: int) -> None:
        """Leave the group."""
        if self.audience is not None:
            await self.channel_layer.group_discard(self.audience.group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Ignore what the page says: it has nothing to say here."""

    async def dashboard_news(self, event: dict[str, Any]) -> None:
        """Pass on what changed; tell everything if something was missed."""
        if not await self._still_allowed() or self.audience is None:
            return
        if event["after"] > self.number:
            await self._snapshot(self.audience)
        elif event["number"] > self.number:
            self.number = event["number"]
            await self.send(text_data=event["text"])

    async def dashboard_pulse(self, event: dict[str, Any]) -> None:
        """Show that the line is alive; tell everything if something was missed."""
        if not await self._still_allowed() or self.audience is None:
            return
        if event["last"] > self.number:
            await self._snapshot(self.audience)
        else:
            await self.send(text_data='{"type":"pulse"}')

    async def _snapshot(self, audience: Audience) -> None:
        reading = await TICKER.reading()
        self.number = reading.number
        await self.send(text_data=message("snapshot", reading, sections_for(audience, reading)))

    async def _still_allowed(self) -> bool:
        """Ask now and then whether the session still is what it was; close if it is not.

        Also when it may see more or less than before: the page comes back and gets just that.
        """
        if time.monotonic() - self.checked_at < RECHECK_S:
            return True
        if await self._ask() == self.audience:
            return True
        await self.close(CLOSE_NOT_ALLOWED)
        return False

    async def _ask(self) -> Audience | None:
        self.checked_at = time.monotonic()
        key = self.scope["session"].session_key
        return await DASHBOARD.run(audience_of, key, self.zone, self.sections())

    def sections(self) -> Sections:
        """Return what this page would like to see."""
        return SECTIONS

    def _zone(self) -> str:
        name = self.scope.get("cookies", {}).get(ZONE_COOKIE, "")
        return name if zone_named(name) else timezone.get_default_timezone_name()


class VacancyConsumer(DashboardConsumer):
    """The same for one section about one vacancy: its counters, or who has come in."""

    kind = "vacancy"

    async def connect(self) -> None:
        """Refuse a number that is no id: one reading serves all, and asking for it would fail."""
        if self._vacancy_id() > MAX_ID:
            await self.close(CLOSE_NOT_FOUND)
        else:
            await super().connect()

    def sections(self) -> Sections:
        """Want one section only."""
        return {f"{self.kind}:{self._vacancy_id()}": ONE_VACANCY[self.kind]}

    def _vacancy_id(self) -> int:
        number: int = self.scope["url_route"]["kwargs"]["vacancy_id"]
        return number


class DoorConsumer(VacancyConsumer):
    """Who has come in."""

    kind = "door"


class Nowhere(AsyncWebsocketConsumer):
    """Answers at every other address, where Channels would raise."""

    async def connect(self) -> None:
        """Refuse before the handshake."""
        await self.close(CLOSE_NOT_FOUND)
