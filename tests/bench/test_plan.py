"""The environment shortens a bench, or is told what is wrong with it."""

import pytest

from bench.plan import PARTS, Plan, WrongPlan, read_plan


def test_without_a_word_everything_is_measured_in_full():
    assert read_plan({}) == Plan()
    assert read_plan({}).parts == PARTS


def test_a_short_bench_is_one_that_was_asked_for():
    plan = read_plan({"BENCH_SECONDS": "1", "BENCH_ROUNDS": "2", "BENCH_PARTS": "selling,rows"})

    assert (plan.seconds, plan.round_count) == (1, 2)
    assert plan.parts == ("selling", "rows")


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "some"])
def test_a_number_that_is_none_is_named(text):
    with pytest.raises(WrongPlan, match="BENCH_ROWS"):
        read_plan({"BENCH_ROWS": text})


def test_an_unknown_part_is_named_with_those_that_exist():
    with pytest.raises(WrongPlan, match=r"'selings'.*selling, sqlite"):
        read_plan({"BENCH_PARTS": "selings"})
