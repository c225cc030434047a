"""The three roles of operators: groups with exactly these permissions.

Note [Roles come with the migrations]
    A permission is a row that Django makes after the migrations of its app, so no migration can
    name it at the time it runs. The roles are therefore set by the signal that `migrate` sends
    afterwards: every `migrate` makes them, brings their permissions back to what stands here, and
    leaves everything else (their members, other groups) alone.
"""

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import Q
from django.utils.translation import gettext_noop

VIEWER = gettext_noop("Viewer")
STOCK_KEEPER = gettext_noop("Stock keeper")
ENGINEER = gettext_noop("Engineer")

OWN_APPS = ("vacancy", "tickets", "loadlab")
SEES_ALL = Q(content_type__app_label__in=(*OWN_APPS, "auth", "admin"), codename__startswith="view_")
KEEPS_STOCK = Q(
    content_type__app_label="vacancy", codename__in=("add_vacancy", "change_vacancy")
) | Q(
    # To change a purchase is to cancel it, to change a ticket is to check it in.
    content_type__app_label="tickets",
    codename__in=("change_purchase", "change_ticket"),
)
RUNS_REHEARSALS = Q(
    content_type__app_label="loadlab", codename__in=("start_run", "change_run", "delete_run")
)

ROLES = {
    VIEWER: SEES_ALL,
    STOCK_KEEPER: SEES_ALL | KEEPS_STOCK,
    ENGINEER: SEES_ALL | RUNS_REHEARSALS,
}


def roles_set(**_: Any) -> None:
    """Make the roles, and give each exactly its permissions; see the note above."""
    for name, permissions in ROLES.items():
        group, _created = Group.objects.get_or_create(name=name)
        group.permissions.set(Permission.objects.filter(permissions))
