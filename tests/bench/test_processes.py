"""The bench on real servers, a second for each turn, so that it cannot rot. Never about speed."""

import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench.growth import fill
from bench.plan import Plan
from bench.rounds import take_turns
from bench.selling import answer_limits, answers, purchase_limits, sellers
from bench.servers import chosen_server
from bench.stock import Stock, count_sold, make_stock
from tests.site import new_database

SHORT = Plan(seconds=1, round_count=1, connection_count=4, warm_up_s=1)
needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")


@pytest.fixture(scope="module")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An empty database."""
    return new_database(Path(tmp_path_factory.mktemp("bench")))


@pytest.fixture(scope="module")
def stock(database_url: str) -> Stock:
    """What the bench puts into it."""
    return make_stock(database_url)


@needs_wrk
def test_every_contestant_gets_the_answers_it_asks_for(database_url, stock, backend):
    name = chosen_server()
    before = count_sold(database_url).purchased
    with ExitStack() as running:
        server, contestants = sellers(running, name, lambda _: database_url, stock)
        contestants += answers(server, stock)

        turns = take_turns(contestants, plan=SHORT, database=None, say=lambda _: None)

    assert {one.name: one.unexpected for one in turns.values()} == dict.fromkeys(turns, 0)
    limits = [*purchase_limits(turns, name), *answer_limits(turns, turns[f"{name} floor"])]
    assert all(limit.value > 0 for limit in limits)
    sold = count_sold(database_url)
    acknowledged = sum(turns[f"{name} {kind}"].acknowledged for kind in ("purchase", "textbook"))
    assert sold.drift == 0
    assert acknowledged <= sold.purchased - before <= acknowledged + 4 * SHORT.connection_count


def test_a_table_that_was_filled_explains_every_place(database_url, stock, backend):
    if backend == "sqlite":  # only PostgreSQL's tables are filled
        return
    before = count_sold(database_url)

    fill(database_url, count=300, vacancy=stock.hot)

    after = count_sold(database_url)
    assert after.purchased - before.purchased == 300
    assert after.drift == 0
