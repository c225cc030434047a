"""Several reference runs become one set of figures: noise is left out, faults are not."""

from typing import Any

from bench.reference import summed_up


def run(p95_ms: float = 3.0, **other: Any) -> dict[str, Any]:
    """Return the figures of a run that went well."""
    usual = {
        "fault_count": 0,
        "unknown_count": 0,
        "sold": 1000,
        "max_ms": 9.0,
        "websocket_delay_max_s": 0.5,
        "verdicts": {"integrity": "pass"},
        "rows": [],
    }
    return {"p95_ms": p95_ms, **usual, **other}


def test_one_disturbed_run_of_three_is_left_out():
    figures = summed_up([run(3.0), run(50.0), run(2.0)])

    assert figures["p95_ms"] == 3.0


def test_what_must_never_happen_counts_in_every_run():
    """A fault, a place that was not sold, a late page, an audit that failed."""
    bad = {"fault_count": 1, "sold": 999, "websocket_delay_max_s": 2.0}

    figures = summed_up([run(), run(**bad, verdicts={"integrity": "fail"}), run()])

    assert figures["fault_count"] == 1
    assert figures["sold"] == 999
    assert figures["websocket_delay_max_s"] == 2.0
    assert figures["failed_audits"] == 1


def test_a_place_too_many_is_no_place_that_was_not_sold():
    assert summed_up([run(), run(sold=1001), run()])["sold"] == 1001


def test_run_without_a_verdict_on_integrity_is_one_that_failed():
    assert summed_up([run(verdicts={})])["failed_audits"] == 1
