"""`make bench`: everything that the product promises about speed, measured in one run.

Prints a table, says of each limit whether it was kept, and writes `var/bench.json`; the exit code
is 1 if one was missed. docs/speed.md says how to read it.
"""

import sys
import time
from collections.abc import Callable

from rich.console import Console

from bench import growth, reference, selling
from bench.load import NoDriver, ensure_driver
from bench.plan import Plan, WrongPlan, read_plan
from bench.postgres import Postgres, running_postgres
from bench.report import Report, machine, show, write
from bench.rounds import Say
from bench.site import ROOT
from bench.stock import Stock, make_stock

TARGET = ROOT / "var" / "bench.json"
PostgresPart = Callable[[Plan, Report, Postgres, Stock, Say], None]
ON_POSTGRES: dict[str, PostgresPart] = {
    "selling": selling.on_postgres,
    "processes": selling.on_two_processes,
    "memory": growth.memory,
    "rows": growth.rows,
}


def main() -> int:
    """Measure what the plan says; 1 if a limit was missed."""
    console = Console()
    try:
        plan = read_plan()
        ensure_driver()
    except (NoDriver, WrongPlan) as reason:
        raise SystemExit(str(reason)) from None
    report = Report(facts={"plan": vars(plan)}, machine=machine())
    measure(plan, report, _clocked(console))
    show(report, console)
    write(report, TARGET)
    console.print(f"written to {TARGET.relative_to(ROOT)}")
    return 1 if report.missed else 0


def measure(plan: Plan, report: Report, say: Say) -> None:
    """Go through the parts of the plan."""
    wanted = [part for part in ON_POSTGRES if part in plan.parts]
    if wanted:
        with running_postgres() as postgres:
            report.facts["postgresql"] = postgres.version
            stock = make_stock(postgres.create("filled"))
            for part in wanted:
                ON_POSTGRES[part](plan, report, postgres, stock, say)
    if "sqlite" in plan.parts:
        selling.on_sqlite(plan, report, say)
    if "reference" in plan.parts:
        reference.against_twin(plan, report, say)


def _clocked(console: Console) -> Say:
    begun = time.monotonic()

    def say(text: str) -> None:
        seconds = int(time.monotonic() - begun)
        console.print(f"[dim]{seconds // 60:02}:{seconds % 60:02}[/dim] {text}", highlight=False)

    return say


if __name__ == "__main__":
    sys.exit(main())
