"""What operators type to start a rehearsal: the fields follow from the scenario."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loadlab import services
from loadlab.display import UNITS
from loadlab.scenarios import SCENARIOS, Field, Scenario
from loadlab.selectors import Shape
from vacancy.display import number

# Where each setting stands on the page; what is not named here is part of the load.
GROUPS = {"duration_s": "stock", "capacity": "stock"}
GROUP_TITLES = {
    "load": gettext_lazy("Load"),
    "stock": gettext_lazy("Duration and stock"),
}


class StartForm(forms.Form):
    """The settings of a run of one scenario, within the limits of this site."""

    def __init__(
        self,
        scenario: Scenario,
        data: Mapping[str, Any] | None = None,
        *,
        last: Mapping[str, float] | None = None,
        shapes: Sequence[Shape] = (),
    ) -> None:
        """Make a field for each setting; `last` is what stands there at first, over the defaults.

        A value of an earlier run that is out of bounds by now is shown and refused with a
        sentence, like any other.
        """
        values = {**scenario.defaults(), **(last or {})}
        super().__init__(data, initial={name: _plain(value) for name, value in values.items()})
        self.scenario = scenario
        for field in scenario.fields:
            self.fields[field.name] = _number(field)
        self.fields["shape_from"] = _shape(shapes)
        self.fields["abort_after_s"] = _abort_after()

    def run_values(self) -> dict[str, Any]:
        """Return the settings as `services.run_request` takes them."""
        return {field.name: self.cleaned_data[field.name] for field in self.scenario.fields}

    def extras(self) -> dict[str, Any]:
        """Return what is asked besides the scenario's settings, as `run_request` takes it."""
        shape = self.cleaned_data["shape_from"]
        return {
            "shape_from": int(shape) if shape else None,
            "abort_after_s": self.cleaned_data["abort_after_s"],
        }

    def groups(self) -> list[dict[str, Any]]:
        """Return the fields with their units, by group, without groups that are empty."""
        found: dict[str, list[tuple[forms.BoundField, str]]] = {name: [] for name in GROUP_TITLES}
        for field in self.scenario.fields:
            unit = str(UNITS.get(field.unit, field.unit))
            found[GROUPS.get(field.name, "load")].append((self[field.name], unit))
        return [
            {"title": GROUP_TITLES[name], "fields": fields}
            for name, fields in found.items()
            if fields
        ]


def _shape(shapes: Sequence[Shape]) -> forms.ChoiceField:
    own = ("", _("No vacancy: stock of its own"))
    return forms.ChoiceField(
        label=_("Imitate"),
        required=False,
        choices=[own, *((str(one.vacancy_id), _shape_text(one)) for one in shapes)],
        widget=forms.Select(attrs={"class": "ts-input", "aria-describedby": "shape_from-help"}),
        help_text=_("The rehearsal takes its capacity, price and limit; it is never touched."),
    )


def _shape_text(shape: Shape) -> str:
    values = {"name": shape.name, "venue": shape.venue, "capacity": number(shape.capacity)}
    return _("%(name)s, %(venue)s: %(capacity)s places") % values


def _abort_after() -> forms.IntegerField:
    attributes = {"class": "ts-input", "aria-describedby": "abort_after_s-help"}
    return forms.IntegerField(
        label=_("Abort after"),
        required=False,
        min_value=1,
        max_value=settings.LOADLAB_MAX_DURATION_S,
        widget=forms.NumberInput(attrs=attributes),
        help_text=_("Seconds in a row beyond the budget that end the run. Empty: none do."),
    )


def scenario_or_first(name: str | None) -> Scenario:
    """Return the scenario of this name, else the first one."""
    return SCENARIOS.get(name or "") or next(iter(SCENARIOS.values()))


def _number(field: Field) -> forms.Field:
    low, high = services.bounds(field)
    attributes: dict[str, Any] = {"class": "ts-input", "aria-describedby": f"{field.name}-help"}
    kind: Any = forms.IntegerField if field.is_whole else forms.FloatField
    if not field.is_whole:
        attributes["step"] = "any"
    made: forms.Field = kind(
        label=_(field.label),
        min_value=low,
        max_value=high,
        widget=forms.NumberInput(attrs=attributes),
        help_text=f"{_(field.help)} {_limits(field, low, high)}",
    )
    return made


def _limits(field: Field, low: float, high: float) -> str:
    values = {"low": _shown(low), "high": _shown(high), "unit": UNITS.get(field.unit, field.unit)}
    return _("%(low)s to %(high)s %(unit)s on this site.") % values


def _shown(value: float) -> str:
    return number(value, digits=len(f"{value:g}".partition(".")[2]))


def _plain(value: float) -> float:
    """Write 60 and not 60.0 into a field of whole numbers."""
    return int(value) if value == int(value) else value
