"""What wrk wrote is read as it was meant."""

import pytest

from bench import load

OUTPUT = """Running 3s test @ http://127.0.0.1:8001/api/v1/purchases
  1 threads and 2 connections
  4 requests in 1.00s, 1.14KB read

result {"requests":4,"duration_us":1000000,"refused":1,"broken":2,"timeouts":1,"latency":%s}
"""


def test_answers_are_counted_by_kind():
    answers = load.read(OUTPUT % "[[900,2],[1100,1]]", connection_count=2)

    assert (answers.count, answers.refused) == (4, 1)
    assert answers.lost == 3  # two broken connections, one answer too late
    assert answers.per_s == 4.0


def test_latencies_are_those_that_were_measured():
    output = OUTPUT.replace('"timeouts":1', '"timeouts":0')
    # Four answers over two connections: a cycle of half a second, which 1.4 s exceeds twice.
    answers = load.read(output % "[[900,3],[900000,1],[1400000,1]]", connection_count=2)

    assert answers.latencies_us == {900: 3, 1400000: 1}


def test_a_keyed_request_asks_for_a_key_of_its_own_in_every_run():
    request = load.Request("/p", "POST", "{}", "secret", keyed=True)

    first, second = request.arguments(), request.arguments()

    assert first[:4] == ["method=POST", "body={}", "type=application/json", second[3]]
    assert first[4].startswith("run=")
    assert first[4] != second[4]


def test_without_wrk_and_without_a_way_to_get_it_the_sentence_says_what_to_type(monkeypatch):
    monkeypatch.setenv("PATH", "")

    with pytest.raises(load.NoDriver, match="apt-get install wrk"):
        load.ensure_driver()
