"""App registration."""

from django.apps import AppConfig


class TicketsConfig(AppConfig):
    """The `tickets` app."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "tickets"
    verbose_name = "Sales"
