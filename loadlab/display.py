"""How runs and verdicts are shown to people."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from loadlab.models import Run
from loadlab.scenarios import SCENARIOS, Budget, Field
from loadlab.sentence import Sentence, Told
from loadlab.wire import OUTCOMES
from vacancy.display import NONE, Chip, number

RUN_CHIPS = {
    Run.State.REQUESTED: Chip(_("Waiting for a worker"), "hourglass_top", "busy"),
    Run.State.STARTING: Chip(_("Starting"), "sync", "busy"),
    Run.State.RUNNING: Chip(_("Running"), "play_arrow", "busy"),
    Run.State.STOPPING: Chip(_("Stopping"), "stop_circle", "busy"),
    Run.State.FINISHED: Chip(_("Finished"), "flag", "quiet"),
    Run.State.STOPPED: Chip(_("Stopped"), "stop", "warn"),
    Run.State.ABORTED: Chip(_("Aborted"), "dangerous", "bad"),
    Run.State.FAILED: Chip(_("Failed"), "error", "bad"),
}
VERDICT_CHIPS = {
    "fail": Chip(_("Fail"), "close", "bad"),
    "regressed": Chip(_("Regressed"), "trending_down", "bad"),
    "inconclusive": Chip(_("Inconclusive"), "question_mark", "warn"),
    "improved": Chip(_("Improved"), "trending_up", "ok"),
    "equivalent": Chip(_("Equivalent"), "equal", "ok"),
    "pass": Chip(_("Pass"), "check", "ok"),
}
VERDICT_LABELS = {
    "validity": _("Validity"),
    "budget": _("Budget"),
    "integrity": _("Integrity"),
    "comparison": _("Comparison"),
}
# From the bottom of the stack to its top: what was wanted, what was expected, what went wrong.
OUTCOME_LABELS = {
    "bought": _("Bought"),
    "read": _("Read"),
    "sold_out": _("Sold out"),
    "refused": _("Refused"),
    "fault": _("Fault"),
    "unknown": _("Unknown"),
}
UNITS = {
    "users": _("users"),
    "buyers": _("buyers"),
    "places": _("places"),
    "processes": _("processes"),
    "1/s": _("per second"),
}
SETTING_LABELS = {
    "scenario": _("Scenario"),
    "user_count": _("Virtual users"),
    "think_time_s": _("Think time, s"),
    "duration_s": _("Duration, s"),
    "capacity": _("Rehearsal stock"),
    "price": _("Price"),
    "max_per_purchase": _("Most places in one purchase"),
    "target": _("Target"),
    "fingerprint": _("Fingerprint"),
}
ONE_UNIT = {
    "users": _("user"),
    "buyers": _("buyer"),
    "places": _("place"),
    "processes": _("process"),
}
ENVIRONMENT_LABELS = {
    "cores": _("Processor cores"),
    "database": _("Database"),
    "django": "Django",
    "load": _("Revision of the load"),
    "locust": "Locust",
    "machine": _("Machine"),
    "python": "Python",
    "server": _("Server"),
    "shared_host": _("Generator on the same machine"),
}
NOT_JUDGED = Chip(_("Not judged"), "remove", "quiet")


def run_chip(state: str) -> Chip:
    """Return the chip of a run's state."""
    return RUN_CHIPS[Run.State(state)]


def worst_verdict_chip(verdicts: Sequence[dict[str, Any]] | None) -> Chip:
    """Return the chip of the worst verdict, which is named unless all passed."""
    for outcome, chip in VERDICT_CHIPS.items():
        kinds = [one["kind"] for one in verdicts or () if one["outcome"] == outcome]
        if kinds:
            named = ", ".join(str(VERDICT_LABELS.get(kind, kind)).lower() for kind in kinds)
            label = chip.label if outcome == "pass" else f"{chip.label}: {named}"
            return Chip(label, chip.icon, chip.tone)
    return NOT_JUDGED


def fact_label(name: str) -> str:
    """Name a setting or a part of the environment; what has no label yet keeps its own name."""
    known = SETTING_LABELS | ENVIRONMENT_LABELS
    return str(known.get(name) or name.replace("_", " ").capitalize())


