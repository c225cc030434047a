"""How runs and verdicts are shown to people."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext

from loadlab.models import Run
from loadlab.scenarios import SCENARIOS
from loadlab.sentence import Sentence
from vacancy.display import Chip

RUN_CHIPS = {
    Run.State.REQUESTED: Chip("Waiting for a worker", "hourglass_top", "busy"),
    Run.State.STARTING: Chip("Starting", "sync", "busy"),
    Run.State.RUNNING: Chip("Running", "play_arrow", "busy"),
    Run.State.STOPPING: Chip("Stopping", "stop_circle", "busy"),
    Run.State.FINISHED: Chip("Finished", "flag", "quiet"),
    Run.State.STOPPED: Chip("Stopped", "stop", "warn"),
    Run.State.ABORTED: Chip("Aborted", "dangerous", "bad"),
    Run.State.FAILED: Chip("Failed", "error", "bad"),
}
VERDICT_CHIPS = {
    "fail": Chip("Fail", "close", "bad"),
    "regressed": Chip("Regressed", "trending_down", "bad"),
    "inconclusive": Chip("Inconclusive", "question_mark", "warn"),
    "improved": Chip("Improved", "trending_up", "ok"),
    "equivalent": Chip("Equivalent", "equal", "ok"),
    "pass": Chip("Pass", "check", "ok"),
}
NOT_JUDGED = Chip("Not judged", "remove", "quiet")


def run_chip(state: str) -> Chip:
    """Return the chip of a run's state."""
    return RUN_CHIPS[Run.State(state)]


def worst_verdict_chip(verdicts: Sequence[dict[str, Any]] | None) -> Chip:
    """Return the chip of the worst verdict, which is named unless all passed."""
    for outcome, chip in VERDICT_CHIPS.items():
        kinds = [one["kind"] for one in verdicts or () if one["outcome"] == outcome]
        if kinds:
            label = chip.label if outcome == "pass" else f"{chip.label}: {', '.join(kinds)}"
            return Chip(label, chip.icon, chip.tone)
    return NOT_JUDGED


def sentences_text(sentences: Iterable[Mapping[str, Any]]) -> str:
    """Tell stored sentences in the reader's language; see `loadlab.sentence`."""
    told = (Sentence.from_json(one).told(gettext, _written) for one in sentences)
    return " ".join(told)


def _written(value: str | int | float) -> str:
    return value if isinstance(value, str) else number_format(value, force_grouping=True)


def verdict_text(verdict: Mapping[str, Any]) -> dict[str, str]:
    """Return label, finding and detail of a stored verdict in the reader's language."""
    if "finding_sentences" not in verdict:  # stored by an earlier version: English only
        return {name: verdict[name] for name in ("label", "finding", "detail")}
    return {
        "label": gettext(verdict["label"]),
        "finding": sentences_text(verdict["finding_sentences"]),
        "detail": sentences_text(verdict["detail_sentences"]),
    }


def scenario_title(name: str) -> str:
    """Return the title of a scenario; one that is no longer known keeps its name."""
    return SCENARIOS[name].title if name in SCENARIOS else name


def duration_text(seconds: float) -> str:
    """Write a duration as m:ss."""
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02d}"
