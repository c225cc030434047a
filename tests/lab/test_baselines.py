"""What later runs are compared with: only what can be trusted, one for each fingerprint."""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from loadlab import history, percentiles, services, states, wire
from loadlab.models import Baseline, Noise, Run
from loadlab.sentence import Sentence
from loadlab.verdict import Kind, Verdict

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
KINDS: tuple[Kind, ...] = ("validity", "budget", "integrity")
PASSED = [Verdict(kind, "pass", (Sentence("Good."),)).as_json() for kind in KINDS]

pytestmark = pytest.mark.django_db


def ended(*, state: str = states.FINISHED, fingerprint: str = "f" * 64, **fields: Any) -> Run:
    """Store a run that has ended."""
    usual: dict[str, Any] = {
        "scenario": "baseline",
        "slot": None,
        "user_count": 10,
        "think_time_s": 0.5,
        "duration_s": 10,
        "capacity": 100,
        "target": "http://127.0.0.1:8001",
        "verdicts": PASSED,
    }
    return Run.objects.create(state=state, fingerprint=fingerprint, **usual | fields)


def measured(run: Run, *latencies_ms: float) -> Run:
    """Store ten seconds with the same latencies."""
    histogram = percentiles.new_histogram()
    for ms in latencies_ms:
        percentiles.record(histogram, ms)
    encoded = percentiles.encode(histogram)
    series = wire.Series("GET /available", "read", len(latencies_ms), sum(latencies_ms), encoded)
    for seq in range(10):
        second = wire.Second(seq, 0.0, seq + 1.0, 10, 0, 5.0, 0.1, 0, [series])
        services.second_record(run_id=run.pk, second=second, ended_at=NOW)
    return run


def set_baseline(run: Run, actor: User | None = None) -> Baseline:
    """Make it the reference."""
    return services.baseline_set(run_id=run.pk, actor=actor, now=NOW)


class TestFingerprint:
    """What makes two runs comparable."""

    WHERE: ClassVar = {"server": "uvicorn", "database": "SQLite 3", "load": 2, "python": "3.11"}

    def fingerprint(self, **changes: Any) -> str:
        """Return that of a run on this, or on something a little different."""
        run = ended()
        services.run_environment(run_id=run.pk, environment={**self.WHERE, **changes})
        return Run.objects.get(pk=run.pk).fingerprint

    def test_same_settings_that_bring_another_load_are_another_run(self) -> None:
        """Users who pause otherwise measure something else."""
        assert self.fingerprint(load=2) == self.fingerprint()
        assert self.fingerprint(load=1) != self.fingerprint()

    def test_other_version_of_python_is_no_other_run(self) -> None:
        """Whether that made it slower is the question."""
        assert self.fingerprint(python="3.12") == self.fingerprint()


class TestSet:
    """Marking a run."""

    def test_finished_valid_run_becomes_the_reference(self, operator: User) -> None:
        """With who did it."""
        run = ended()

        set_baseline(run, operator)

        found = history.baseline_of(fingerprint=run.fingerprint)
        assert found is not None
        assert (found.run, found.set_by, found.set_at) == (run, operator, NOW)

    def test_newer_one_takes_the_place_of_the_older(self) -> None:
        """One for each fingerprint."""
        set_baseline(ended())
        newer = ended()

        set_baseline(newer)

        assert list(Baseline.objects.values_list("run", flat=True)) == [newer.pk]

    def test_other_fingerprint_has_its_own(self) -> None:
        """Unlike runs do not replace each other."""
        set_baseline(ended())
        set_baseline(ended(fingerprint="e" * 64))

        assert Baseline.objects.count() == 2

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            pytest.param({"state": states.STOPPED}, "did not finish", id="stopped"),
            pytest.param({"state": states.FAILED}, "did not finish", id="failed"),
            pytest.param({"verdicts": None}, "not judged", id="not judged"),
            pytest.param(
                {"verdicts": [{"kind": "validity", "outcome": "fail"}]},
                "did not keep up",
                id="invalid",
            ),
            pytest.param(
                {"verdicts": [*PASSED[:2], {"kind": "integrity", "outcome": "fail"}]},
                "integrity of run",
                id="sold a place twice",
            ),
        ],
    )
    def test_unfit_run_is_refused(self, fields: dict[str, Any], words: str) -> None:
        """The refusal says why."""
        run = ended(**fields)

        with pytest.raises(services.NotABaseline, match=words):
            set_baseline(run)

        assert not Baseline.objects.exists()

    def test_run_that_is_not_there_is_refused(self) -> None:
        """By number."""
        with pytest.raises(services.NotABaseline, match="no run 4711"):
            services.baseline_set(run_id=4711, actor=None, now=NOW)

    def test_can_be_taken_back(self) -> None:
        """Once."""
        run = ended()
        set_baseline(run)

        assert [services.baseline_remove(run_id=run.pk) for _ in range(2)] == [True, False]


