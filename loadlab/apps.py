"""App registration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LoadlabConfig(AppConfig):
    """The `loadlab` app."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "loadlab"
    verbose_name = _("Load lab")
