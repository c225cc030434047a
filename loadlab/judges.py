"""All verdicts of one run. Pure functions.

Separate verdicts, never one green tick: whether the generator was fit (validity), whether the
limits were kept (budget), whether the database is right (integrity), whether it became slower
(comparison).
"""

from loadlab.budget import Limits, budget
from loadlab.comparison import Comparison
from loadlab.integrity import integrity
from loadlab.regression import regression
from loadlab.sentence import Sentence
from loadlab.summary import Summary
from loadlab.validity import Circumstances, validity
from loadlab.verdict import Verdict


def judge(
    *,
    summary: Summary,
    made: Circumstances,
    limits: Limits,
    sabotage: str = "",
    breach: Sentence | None = None,
) -> list[Verdict]:
    """Return validity, budget and integrity, in this order.

    Without validity the others are inconclusive, except a violation of integrity: a place that
    was sold twice is a fact, however the load was made. `breach` is why a run was aborted: a
    budget that was broken for so long is broken, unless the generator is to blame.
    """
    valid = validity(summary=summary, made=made)
    kept = budget(summary=summary, limits=limits)
    whole = integrity(summary=summary, all_told=made.all_told, sabotage=sabotage)
    if valid.outcome != "pass":
        kept = _aborted(valid, kept, breach) or kept.without_proof(valid)
        whole = whole if whole.outcome == "fail" else whole.without_proof(valid)
    return [valid, kept, whole]


def _aborted(valid: Verdict, kept: Verdict, breach: Sentence | None) -> Verdict | None:
    if breach is None or valid.outcome == "fail":
        return None
    return Verdict("budget", "fail", (breach,), kept.detail)


def judge_comparison(*, valid: Verdict, comparison: Comparison | None) -> Verdict:
    """Return the verdict on the comparison with the baseline; an invalid run proves nothing."""
    found = regression(comparison=comparison)
    return found if valid.outcome == "pass" else found.without_proof(valid)
