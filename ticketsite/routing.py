"""Websocket addresses of the live pages."""

from typing import Any

from django.urls import path, re_path

from ticketsite.consumers import DashboardConsumer, DoorConsumer, Nowhere, VacancyConsumer


def _socket(address: str, consumer: Any, *, route: Any = path) -> Any:
    return route(address, consumer.as_asgi())  # Channels routes with Django's path()


websocket_urlpatterns = [
    _socket("ws/dashboard/", DashboardConsumer),
    _socket("ws/vacancies/<int:vacancy_id>/", VacancyConsumer),
    _socket("ws/doors/<int:vacancy_id>/", DoorConsumer),
    _socket("", Nowhere, route=re_path),  # last, for it matches everything
]
