"""Who is calling: API keys in the Authorization header (RFC 6750)."""

from dataclasses import dataclass
from typing import ClassVar

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from tickets import selectors
from tickets.selectors import Client
from vacancy.fresh import Fresh
from vacancy.lanes import READS

KEY_MAX_AGE_S = 2.0  # a revoked key works at most this long, in every process


class AuthRefusal(Exception):
    """An expected refusal of the caller, not of the request."""

    code: ClassVar[str]


class Unauthenticated(AuthRefusal):
    """No key, or one that is unknown, revoked or expired."""

    code = "unauthenticated"


class Forbidden(AuthRefusal):
    """The key is good, but not for this."""

    code = "forbidden"


@dataclass(frozen=True)
class Anonymous:
    """A caller without a key: sees all real vacancies, owns nothing."""

    vacancy_id: None = None


async def _load(secret: str) -> Client | None:
    return await READS.run(selectors.client_for_key, secret=secret, now=timezone.now())


_clients: Fresh[str, Client | None] = Fresh(
    _load, max_age_s=KEY_MAX_AGE_S, renew_after_s=KEY_MAX_AGE_S / 2
)


def forget_everything() -> None:
    """Drop the checked keys of this process."""
    _clients.clear()


async def _client(request: HttpRequest) -> Client | None:
    header = request.headers.get("authorization", "")
    if not header:
        return None
    scheme, _, secret = header.partition(" ")
    client = await _clients.get(secret.strip()) if scheme.lower() == "bearer" else None
    if client is None:
        raise Unauthenticated("This API key is unknown, revoked or expired.")
    return client


async def optional_key(request: HttpRequest) -> Client | Anonymous:
    """Accept everyone, but know a caller who has a key.

    Raises:
        Unauthenticated: a key was sent and is not good: better said than ignored.
    """
    return await _client(request) or Anonymous()


class KeyWithScope:
    """Accept only a good key that has the scope."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __init__(self, scope: str) -> None:
        """Remember the scope to ask for."""
        self.scope = scope
        self.openapi_security_schema = {"type": "http", "scheme": "bearer"}

    async def __call__(self, request: HttpRequest) -> Client:
        """Return the client.

        Raises:
            Unauthenticated: no good key was sent.
            Forbidden: the key lacks the scope.
        """
        client = await _client(request)
        if client is None:
            raise Unauthenticated("An API key is needed: Authorization: Bearer <key>.")
        if self.scope not in client.scopes:
            raise Forbidden(f"This API key lacks the scope {self.scope!r}.")
        return client


async def key_or_open(request: HttpRequest) -> Client | Anonymous:
    """Accept a key with scope `buy`, and anonymous callers while the short form is open."""
    client = await _client(request)
    if client is None:
        if settings.TICKETSITE_OPEN_SHORT_FORM:
            return Anonymous()
        raise Unauthenticated("The short form needs an API key here.")
    if "buy" not in client.scopes:
        raise Forbidden("This API key lacks the scope 'buy'.")
    return client
