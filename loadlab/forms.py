"""What operators type to start a rehearsal."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import MaxValueValidator

from loadlab.scenarios import SCENARIOS

MAX_THINK_TIME_S = 600
MAX_CAPACITY = 1_000_000


UNITS = {"user_count": "users", "think_time_s": "s", "duration_s": "s", "capacity": "places"}


def _number(**attributes: Any) -> forms.NumberInput:
    return forms.NumberInput(attrs={"class": "ts-input", **attributes})


class StartForm(forms.Form):
    """The settings of a run, within the limits of this site."""

    scenario = forms.ChoiceField(
        choices=[(one.name, one.title) for one in SCENARIOS.values()], widget=forms.RadioSelect
    )
    user_count = forms.IntegerField(label="Virtual users", min_value=1, widget=_number())
    think_time_s = forms.FloatField(
        label="Think time",
        min_value=0,
        max_value=MAX_THINK_TIME_S,
        widget=_number(step="any"),
        help_text=f"Pause of each user between requests, up to {MAX_THINK_TIME_S} s.",
    )
    duration_s = forms.IntegerField(label="Duration", min_value=1, widget=_number())
    capacity = forms.IntegerField(
        label="Rehearsal stock",
        min_value=1,
        max_value=MAX_CAPACITY,
        widget=_number(),
        help_text="Made for this run and removed afterwards. Real stock is never touched.",
    )

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        """Take the limits from the settings and the first scenario's values as a start."""
        first = next(iter(SCENARIOS.values()))
        start = {name: first.defaults().get(name) for name in UNITS}
        super().__init__(data, initial={"scenario": first.name, **start})
        self._limit("user_count", settings.LOADLAB_MAX_USERS)
        self._limit("duration_s", settings.LOADLAB_MAX_DURATION_S)
        for name in UNITS:
            self.fields[name].widget.attrs["aria-describedby"] = f"{name}-help"

    def numbers(self) -> list[tuple[forms.BoundField, str]]:
        """Return each number's field with its unit."""
        return [(self[name], unit) for name, unit in UNITS.items()]

    def run_values(self) -> dict[str, Any]:
        """Return what the chosen scenario knows, as `services.run_request` takes it."""
        known = SCENARIOS[self.cleaned_data["scenario"]].defaults()
        return {name: self.cleaned_data[name] for name in UNITS if name in known}

    def _limit(self, name: str, highest: int) -> None:
        field = self.fields[name]
        field.validators.append(MaxValueValidator(highest))
        field.widget.attrs["max"] = highest
        field.help_text = f"At most {highest:,} {UNITS[name]} on this site."
