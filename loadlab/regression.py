"""What a comparison with the baseline means, in words. Pure functions."""

from collections.abc import Iterator

from loadlab.comparison import Comparison, Difference
from loadlab.sentence import Sentence, gettext_noop
from loadlab.verdict import Verdict

NAMES = {"p50_ms": "p50", "p95_ms": "p95", "p99_ms": "p99"}
FINDINGS = {
    ("regressed", True): gettext_noop(
        "%(name)s is %(this)s ms, %(difference)s ms more than the baseline."
    ),
    ("improved", True): gettext_noop(
        "%(name)s is %(this)s ms, %(difference)s ms less than the baseline."
    ),
    ("regressed", False): gettext_noop(
        "Throughput is %(this)s a second, %(difference)s less than the baseline."
    ),
    ("improved", False): gettext_noop(
        "Throughput is %(this)s a second, %(difference)s more than the baseline."
    ),
}
INTERVALS = {
    True: gettext_noop(
        "%(name)s: %(baseline)s → %(this)s ms (from %(low)s to %(high)s; differences below "
        "%(minimum)s do not count)."
    ),
    False: gettext_noop(
        "Throughput: %(baseline)s → %(this)s a second (from %(low)s to %(high)s; differences "
        "below %(minimum)s do not count)."
    ),
}


def regression(*, comparison: Comparison | None) -> Verdict:
    """Say whether the run is slower than its baseline, faster, no different, or not to be told."""
    if comparison is None:
        short = Sentence(gettext_noop("One of the runs is too short to be compared."))
        return Verdict("comparison", "inconclusive", (short,))
    return Verdict(
        "comparison", comparison.outcome, tuple(_finding(comparison)), tuple(_detail(comparison))
    )


def _finding(comparison: Comparison) -> Iterator[Sentence]:
    if comparison.outcome == "equivalent":
        yield Sentence(gettext_noop("No different from the baseline."))
    elif comparison.outcome == "inconclusive":
        yield from _undecided(comparison)
    for one in comparison.differences:
        if one.outcome in {"regressed", "improved"}:
            yield Sentence(
                FINDINGS[one.outcome, one.name.endswith("_ms")],
                {
                    "name": NAMES.get(one.name, one.name),
                    "this": round(one.this, 2),
                    "difference": round(abs(one.delta), 2),
                },
            )


def _undecided(comparison: Comparison) -> Iterator[Sentence]:
    if comparison.noise is None:
        yield Sentence(
            gettext_noop(
                "How much identical runs differ here was never measured: run it five times "
                "(loadrun --repeat 5)."
            )
        )
        return
    yield Sentence(gettext_noop("The difference is neither clear nor clearly none."))
    needed = [one.runs_needed for one in comparison.differences if one.outcome == "inconclusive"]
    settled = [runs for runs in needed if runs is not None]
    if len(settled) == len(needed):
        yield Sentence(
            gettext_noop("About %(runs)s runs on each side would settle it."),
            {"runs": max(settled)},
        )
    else:
        yield Sentence(gettext_noop("It is too close to the limit for more runs to settle it."))


def _detail(comparison: Comparison) -> Iterator[Sentence]:
    yield from map(_interval, comparison.differences)
    yield Sentence(
        gettext_noop(
            "Block bootstrap: blocks of %(block)s s, %(resamples)s resamples, seed %(seed)s, "
            "%(confidence)s %% intervals."
        ),
        {
            "block": comparison.block_s,
            "resamples": comparison.resamples,
            "seed": str(comparison.seed),
            "confidence": round(comparison.confidence_pct, 2),
        },
    )
    if comparison.noise:
        yield Sentence(
            gettext_noop("The noise was measured with %(count)s identical runs."),
            {"count": comparison.noise.run_count},
        )


def _interval(one: Difference) -> Sentence:
    return Sentence(
        INTERVALS[one.name.endswith("_ms")],
        {
            "name": NAMES.get(one.name, one.name),
            "baseline": round(one.baseline, 2),
            "this": round(one.this, 2),
            "low": round(one.baseline + one.low, 2),
            "high": round(one.baseline + one.high, 2),
            "minimum": round(one.minimum_effect, 2),
        },
    )
