"""The wiring as an app, so that it is told when the database was migrated."""

from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

# Django tells it app by app, in their order, and only those with models: at the last of them
# the permissions of all are there.
LAST_WITH_MODELS = "loadlab"


# What lists, titles and filters call things. Set here, and not in the models, because a name is
# no part of the schema: it needs no migration.
NAMES: dict[str, tuple[Any, Any]] = {
    "vacancy.Vacancy": (_("vacancy"), _("vacancies")),
    "vacancy.StockMovement": (_("movement in the ledger"), _("movements in the ledger")),
    "tickets.Purchase": (_("purchase"), _("purchases")),
    "tickets.Ticket": (_("ticket"), _("tickets")),
    "tickets.ApiKey": (_("API key"), _("API keys")),
    "loadlab.Run": (_("run"), _("runs")),
}
FIELD_NAMES: dict[str, dict[str, Any]] = {
    "vacancy.Vacancy": {"state": _("state"), "is_default": _("default")},
    "tickets.Purchase": {
        "status": _("status"),
        "created_at": _("created at"),
        "vacancy": _("vacancy"),
        "client": _("API key"),
        "qty": _("places"),
        "buyer_name": _("buyer"),
        "buyer_email": _("e-mail"),
        "idempotency_key": _("idempotency key"),
        "cancelled_by": _("cancelled by"),
        "cancel_reason": _("reason"),
    },
    "tickets.Ticket": {"purchase": _("purchase")},
    "tickets.ApiKey": {"name": _("name"), "scopes": _("scopes")},
    "loadlab.Run": {"state": _("state")},
}


def names_translate() -> None:
    """Give models and fields their names in the reader's language."""
    for model, (one, many) in NAMES.items():
        meta = apps.get_model(model)._meta
        meta.verbose_name, meta.verbose_name_plural = one, many
    for model, fields in FIELD_NAMES.items():
        for field, name in fields.items():
            apps.get_model(model)._meta.get_field(field).verbose_name = name


class TicketsiteConfig(AppConfig):
    """Sets the roles whenever the database was migrated."""

    name = "ticketsite"

    def ready(self) -> None:
        """Connect; importing models is allowed only now."""
        from ticketsite.roles import roles_set
        from ticketsite.vacancy_page import part
        from vacancy.page import add_part

        add_part(part)
        names_translate()

        last = apps.get_app_config(LAST_WITH_MODELS)
        post_migrate.connect(roles_set, sender=last, dispatch_uid="ticketsite.roles")
