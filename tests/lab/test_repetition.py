"""Identical runs one after the other: their noise, and what they say together."""

import pytest

from loadlab import history, repetition, services, states, verdict
from loadlab.models import Noise, Run
from tests.lab.test_baselines import NOW, ended, measured

pytestmark = pytest.mark.django_db


def sum_up(*runs: Run, new_baseline: bool = False) -> repetition.Together:
    """Sum them up."""
    return repetition.sum_up(runs=runs, new_baseline=new_baseline, now=NOW)


class TestNoise:
    """What identical runs differ by."""

    def test_is_measured_and_stored(self) -> None:
        """With which runs, so that it can be looked up."""
        runs = [measured(ended(), ms) for ms in (5.0, 6.0, 7.0)]

        together = sum_up(*runs)

        stored = Noise.objects.get()
        assert together.noise.spread["p95_ms"] == pytest.approx(1.0, rel=0.05)
        assert (stored.run_count, stored.run_ids) == (3, [run.pk for run in runs])

    def test_of_another_baseline_is_left_as_it_is(self) -> None:
        """What the baseline was measured beside is the better reference."""
        first = [measured(ended(), ms) for ms in (5.0, 5.1)]
        sum_up(*first)
        services.baseline_set(run_id=first[0].pk, actor=None, now=NOW)

        together = sum_up(*[measured(ended(), ms) for ms in (5.0, 9.0)])

        assert not together.is_stored
        assert Noise.objects.get().run_ids == [run.pk for run in first]

    def test_of_a_new_baseline_takes_its_place(self) -> None:
        """Asked for with --set-baseline."""
        sum_up(*[measured(ended(), ms) for ms in (5.0, 5.1)])
        newer = [measured(ended(), ms) for ms in (6.0, 6.1)]

        sum_up(*newer, new_baseline=True)

        assert Noise.objects.get().run_ids == [run.pk for run in newer]

    @pytest.mark.parametrize("kind", ["single", "stopped", "unlike"])
    def test_of_what_is_not_alike_is_not_measured(self, kind: str) -> None:
        """One run, one that did not finish, one of another fingerprint."""
        runs = [measured(ended(), 5.0)]
        if kind == "stopped":
            runs.append(ended(state=states.STOPPED))
        if kind == "unlike":
            runs.append(ended(fingerprint="e" * 64))

        with pytest.raises(repetition.NotAlike):
            sum_up(*runs)

        assert not Noise.objects.exists()


class TestTogether:
    """Several runs against the baseline."""

    def test_are_compared_as_one(self) -> None:
        """Means of both sides; two milliseconds more is no chance here."""
        before = [measured(ended(), ms) for ms in (5.0, 5.02, 5.01)]
        sum_up(*before)
        services.baseline_set(run_id=before[0].pk, actor=None, now=NOW)

        together = sum_up(*[measured(ended(), ms) for ms in (7.0, 7.02)])

        assert together.comparison is not None
        assert (together.comparison.baseline_count, together.comparison.run_count) == (3, 2)
        assert together.verdict is not None
        assert together.verdict.outcome == "regressed"

    def test_are_not_compared_with_one_of_them(self) -> None:
        """A baseline is no witness for itself."""
        runs = [measured(ended(), ms) for ms in (5.0, 5.1)]
        services.baseline_set(run_id=runs[0].pk, actor=None, now=NOW)

        assert sum_up(*runs).verdict is None


def test_typical_run_is_the_one_in_the_middle() -> None:
    """Neither the luckiest nor the unluckiest becomes the reference."""
    runs = [ended(summary={"total": {"p95_ms": ms}}) for ms in (9.0, 1.0, 5.0)]

    assert repetition.typical(runs) == runs[2]


def test_spread_is_that_of_the_profiles() -> None:
    """The same figures that the comparison works with."""
    run = measured(ended(), 5.0)

    [profile] = history.profiles_of(run_ids=[run.pk])

    assert len(profile.units) == 10


@pytest.mark.parametrize(
    ("codes", "worst"),
    [([0, 0], 0), ([0, 3], 3), ([3, 97], 97), ([97, 99], 99), ([99, 105], 105), ([105, 98], 98)],
)
def test_worst_code_of_several_runs_counts(codes: list[int], worst: int) -> None:
    """In the order of the documentation."""
    assert verdict.worst_exit_code(codes) == worst
    assert verdict.worst_exit_code(codes[::-1]) == worst


def test_no_run_is_no_pass() -> None:
    """Nothing was shown."""
    assert verdict.worst_exit_code([]) == 3