class TestConstraints:
    """The database itself keeps to it."""

    def test_second_baseline_of_a_fingerprint_is_refused(self) -> None:
        """Whatever the service believes."""
        set_baseline(ended())

        with pytest.raises(IntegrityError), transaction.atomic():
            Baseline.objects.create(fingerprint="f" * 64, run=ended(), set_at=NOW)

    def test_baseline_without_fingerprint_is_refused(self) -> None:
        """Nothing could be compared with it."""
        with pytest.raises(IntegrityError), transaction.atomic():
            Baseline.objects.create(fingerprint="", run=ended(), set_at=NOW)

    def test_run_that_is_a_baseline_cannot_vanish(self) -> None:
        """What others were compared with stays."""
        run = ended()
        set_baseline(run)

        with pytest.raises(ProtectedError):
            run.delete()

    def test_noise_of_one_run_is_refused(self) -> None:
        """It takes two to differ."""
        with pytest.raises(IntegrityError), transaction.atomic():
            Noise.objects.create(fingerprint="f", run_count=1, spread={}, measured_at=NOW)


class TestComparison:
    """Two runs laid over each other."""

    @pytest.fixture
    def noise(self) -> Noise:
        """A quiet machine."""
        return services.noise_record(
            fingerprint="f" * 64, run_ids=[1, 2], spread={"p95_ms": 0.01}, now=NOW
        )

    def test_slower_run_is_told_with_its_figures(self, noise: Noise) -> None:
        """Baseline first."""
        before, after = measured(ended(), 5.0, 5.0), measured(ended(), 20.0, 20.0)

        found = history.comparison(run_a=before.pk, run_b=after.pk)

        assert found is not None
        assert found["judged"] is True
        assert found["comparison"]["outcome"] == "regressed"
        assert found["settings"] == []

    def test_unlike_runs_are_shown_and_never_judged(self, noise: Noise) -> None:
        """What differs is listed, in settings and in the environment."""
        before = measured(ended(environment={"database": "SQLite"}), 5.0)
        after = measured(
            ended(fingerprint="e" * 64, user_count=20, environment={"database": "PostgreSQL"}), 20.0
        )

        found = history.comparison(run_a=before.pk, run_b=after.pk)

        assert found is not None
        assert (found["judged"], found["comparison"]) == (False, None)
        assert found["settings"] == [
            {"name": "user_count", "a": 10, "b": 20},
            {"name": "database", "a": "SQLite", "b": "PostgreSQL"},
        ]

    def test_invalid_run_is_not_judged(self, noise: Noise) -> None:
        """It proves nothing, in either place."""
        good = measured(ended(), 5.0)
        bad = measured(ended(verdicts=[{"kind": "validity", "outcome": "fail"}]), 20.0)

        found = history.comparison(run_a=good.pk, run_b=bad.pk)

        assert found is not None
        assert (found["same_fingerprint"], found["judged"]) == (True, False)

    def test_with_a_run_that_is_not_there_is_nothing(self) -> None:
        """Deleted, or never made."""
        assert history.comparison(run_a=ended().pk, run_b=4711) is None

    def test_baseline_is_joined_by_the_runs_it_was_measured_beside(self) -> None:
        """Several identical runs are a better reference than one."""
        runs = [measured(ended(), 5.0) for _ in range(3)]
        services.noise_record(
            fingerprint="f" * 64, run_ids=[run.pk for run in runs], spread={}, now=NOW
        )
        baseline = set_baseline(runs[1])

        found = history.compared_with(baseline=baseline, run_ids=[measured(ended(), 5.0).pk])

        assert found is not None
        assert (found.baseline_count, found.run_count) == (3, 1)

    def test_profile_leaves_out_what_came_after_the_planned_end(self) -> None:
        """The last requests of a run are not a second of it."""
        run = measured(ended(duration_s=8), 5.0)

        assert len(history.profile_of(run_id=run.pk, duration_s=8).units) == 8


class TestHistory:
    """The list with its filters, and how runs of one kind developed."""

    def test_filters_narrow_the_list(self) -> None:
        """Each for itself, and all together."""
        mine = ended(requested_at=NOW)
        ended(scenario="rush")
        ended(fingerprint="e" * 64, state=states.STOPPED)
        ended(verdicts=None, requested_at=NOW)

        assert history.runs(scenario="rush").count() == 1
        assert history.runs(state=states.STOPPED).count() == 1
        found = history.runs(scenario="baseline", fingerprint="f" * 64, valid_only=True)
        assert list(found) == [mine]

    def test_list_begins_at_a_moment(self) -> None:
        """That moment included."""
        young = ended(requested_at=NOW)
        ended(requested_at=NOW - timedelta(seconds=1))

        assert list(history.runs(since=NOW)) == [young]

    def test_trend_is_in_order_and_leaves_out_what_was_broken(self) -> None:
        """Oldest first, the newest of them; a sabotaged run is no point of it."""
        summary = {"total": {"p95_ms": 5.0}, "rate_per_s": 100.0}
        runs = [ended(summary=summary) for _ in range(3)]
        ended(summary=summary, sabotage="lost_ticket")

        assert history.trend(fingerprint="f" * 64, limit=2) == runs[1:]
