"""Websockets as a browser opens them, without a server."""

import json
from http.cookies import SimpleCookie
from typing import Any

from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from django.test import Client

from ticketsite.asgi import application

ORIGIN = "http://localhost:8000"
PATIENCE_S = 60.0


def session_of(user: User | None) -> str:
    """Log a user in and return the session cookie."""
    client = Client()
    if user is not None:
        client.force_login(user)
    cookies: SimpleCookie = client.cookies
    return "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())


def socket(path: str, cookie: str, *, origin: str = ORIGIN) -> WebsocketCommunicator:
    """Prepare a websocket as a browser would open it."""
    headers = [(b"host", b"localhost:8000"), (b"origin", origin.encode())]
    if cookie:
        headers.append((b"cookie", cookie.encode()))
    return WebsocketCommunicator(application, path, headers=headers)


async def is_let_in(communicator: WebsocketCommunicator) -> bool:
    """Try to connect."""
    connected, _ = await communicator.connect(timeout=PATIENCE_S)
    await communicator.disconnect()
    return bool(connected)


async def next_message(communicator: WebsocketCommunicator) -> dict[str, Any]:
    """Wait for what comes next."""
    message: dict[str, Any] = json.loads(await communicator.receive_from(timeout=PATIENCE_S))
    return message
