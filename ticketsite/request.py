"""The request as the API sees it: Django's class, filled in only as far as somebody looks."""

from collections.abc import Iterable
from io import BytesIO
from typing import Any

from asgiref.typing import ASGIReceiveCallable, HTTPScope
from django.core.handlers.asgi import ASGIRequest
from django.http import QueryDict
from django.utils.functional import cached_property

from ticketsite.rates import Standing


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

    id: str | None = None  # see ticketsite.lean.request_id
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

    def add_to_body(self, part: bytes) -> None:
        """Take one more piece of the body."""
        self._body += part

    def __getattr__(self, name: str) -> Any:
        """Become a complete Django request, once; only called for what is missing."""
        if "META" in self.__dict__:
            raise AttributeError(name)
        whole = ASGIRequest({**self.scope, "method": self.method}, BytesIO(self._body))
        self.__dict__ = {**whole.__dict__, **self.__dict__}
        return getattr(self, name)
