"""What a verdict is, and what the verdicts of a run amount to. Plain Python."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from loadlab.sentence import Sentence, gettext_noop, tell

Kind = Literal["validity", "budget", "integrity", "comparison"]
Outcome = Literal["pass", "fail", "inconclusive", "regressed", "improved", "equivalent"]

LABELS: dict[Kind, str] = {
    "validity": gettext_noop("Validity"),
    "budget": gettext_noop("Budget"),
    "integrity": gettext_noop("Integrity"),
    "comparison": gettext_noop("Comparison"),
}
GOOD: tuple[Outcome, ...] = ("pass", "improved", "equivalent")

# Exit codes of `manage.py loadrun` (99 and 105 as k6 has them).
EXIT_PASS, EXIT_INCONCLUSIVE = 0, 3
EXIT_REGRESSED, EXIT_INTEGRITY, EXIT_BUDGET, EXIT_ABORTED = 97, 98, 99, 105
WORST_FIRST = (
    EXIT_INTEGRITY,
    EXIT_ABORTED,
    EXIT_BUDGET,
    EXIT_REGRESSED,
    EXIT_INCONCLUSIVE,
    EXIT_PASS,
)


@dataclass(frozen=True)
class Verdict:
    """One claim: its outcome, what was found, and the measured values behind it."""

    kind: Kind
    outcome: Outcome
    finding: tuple[Sentence, ...]
    detail: tuple[Sentence, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data: in English, and as sentences for every other language."""
        return {
            "kind": self.kind,
            "label": LABELS[self.kind],
            "outcome": self.outcome,
            "finding": tell(self.finding),
            "detail": tell(self.detail),
            "finding_sentences": [one.as_json() for one in self.finding],
            "detail_sentences": [one.as_json() for one in self.detail],
        }

    def without_proof(self, valid: "Verdict") -> "Verdict":
        """Take the claim back because the run was not valid, and repeat why."""
        reason = Sentence(gettext_noop("Not judged, because the run cannot be trusted:"))
        return replace(self, outcome="inconclusive", finding=(reason, *valid.finding))


def exit_code(verdicts: Sequence[Mapping[str, Any]], *, completed: bool) -> int:
    """Return the process exit code for stored verdicts, the worst first.

    `completed` is False if the run was cut short.
    """
    outcomes = {verdict["kind"]: verdict["outcome"] for verdict in verdicts}
    if outcomes.get("integrity") == "fail":
        return EXIT_INTEGRITY
    if not completed:
        return EXIT_ABORTED
    if outcomes.get("budget") == "fail":
        return EXIT_BUDGET
    if outcomes.get("comparison") == "regressed":
        return EXIT_REGRESSED
    all_good = bool(outcomes) and all(outcome in GOOD for outcome in outcomes.values())
    return EXIT_PASS if all_good else EXIT_INCONCLUSIVE


def worst_exit_code(codes: Sequence[int]) -> int:
    """Return the code of the worst run; none at all is no pass."""
    return next((code for code in WORST_FIRST if code in codes), EXIT_INCONCLUSIVE)
