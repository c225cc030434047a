"""What grows: the process with the purchases it sells, and the answer's time with the table."""

from contextlib import ExitStack

import psycopg

from bench.load import attack
from bench.plan import Plan
from bench.postgres import Postgres
from bench.report import Limit, Report
from bench.rounds import MEAN_MS, Contestant, Say, ratio, take_turns
from bench.servers import API, chosen_server, running_server
from bench.stock import Stock

FEW_ROWS = 1000
CHUNK_S = 10
WARM_UP_S = 5  # pools, caches and the allocator reach their size before anything is weighed
MOST_GROWTH_MB = 20
MOST_SLOWER = 1.2

# Straight into the tables, as if they had been sold over a year. Foreign keys are not checked
# again (`replica`), or the filling would take most of the time of the whole bench.
FILL = """
    SET session_replication_role = replica;
    SET synchronous_commit = off;
    INSERT INTO tickets_purchase ({columns})
    SELECT {values} FROM generate_series(1, {count}) AS n;
    INSERT INTO tickets_ticket ({ticket_columns})
    SELECT {ticket_values} FROM tickets_purchase p WHERE idempotency_key LIKE 'filled-%';
    UPDATE vacancy_vacancy SET sold = sold + {count}, available = available - {count}
     WHERE id = {vacancy};
"""


def memory(plan: Plan, report: Report, postgres: Postgres, stock: Stock, say: Say) -> None:
    """Sell many places from one process and weigh it before and after."""
    url = postgres.create("memory", template="filled")
    with running_server(chosen_server(), API, database_url=url) as server:
        attack(server.url, stock.purchase(), seconds=WARM_UP_S, connection_count=50)
        before, sold = server.memory_bytes(), 0
        while sold < plan.purchase_count:
            answers = attack(
                server.url,
                stock.purchase(),
                seconds=min(CHUNK_S, plan.seconds * 4),
                connection_count=plan.connection_count,
            )
            sold += answers.count
            grown = (server.memory_bytes() - before) / 1e6
            say(f"memory: {sold:,} of {plan.purchase_count:,} purchases, {grown:+.1f} MB")
    report.facts["memory"] = {"purchases": sold, "before_mb": before / 1e6, "grown_mb": grown}
    report.limits.append(
        Limit(f"memory after {sold:,} purchases, MB more", grown, most=MOST_GROWTH_MB)
    )


def rows(plan: Plan, report: Report, postgres: Postgres, stock: Stock, say: Say) -> None:
    """Sell beside a few purchases and beside very many, with 50 connections and with one."""
    name = chosen_server()
    urls = {
        count: postgres.create(f"rows_{count}", template="filled")
        for count in (FEW_ROWS, plan.row_count)
    }
    for count, url in urls.items():
        say(f"filling a table with {count:,} purchases")
        fill(url, count=count, vacancy=stock.hot)
    with ExitStack() as running:
        servers = {
            count: running.enter_context(running_server(name, API, database_url=url))
            for count, url in urls.items()
        }
        for connections in (plan.connection_count, 1):
            contestants = [
                Contestant(
                    f"beside {count:,} purchases",
                    server,
                    stock.purchase(),
                    connection_count=connections,
                )
                for count, server in servers.items()
            ]
            turns = take_turns(contestants, plan=plan, database=postgres, say=say)
            crowd = "50 at once" if connections > 1 else "one after the other"
            report.add(f"Purchases {crowd}", turns)
            few, many = turns.values()
            report.limits.append(
                Limit(
                    f"{crowd}: latency beside {plan.row_count:,} purchases ÷ {FEW_ROWS:,}",
                    ratio(many, few, of=MEAN_MS),
                    most=MOST_SLOWER,
                )
            )


def fill(database_url: str, *, count: int, vacancy: int) -> None:
    """Put `count` purchases of one place and their tickets into the tables."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        given = {
            "id": "gen_random_uuid()", "vacancy_id": str(vacancy), "qty": "1",
            "client_id": "(SELECT MAX(id) FROM tickets_apikey)", "status": "'confirmed'",
            "unit_price": "4500", "total": "4500", "currency": "'EUR'",
            "buyer_name": "'Ada Lovelace'", "buyer_email": "'ada@example.org'",
            "idempotency_key": "'filled-' || n", "request_hash": "repeat('0', 64)",
            "created_at": "now() - n * interval '15 seconds'",
        }  # fmt: skip
        ticket = {"purchase_id": "p.id", "code": "upper(substr(md5(p.id::text), 1, 20))"}
        purchase_rows = _complete(connection, "tickets_purchase", given)
        ticket_rows = _complete(connection, "tickets_ticket", ticket)
        statement = FILL.format(
            columns=", ".join(purchase_rows), values=", ".join(purchase_rows.values()),
            ticket_columns=", ".join(ticket_rows), ticket_values=", ".join(ticket_rows.values()),
            count=count, vacancy=vacancy,
        )  # fmt: skip
        connection.execute(statement.encode())
        connection.execute(b"VACUUM (ANALYZE)")
        connection.execute(b"CHECKPOINT")


def _complete(
    connection: "psycopg.Connection[tuple[object, ...]]", table: str, given: dict[str, str]
) -> dict[str, str]:
    """Add an empty value for every other column of the table that must have one."""
    empty = {"boolean": "false", "timestamp with time zone": "now()"}
    needed = connection.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s"
        " AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'",
        [table],
    ).fetchall()
    others = {str(name): str(kind) for name, kind in needed if name not in given}
    return {
        **{n: empty.get(k, "''" if k.startswith("char") else "0") for n, k in others.items()},
        **given,
    }
