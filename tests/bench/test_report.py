"""A limit says whether it was kept, and the report keeps every figure for later."""

import io
import json

import pytest
from rich.console import Console

from bench.load import Answers
from bench.report import Limit, Report, Row, show, write
from bench.rounds import Measure, Turns


def turns(*, unexpected: int = 0) -> Turns:
    answers = Answers(count=200, refused=0, lost=0, duration_s=2.0, latencies_us={1500: 200})
    measure = Measure(answers, server_cpu_s=0.1, database_cpu_s=0.02)
    return Turns("purchase", [measure], unexpected=unexpected, acknowledged=200)


@pytest.mark.parametrize(
    ("least", "most", "kept"),
    [(2, None, True), (2.01, None, False), (None, 2, True), (None, 1.99, False), (1, 3, True)],
)
def test_limit_is_kept_up_to_its_very_value(least, most, kept):
    assert Limit("x", 2.0, least=least, most=most).kept is kept


def test_a_figure_without_limits_is_only_told():
    limit = Limit("x", 2.0)

    assert limit.kept
    assert limit.wanted == ""


def test_an_aim_that_was_missed_is_no_limit_that_was_missed():
    limit = Limit("x", 7.0, least=6, aim=10)

    assert limit.kept
    assert limit.wanted == "≥ 6 (aim 10)"


def test_row_has_medians_and_processor_time_for_one_answer():
    row = Row.of("PostgreSQL", turns())

    assert (row.per_s, row.p50_ms, row.p99_ms) == (100.0, 1.5, 1.5)
    assert (round(row.server_cpu_us), round(row.database_cpu_us)) == (500, 100)


def test_answers_of_the_wrong_kind_miss_a_limit():
    report = Report()

    report.add("PostgreSQL", {"purchase": turns(unexpected=1)})

    assert [limit.name for limit in report.missed] == ["PostgreSQL: answers other than expected"]


def test_people_see_what_was_missed():
    report = Report(limits=[Limit("a ÷ b", 1.0, least=2), Limit("c ÷ d", 3.0, least=2)])
    report.add("PostgreSQL", {"purchase": turns()})
    output = io.StringIO()

    show(report, Console(file=output, width=160))

    text = output.getvalue()
    assert "MISSED" in next(line for line in text.splitlines() if "a ÷ b" in line)
    assert "kept" in next(line for line in text.splitlines() if "c ÷ d" in line)
    assert "2 of 3 limits kept" in text


def test_programs_find_every_figure(tmp_path):
    report = Report(limits=[Limit("a ÷ b", 1.0, least=2)], facts={"postgresql": "18"})
    report.add("PostgreSQL", {"purchase": turns()})

    write(report, tmp_path / "new" / "bench.json")

    document = json.loads((tmp_path / "new" / "bench.json").read_text())
    assert document["limits"][0] == {
        "name": "a ÷ b", "value": 1.0, "least": 2, "most": None, "aim": None, "kept": False
    }  # fmt: skip
    assert document["rows"][0]["server_cpu_us"] == pytest.approx(500)
    assert document["facts"] == {"postgresql": "18"}
