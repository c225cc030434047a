"""Who sells how fast: floor, textbook and till, on each server and each database."""

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench.load import Request
from bench.plan import Plan
from bench.postgres import Postgres
from bench.report import Limit, Report
from bench.rounds import P99_MS, Contestant, Say, Turns, ratio, take_turns
from bench.servers import (
    API,
    EVERYTHING,
    SERVERS,
    TEXTBOOK,
    Server,
    chosen_server,
    running_server,
)
from bench.site import ROOT
from bench.stock import Stock, count_sold, make_stock, sqlite_files

# One process keeps two cores busy with database and load, so two are hardly slower or faster: near
# its limit, which five rounds missed and kept by chance (0.89 to 1.04).
MORE_ROUNDS = 3

NewDatabase = Callable[[str], str]  # name to URL


def on_postgres(plan: Plan, report: Report, postgres: Postgres, stock: Stock, say: Say) -> None:
    """Sell and refuse on PostgreSQL, with each server."""
    chosen = chosen_server()
    create = partial(postgres.create, template="filled")
    with ExitStack() as running:
        contestants = []
        for name in SERVERS:
            server, found = sellers(running, name, create, stock)
            contestants += [*found, *(answers(server, stock) if name == chosen else [])]
        turns = take_turns(contestants, plan=plan, database=postgres, say=say)
    report.add("PostgreSQL", turns)
    report.limits += [
        *purchase_limits(turns, chosen),
        *answer_limits(turns, turns[f"{chosen} floor"]),
        Limit(
            "daphne, one process for everything: purchase ÷ textbook",
            ratio(turns["daphne purchase"], turns["daphne textbook"]),
            least=3,
        ),
    ]


def on_sqlite(plan: Plan, report: Report, say: Say) -> None:
    """Sell on SQLite, whose COMMIT waits for the disk too (`synchronous=FULL`)."""
    chosen = chosen_server()
    with sqlite_files(ROOT / "var") as folder, ExitStack() as running:
        stock = make_stock(_sqlite_url(folder, "filled"))
        contestants = []
        for name in SERVERS:
            _, found = sellers(running, name, partial(_copy, folder), stock)
            contestants += found
        turns = take_turns(contestants, plan=plan, database=None, say=say)
    report.add("SQLite", turns)
    report.limits.append(
        Limit(
            f"{chosen}, SQLite: purchase ÷ textbook",
            ratio(turns[f"{chosen} purchase"], turns[f"{chosen} textbook"]),
            least=6,
        )
    )


def on_two_processes(
    plan: Plan, report: Report, postgres: Postgres, stock: Stock, say: Say
) -> None:
    """Sell one hot vacancy from one process and from two, and count what became of it."""
    chosen = chosen_server()
    urls = {count: postgres.create(f"processes_{count}", template="filled") for count in (1, 2)}
    with ExitStack() as running:
        contestants = []
        for count, url in urls.items():
            server = running.enter_context(
                running_server(chosen, API, database_url=url, process_count=count)
            )
            name = f"{chosen}, {count} process{'es' if count > 1 else ''}"
            contestants.append(Contestant(name, server, stock.purchase()))
        longer = replace(plan, round_count=MORE_ROUNDS * plan.round_count)
        turns = take_turns(contestants, plan=longer, database=postgres, say=say)
    report.add("One hot vacancy, PostgreSQL", turns)
    one, two = turns.values()
    sold = count_sold(urls[2])
    report.limits += [
        Limit("two processes ÷ one, purchases a second", ratio(two, one), least=0.9),
        Limit("two processes: places the rows do not explain", sold.drift, most=0),
        Limit(
            "two processes: answered and not found",
            max(0, two.acknowledged - sold.purchased),
            most=0,
        ),
    ]


def sellers(
    running: ExitStack, name: str, create: NewDatabase, stock: Stock
) -> tuple[Server, list[Contestant]]:
    """Start the product and the textbook on one kind of server, each with its own database."""
    app = EVERYTHING if name == "daphne" else API  # daphne is the web role's: all on one process
    till = running.enter_context(running_server(name, app, database_url=create(f"till_{name}")))
    textbook = running.enter_context(
        running_server(name, TEXTBOOK, database_url=create(f"textbook_{name}"))
    )
    return till, [
        Contestant(f"{name} floor", till, stock.floor()),
        Contestant(f"{name} purchase", till, stock.purchase()),
        Contestant(f"{name} textbook", textbook, stock.textbook()),
    ]


def answers(server: Server, stock: Stock) -> list[Contestant]:
    """Return what is answered without selling: looked up, or refused."""
    return [
        Contestant("GET floor", server, Request("/api/v1/bench/floor")),
        Contestant("GET /available", server, Request("/api/v1/available")),
        Contestant("sold out, no key", server, stock.refused_without_key()),
        Contestant("sold out, with key", server, stock.refused(), refusal=True),
    ]


def purchase_limits(turns: dict[str, Turns], name: str) -> list[Limit]:
    """Judge what one server sold."""
    purchase, textbook = turns[f"{name} purchase"], turns[f"{name} textbook"]
    floor = turns[f"{name} floor"]
    return [
        Limit(f"{name}: purchase ÷ textbook", ratio(purchase, textbook), least=6, aim=10),
        Limit(f"{name}: purchase ÷ floor", ratio(purchase, floor), least=0.45, aim=0.6),
        Limit(
            f"{name}: p99 of purchase ÷ textbook",
            ratio(purchase, textbook, of=P99_MS),
            most=0.333,
        ),
    ]


def answer_limits(turns: dict[str, Turns], floor: Turns) -> list[Limit]:
    """Judge what was answered without selling."""
    return [
        Limit(
            "GET /available ÷ GET floor",
            ratio(turns["GET /available"], turns["GET floor"]),
            least=0.85,
        ),
        Limit("sold out, no key ÷ floor", ratio(turns["sold out, no key"], floor), least=0.8),
        Limit("sold out, with key ÷ floor", ratio(turns["sold out, with key"], floor), least=0.6),
    ]


def _sqlite_url(folder: Path, name: str) -> str:
    return f"sqlite:///{folder / name}.sqlite3"


def _copy(folder: Path, name: str) -> str:
    shutil.copy(folder / "filled.sqlite3", folder / f"{name}.sqlite3")
    return _sqlite_url(folder, name)
