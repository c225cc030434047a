"""The request as the API sees it: Django's class, filled in only as far as somebody looks."""

import os
import re
from collections.abc import Iterable
from io import BytesIO
from typing import Any

from asgiref.typing import ASGIReceiveCallable, HTTPScope
from django.core.exceptions import BadRequest
from django.core.handlers.asgi import ASGIRequest
from django.http import QueryDict
from django.utils.functional import cached_property

from ticketsite.rates import Standing

MAX_BODY_BYTES = 64 * 1024
MAX_LENGTH_DIGITS = 18  # of a Content-Length; Python refuses to read thousands of them
REQUEST_ID = re.compile(r"[\w.~-]{1,64}", re.ASCII)  # UUIDs and the like; no harm to a log


class BodyTooLarge(Exception):
    """The body passed the limit; the rest of it was not read."""


class ClientGone(Exception):
    """The connection closed before the body was complete."""


class Headers(dict[str, str]):
    """The headers by name, in any case."""

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        """Decode as Django does: repeated ones are joined, ambiguous underscores are dropped."""
        super().__init__()
        for name_bytes, value_bytes in raw:
            name = name_bytes.decode("latin-1")
            if "_" in name:
                continue
            value = value_bytes.decode("latin-1")
            earlier = dict.get(self, name)
            dict.__setitem__(self, name, value if earlier is None else f"{earlier},{value}")

    def __getitem__(self, name: str) -> str:
        """Return one; `KeyError` if it is missing."""
        return dict.__getitem__(self, name.lower())

    def __contains__(self, name: object) -> bool:
        """Say whether it was sent."""
        return dict.__contains__(self, str(name).lower())

    def get(self, name: str, default: Any = None) -> Any:
        """Return one, or the default."""
        return dict.get(self, name.lower(), default)


class ApiRequest(ASGIRequest):
    """One request to the API. See Note [Light objects] in `vacancy.answers`.

    Django's own constructor spells every header as a WSGI variable and parses the content type:
    12 µs for what hardly any endpoint looks at.
    """

    standing: Standing | None = None  # of the caller's rate limit, once it was counted

    def __init__(self, scope: HTTPScope, receive: ASGIReceiveCallable) -> None:
        """Read what every request needs. HEAD is answered as GET, without the body."""
        self.scope = scope
        self.receive = receive
        self.path = self.path_info = scope["path"]
        self.method = "GET" if scope["method"] == "HEAD" else scope["method"]
        self.headers = Headers(scope["headers"])  # type: ignore[assignment]  # all that is used of it
        self.resolver_match = None
        self._body = b""

    @cached_property
    def GET(self) -> QueryDict:  # type: ignore[override]  # noqa: N802  # Django's name
        """Parse the query; bytes that are no UTF-8 raise UnicodeDecodeError."""
        return QueryDict(self.scope["query_string"].decode())

    @cached_property
    def id(self) -> str:
        """The id that came with the request if it is harmless, or else one made for it."""
        given = self.headers.get("x-request-id", "")
        return given if REQUEST_ID.fullmatch(given) else os.urandom(16).hex()

    async def receive_body(self) -> None:
        """Read the body into memory.

        Raises:
            BodyTooLarge: by its announcement, or while it comes.
            ClientGone: as named.
            BadRequest: its length is no number.
        """
        _refuse_by_announcement(self.headers.get("content-length"))
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            message = await self.receive()
            if message["type"] != "http.request":
                raise ClientGone
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > MAX_BODY_BYTES:
                raise BodyTooLarge
            more = message.get("more_body", False)
        self._body = b"".join(parts)

    def __getattr__(self, name: str) -> Any:
        """Become a complete Django request, once; only called for what is missing."""
        if "META" in self.__dict__:
            raise AttributeError(name)
        whole = ASGIRequest({**self.scope, "method": self.method}, BytesIO(self._body))
        self.__dict__ = {**whole.__dict__, **self.__dict__}
        return getattr(self, name)


def _refuse_by_announcement(announced: str | None) -> None:
    """Refuse a Content-Length that is none or too large; a wrong one is caught while reading."""
    if announced is None:
        return
    if not (announced.isascii() and announced.isdigit()):
        raise BadRequest
    if len(announced) > MAX_LENGTH_DIGITS or int(announced) > MAX_BODY_BYTES:
        raise BodyTooLarge
