"""Responses made of ready bytes: Django's class, filled in only when somebody asks for more."""

import gzip
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

RawHeaders = Iterable[tuple[bytes, bytes]]  # names in lower case, as ASGI wants them
JSON = (b"content-type", b"application/json")
PACKED_FROM_BYTES = 1400  # what fits into one packet arrives no sooner for being smaller


class Answer(HttpResponse):
    """A response whose headers are bytes already, as `ticketsite.lean` sends them.

    Note [Light objects]
        Django's response encodes its content, looks for a charset and makes a mapping of headers,
        a cookie jar and a list of closers: 8 µs, and Ninja makes one more for each request in case
        the endpoint wants it. An answer that nobody changes needs none of that. The first look at
        anything that is missing makes it as Django would, so middleware that sets a header works.
        `ticketsite.request.ApiRequest` does the same for requests.
    """

    def __init__(
        self, body: bytes = b"", *, status: int = 200, headers: RawHeaders = (JSON,)
    ) -> None:
        """Keep what the way out needs."""
        self.status_code = status
        self.raw_headers = headers
        self._container = [body]

    def __getattr__(self, name: str) -> object:
        """Become a complete Django response, once; only called for what is missing."""
        if "headers" in self.__dict__:
            raise AttributeError(name)
        headers = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in self.raw_headers
        }
        HttpResponseBase.__init__(self, headers={"content-type": "application/json", **headers})
        if not any(key == b"content-type" for key, _ in self.raw_headers):
            del self["content-type"]
        return getattr(self, name)


def headers_to_send(response: HttpResponse) -> list[tuple[bytes, bytes]]:
    """Return a response's headers for ASGI, in a list that may be added to."""
    if isinstance(response, Answer) and "headers" not in response.__dict__:
        return list(response.raw_headers)
    return [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in response.items()
    ]


@dataclass(frozen=True)
class Ready:
    """An answer that many will ask for, made once in each form: whole, packed, and unchanged.

    Packing here costs the many nothing; gzip on the way out would cost each of them.
    """

    body: bytes
    tag: str  # the entity tag without its mark of weakness
    headers: RawHeaders
    packed: bytes | None  # with gzip; None if it is too small to be worth it
    unchanged_headers: RawHeaders

    @classmethod
    def of(
        cls, body: bytes, *, headers: RawHeaders, vary: str = "", kind: bytes = JSON[1]
    ) -> "Ready":
        """Make every form of `body`; `vary` names request headers that choose it, if any."""
        tag = f'"{hashlib.sha1(body, usedforsecurity=False).hexdigest()}"'
        packed = gzip.compress(body, 6, mtime=0) if len(body) >= PACKED_FROM_BYTES else None
        names = [name for name in (vary, "Accept-Encoding" if packed else "") if name]
        common = [(b"etag", f"W/{tag}".encode()), *headers]
        if names:
            common.append((b"vary", ", ".join(names).encode()))
        return cls(body, tag, ((b"content-type", kind), *common), packed, tuple(common))

    def to(self, request: HttpRequest) -> Answer:
        """Answer in the form this caller wants: 304 if they have it (RFC 9110, 13.1.2)."""
        known = request.headers.get("if-none-match")
        if known is not None and self._is_among(known):
            return Answer(status=304, headers=self.unchanged_headers)
        if self.packed and _takes_gzip(request.headers.get("accept-encoding", "")):
            return Answer(self.packed, headers=(*self.headers, (b"content-encoding", b"gzip")))
        return Answer(self.body, headers=self.headers)

    def _is_among(self, known: str) -> bool:
        tags = {part.strip().removeprefix("W/") for part in known.split(",")}
        return known.strip() == "*" or self.tag in tags


def _takes_gzip(header: str) -> bool:
    """Read Accept-Encoding as far as gzip goes (RFC 9110, 12.5.3)."""
    weights = {}
    for part in header.lower().replace(" ", "").split(","):
        coding, _, weight = part.partition(";q=")
        weights[coding] = weight
    weight = weights.get("gzip", weights.get("*", "0"))
    return weight == "" or weight.strip("0.") != ""
