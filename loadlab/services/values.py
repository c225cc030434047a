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
        OutOfBounds: a value that the scenario does not have, or one outside its bounds, or a spike
            that would never come.
    """
    unknown = sorted(set(values) - set(scenario.defaults()))
    if unknown:
        text = gettext_noop("Scenario %(scenario)s has no setting %(names)s.")
        raise OutOfBounds(text, scenario=repr(scenario.name), names=", ".join(unknown))
    checked = {field.name: _checked(field, values) for field in scenario.fields}
    for field in scenario.fields:
        if field.name == "spike_begins_s":
            _check_it_comes(field, checked)
    return checked


def _check_it_comes(field: Field, checked: Mapping[str, float]) -> None:
    """Refuse a spike after the end: the run would pass as one that has withstood it."""
    begins_s, duration_s = checked[field.name], checked["duration_s"]
    if begins_s >= duration_s:
        text = gettext_noop("%(field)s: %(value)s s, but buyers come for %(duration)s s only.")
        words = {"value": f"{begins_s:g}", "duration": f"{duration_s:g}"}
        raise OutOfBounds(text, field=field.label, **words)


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
