"""The wiring as an app, so that it is told when the database was migrated."""

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate

# Django tells it app by app, in their order, and only those with models: at the last of them
# the permissions of all are there.
LAST_WITH_MODELS = "loadlab"


class TicketsiteConfig(AppConfig):
    """Sets the roles whenever the database was migrated."""

    name = "ticketsite"

    def ready(self) -> None:
        """Connect; importing models is allowed only now."""
        from ticketsite.roles import roles_set
        from ticketsite.vacancy_page import part
        from vacancy.page import add_part

        add_part(part)

        last = apps.get_app_config(LAST_WITH_MODELS)
        post_migrate.connect(roles_set, sender=last, dispatch_uid="ticketsite.roles")
