"""The ways in: `application` for the web role, `api_application` for the api role.

Three routes: /api/v1 to the lean handler, other HTTP to Django's own handler, websockets to
Channels. The api role serves only the first, and the static files of its documentation.
"""

import gc
import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ticketsite.settings")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()  # sets Django up, so it comes before what uses it

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator

from loadlab.routing import websocket_urlpatterns as run_sockets
from ticketsite.lean import is_api, lean_application
from ticketsite.routing import websocket_urlpatterns as live_sockets

websocket_application = AllowedHostsOriginValidator(
    AuthMiddlewareStack(URLRouter([*run_sockets, *live_sockets]))  # type: ignore[list-item]  # same
)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Serve everything: admin, websockets, and the API for convenience."""
    if scope["type"] == "websocket":
        await websocket_application(scope, receive, send)
    elif scope["type"] == "http" and is_api(scope["path"]):
        await lean_application(scope, receive, send)
    else:
        await django_application(scope, receive, send)


async def api_application(scope: Any, receive: Any, send: Any) -> None:
    """Serve /api/v1 and the static files of its documentation, nothing else."""
    if scope["type"] != "http":
        raise ValueError(f"the api role serves HTTP only, not {scope['type']}")
    if scope["path"].startswith("/static/"):
        await django_application(scope, receive, send)
    else:
        await lean_application(scope, receive, send)


# Note [Frozen once loaded]
#     Python looks through every object it has for garbage now and then, and everybody waits
#     meanwhile: a tenth of a second with what Django and the apps have loaded, seen at saturation
#     as a p99 of 91 to 142 ms where 47 to 53 would do. What is here now stays as long as the
#     process does, so it is set aside; only what requests make is looked through from here on.
gc.collect()
gc.freeze()
