"""App registration."""

from django.apps import AppConfig


class LoadlabConfig(AppConfig):
    """The `loadlab` app."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "loadlab"
    verbose_name = "Load lab"
