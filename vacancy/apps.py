"""App registration."""

from django.apps import AppConfig


class VacancyConfig(AppConfig):
    """The `vacancy` app."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "vacancy"
    verbose_name = "Stock"
