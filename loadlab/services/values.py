"""What people set for a run, checked against its scenario's fields and the caps of the site."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from loadlab.scenarios import Field, Scenario
from loadlab.sentence import gettext_noop
from loadlab.services.errors import OutOfBounds


def bounds(field: Field) -> tuple[float, float]:
    """Return the least and the most that this site allows for a scenario's setting."""
    caps = {
        "user_count": settings.LOADLAB_MAX_USERS,
        "duration_s": settings.LOADLAB_MAX_DURATION_S,
        "target_rate_per_s": settings.LOADLAB_MAX_RATE_PER_S,
        "spike_rate_per_s": settings.LOADLAB_MAX_RATE_PER_S,
    }
    return field.minimum, min(field.maximum, caps.get(field.name, field.maximum))


def values_check(*, scenario: Scenario, values: Mapping[str, float]) -> dict[str, Any]:
    """Return a value for each field of the scenario.

    Raises:
        OutOfBounds: a value that the scenario does not have, or one outside its bounds.
    """
    unknown = sorted(set(values) - set(scenario.defaults()))
    if unknown:
        text = gettext_noop("Scenario %(scenario)s has no setting %(names)s.")
        raise OutOfBounds(text, scenario=repr(scenario.name), names=", ".join(unknown))
    return {field.name: _checked(field, values) for field in scenario.fields}


def _checked(field: Field, values: Mapping[str, float]) -> float:
    value = values.get(field.name, field.default)
    low, high = bounds(field)
    if not low <= value <= high:
        text = gettext_noop("%(field)s: %(value)s is not between %(low)s and %(high)s.")
        words = {"value": f"{value:g}", "low": f"{low:g}", "high": f"{high:g}"}
        raise OutOfBounds(text, field=field.label, **words)
    if field.is_whole and value != int(value):
        text = gettext_noop("%(field)s: %(value)s is not a whole number.")
        raise OutOfBounds(text, field=field.label, value=f"{value:g}")
    return int(value) if field.is_whole else float(value)
