"""What a comparison says, as rows and sentences in the reader's language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loadlab.display import VERDICT_CHIPS, fact_label, fact_text
from loadlab.models import Run
from vacancy.display import NONE, Chip, number

NAMES = {
    "p50_ms": gettext_lazy("p50"),
    "p95_ms": gettext_lazy("p95"),
    "p99_ms": gettext_lazy("p99"),
    "rate_per_s": gettext_lazy("Throughput"),
    "fault_pct": gettext_lazy("Faults"),
}
UNITS = {"rate_per_s": gettext_lazy("per second"), "fault_pct": "%"}
HEADLINE = "p95_ms"  # the one that budgets judge
BAR_SPAN = 1.15  # the bar reaches a little beyond what it shows


@dataclass(frozen=True)
class Bar:
    """An interval around zero, in % of the width of its bar; `zone` is where nothing counts."""

    zero: float
    low: float
    width: float
    middle: float
    zone_from: float
    zone_width: float


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    name: str
    unit: str
    a: str
    b: str
    difference: str
    interval: str
    zone: str
    bar: Bar | None
    chip: Chip | None


def figures(found: Mapping[str, Any], a: Run, b: Run) -> list[Figure]:
    """Return a line for each figure that both runs have; judged ones with their interval."""
    judged = {one["name"]: one for one in (found["comparison"] or {}).get("differences", ())}
    rows = [_judged(one) if (one := judged.get(name)) else _plain(name, a, b) for name in NAMES]
    return [row for row in rows if row is not None]


def headline(found: Mapping[str, Any], a: Run, b: Run) -> str:
    """Say the most important difference in one sentence, and what it is worth."""
    if found["comparison"]:
        differences = {one["name"]: one for one in found["comparison"]["differences"]}
        one = differences.get(HEADLINE)
        if one and one["baseline"]:
            return _judged_sentence(one)
    if not found["same_fingerprint"]:
        return _("These runs differ in more than chance: shown side by side, not judged.")
    if found["judged"]:
        return _("One of the runs is too short to be compared.")
    return _("One of the runs was not valid: shown side by side, not judged.")


def settings_rows(found: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Return what differs between two runs: name, value of A, value of B."""
    return [(fact_label(one["name"]), fact_text(one["a"]), fact_text(one["b"])) for one in found]


def _judged_sentence(one: Mapping[str, Any]) -> str:
    pct = [100 * one[part] / one["baseline"] for part in ("delta", "low", "high")]
    texts = {
        "name": NAMES[one["name"]],
        "change": number(abs(pct[0]), digits=_digits(pct[0])),
        "low": _signed(pct[1]),
        "high": _signed(pct[2]),
        "verdict": str(VERDICT_CHIPS[one["outcome"]].label).lower(),
    }
    if pct[0] > 0:
        return _("%(name)s is %(change)s %% higher (%(low)s to %(high)s %%): %(verdict)s.") % texts
    return _("%(name)s is %(change)s %% lower (%(low)s to %(high)s %%): %(verdict)s.") % texts


def _judged(one: Mapping[str, Any]) -> Figure:
    low, high = one["low"], one["high"]
    return Figure(
        name=str(NAMES.get(one["name"], one["name"])),
        unit=str(UNITS.get(one["name"], "ms")),
        a=_figure(one["baseline"]),
        b=_figure(one["this"]),
        difference=_signed(one["delta"]),
        interval=_("%(low)s to %(high)s") % {"low": _signed(low), "high": _signed(high)},
        zone=_("less than %(minimum)s does not count")
        % {"minimum": _figure(one["minimum_effect"])},
        bar=_bar(low, one["delta"], high, one["minimum_effect"]),
        chip=VERDICT_CHIPS[one["outcome"]],
    )


def _plain(name: str, a: Run, b: Run) -> Figure | None:
    old, new = (_measured(run, name) for run in (a, b))
    if old is None and new is None:
        return None
    both = old is not None and new is not None
    return Figure(
        name=str(NAMES[name]),
        unit=str(UNITS.get(name, "ms")),
        a=_figure(old),
        b=_figure(new),
        difference=_signed((new or 0) - (old or 0)) if both else NONE,
        interval=NONE,
        zone="",
        bar=None,
        chip=None,
    )


def _measured(run: Run, name: str) -> float | None:
    summary = run.summary or {}
    if name == "fault_pct":
        count = summary.get("request_count")
        return 100 * summary.get("fault_count", 0) / count if count else None
    found = summary if name == "rate_per_s" else summary.get("total") or {}
    value: float | None = found.get(name)
    return value


def _bar(low: float, delta: float, high: float, minimum: float) -> Bar:
    reach = BAR_SPAN * max(abs(low), abs(high), minimum) or 1.0

    def place(value: float) -> float:
        return round(50 + 50 * value / reach, 2)

    return Bar(
        zero=50,
        low=place(low),
        width=round(place(high) - place(low), 2),
        middle=place(delta),
        zone_from=place(-minimum),
        zone_width=round(place(minimum) - place(-minimum), 2),
    )


def _digits(value: float) -> int:
    size = abs(value)
    return 0 if size >= 100 else 1 if size >= 10 else 2


def _figure(value: float | None) -> str:
    return NONE if value is None else number(value, digits=_digits(value))


def _signed(value: float) -> str:
    sign = "+" if value > 0 else "\N{MINUS SIGN}" if value < 0 else "±"
    return f"{sign}{number(abs(value), digits=_digits(value))}"
