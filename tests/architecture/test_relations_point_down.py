"""Models relate to their own app or to lower ones.

The import contracts see import statements; a relation named by a string ("vacancy.Vacancy") goes
past them. This walks the relations themselves.
"""

from collections.abc import Iterable
from typing import Any

import pytest
from django.apps import apps
from django.db import models

DJANGO_USERS = "auth"
MAY_RELATE_TO = {
    "vacancy": {"vacancy", DJANGO_USERS},
    "tickets": {"tickets", "vacancy", DJANGO_USERS},
    "loadlab": {"loadlab", "tickets", "vacancy", DJANGO_USERS},
    "ticketsite": {"ticketsite", "loadlab", "tickets", "vacancy", DJANGO_USERS},
}


def relations(found: Iterable[type[models.Model]]) -> list[tuple[str, str, str]]:
    """Return (app, field, target app) for each relation these models declare themselves."""
    return [
        (model._meta.app_label, f"{model.__name__}.{field.name}", target_app(field))
        for model in found
        for field in model._meta.get_fields()
        if field.is_relation and not field.auto_created
    ]


def target_app(field: Any) -> str:
    target: Any = getattr(field, "related_model", None)
    # A generic relation may point anywhere, so it points nowhere that is allowed.
    return target._meta.app_label if hasattr(target, "_meta") else "anything"


def pointing_up(found: Iterable[tuple[str, str, str]]) -> list[str]:
    return [
        f"{app}: {field} relates to {target}"
        for app, field, target in found
        if target not in MAY_RELATE_TO[app]
    ]


def own_models() -> list[type[models.Model]]:
    return [model for app in MAY_RELATE_TO for model in apps.get_app_config(app).get_models()]


def test_relations_are_found_at_all():
    found = relations(own_models())

    assert ("tickets", "Purchase.vacancy", "vacancy") in found


def test_no_relation_points_up():
    assert pointing_up(relations(own_models())) == []


@pytest.mark.parametrize(
    ("app", "target"),
    [("vacancy", "tickets"), ("tickets", "loadlab"), ("vacancy", "sessions"), ("loadlab", "admin")],
)
def test_relation_that_points_up_or_aside_is_reported(app, target):
    assert pointing_up([(app, "Model.field", target)]) == [
        f"{app}: Model.field relates to {target}"
    ]


def test_every_own_app_is_placed():
    own = {
        config.label
        for config in apps.get_app_configs()
        if config.name in {"ticketsite", "loadlab", "tickets", "vacancy"}
    }

    assert own == set(MAY_RELATE_TO)
