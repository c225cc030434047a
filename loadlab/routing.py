"""Websocket addresses."""

from django.urls import path

from loadlab.consumers import RunConsumer

websocket_urlpatterns = [
    path("ws/runs/<int:run_id>/", RunConsumer.as_asgi()),  # type: ignore[arg-type]  # Channels routes with Django's path()
]
