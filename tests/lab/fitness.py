"""Whether a machine was too busy to measure on, which is no fault of the run's.

A generator that starved proves nothing. One that did not, beside a server that did, proves what
is true: the budget was not kept.
"""

from typing import Any

# As `loadlab.validity` says it. Any other reason to distrust a run is one of ours, no excuse.
CAUSES = ("was starved", "could not keep up", "timer overslept", "Arrivals were late")


def is_starved(finding: str) -> bool:
    """Say whether this finding of a validity verdict blames the machine."""
    return any(cause in finding for cause in CAUSES)


def expected_outcomes(validity: str, budget: str) -> tuple[str, str, str]:
    """Return what the verdicts of a good run must say, given their first two findings."""
    if is_starved(validity):
        return "fail", "inconclusive", "inconclusive"
    return "pass", "fail" if budget.startswith("p95 is ") else "pass", "pass"


def starved(document: dict[str, Any]) -> bool:
    """Say whether the machine gave an exported run too little processor time."""
    found = document["run"]["verdicts"][0]
    return found["outcome"] == "fail" and is_starved(found["finding"])