def fact_text(value: Any) -> str:
    """Write the value of such a fact, a number with as few decimals as it has."""
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, int | float):
        return number(value, digits=len(f"{value:g}".partition(".")[2]))
    return NONE if value is None else str(value)


def chip_json(chip: Chip) -> dict[str, str]:
    """Return a chip for a script, in the language of this request."""
    return {"label": str(chip.label), "icon": chip.icon, "tone": chip.tone}


def outcomes_json() -> list[dict[str, str]]:
    """Return every outcome with its label, from the bottom of a stack to its top."""
    known = [*OUTCOME_LABELS, *(one for one in OUTCOMES if one not in OUTCOME_LABELS)]
    return [{"key": one, "label": str(OUTCOME_LABELS.get(one, one))} for one in known]


def sentences_text(sentences: Iterable[Mapping[str, Any]]) -> str:
    """Tell stored sentences in the reader's language; see `loadlab.sentence`."""
    told = (Sentence.from_json(one).told(gettext, _written) for one in sentences)
    return " ".join(told)


def _written(value: str | int | float) -> str:
    return value if isinstance(value, str) else number_format(value, force_grouping=True)


def run_told(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run, as `selectors.run_as_json` made it, with its sentences in this language."""
    told = dict(run)
    if run.get("verdicts"):
        told["verdicts"] = [_verdict_told(one) for one in run["verdicts"]]
    if told.pop("reason_sentence", None):
        told["reason"] = reason_text(run)
    return told


def _verdict_told(verdict: Mapping[str, Any]) -> dict[str, Any]:
    told = {**verdict, **verdict_text(verdict)}
    # They were told: no page needs them a second time.
    told.pop("finding_sentences", None)
    told.pop("detail_sentences", None)
    return told


def reason_text(run: Mapping[str, Any]) -> str:
    """Say in the reader's language why a run ended; earlier versions stored English only."""
    said = run.get("reason_sentence")
    return sentences_text([said]) if said else run.get("reason", "")


def refusal_text(refusal: Told) -> str:
    """Tell a refusal in the reader's language."""
    return sentences_text([refusal.sentence.as_json()])


def verdict_text(verdict: Mapping[str, Any]) -> dict[str, str]:
    """Return label, finding and detail of a stored verdict in the reader's language."""
    if "finding_sentences" not in verdict:  # stored by an earlier version: English only
        return {name: verdict[name] for name in ("label", "finding", "detail")}
    return {
        "label": gettext(verdict["label"]),
        "finding": sentences_text(verdict["finding_sentences"]),
        "detail": sentences_text(verdict["detail_sentences"]),
    }


def not_measured_text(environment: Mapping[str, Any]) -> str:
    """Say that there is no processor time of the server, and why; the run page says the same."""
    if environment.get("shared_host") is False:
        return gettext("Server not measured: the target is on another machine.")
    return gettext("Server not measured.")


def budget_text(budget: Budget) -> str:
    """Say what limits a run must keep."""
    parts = [_("p95 below %(limit)s ms") % {"limit": number(budget.p95_ms)}]
    if budget.p99_ms is not None:
        parts.append(_("p99 below %(limit)s ms") % {"limit": number(budget.p99_ms)})
    parts.append(_("faults at most %(limit)s %%") % {"limit": number(budget.fault_pct)})
    if budget.min_rate_per_s is not None:
        values = {"limit": number(budget.min_rate_per_s)}
        parts.append(_("at least %(limit)s requests per second") % values)
    return ", ".join(parts)


def scenario_title(name: str) -> str:
    """Return the title of a scenario; one that is no longer known keeps its name."""
    return gettext(SCENARIOS[name].title) if name in SCENARIOS else name


def setting_text(field: Field, value: float) -> str:
    """Write a setting with its unit, and as few decimals as it has: `0.5 s`, `1:00`."""
    if field.name == "duration_s":
        return duration_text(value)
    text = number(value, digits=len(f"{value:g}".partition(".")[2]))
    units = UNITS | ONE_UNIT if value == 1 else UNITS
    return f"{text} {units.get(field.unit, field.unit)}".strip()


def duration_text(seconds: float) -> str:
    """Write a duration as m:ss, or h:mm:ss from an hour on."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
