"""Ratios are made turn by turn, so that a disturbance spoils one round and not the result."""

from bench.load import Answers
from bench.rounds import P99_MS, SERVER_CPU_S, Measure, Turns, ratio


def measure(count: int, *, p99_us: int = 1000, cpu_s: float = 0.0) -> Measure:
    answers = Answers(count=count, refused=0, lost=0, duration_s=1.0, latencies_us={p99_us: count})
    return Measure(answers, server_cpu_s=cpu_s, database_cpu_s=0.0)


def turns(*measures: Measure) -> Turns:
    return Turns("one", list(measures), unexpected=0, acknowledged=0)


def test_ratio_is_the_median_over_the_rounds():
    fast = turns(measure(300), measure(600), measure(50))
    slow = turns(measure(100), measure(200), measure(100))

    assert ratio(fast, slow) == 3.0


def test_ratio_of_latencies_compares_the_same_round():
    fast = turns(measure(9, p99_us=1000), measure(9, p99_us=8000), measure(9, p99_us=1000))
    slow = turns(measure(9, p99_us=4000), measure(9, p99_us=32000), measure(9, p99_us=2000))

    assert ratio(fast, slow, of=P99_MS) == 0.25


def test_processor_time_is_shared_by_all_answers_of_all_turns():
    found = turns(measure(100, cpu_s=0.1), measure(300, cpu_s=0.7))

    assert round(found.per_answer_us(SERVER_CPU_S)) == 2000


def test_a_contestant_that_answered_nothing_divides_nothing_by_zero():
    nothing = turns(measure(0))

    assert nothing.per_answer_us(SERVER_CPU_S) == 0
    assert ratio(nothing, nothing) == 0
