"""App registration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TicketsConfig(AppConfig):
    """The `tickets` app."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "tickets"
    verbose_name = _("Sales")
