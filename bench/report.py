"""What was measured: rows of a table, limits kept or missed, one JSON document."""

import json
import platform
from dataclasses import asdict, dataclass, field
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from bench.rounds import DATABASE_CPU_S, P50_MS, P99_MS, PER_S, SERVER_CPU_S, Turns


@dataclass(frozen=True)
class Row:
    """One contestant's figures: medians of its turns, processor time over all of them."""

    group: str
    name: str
    per_s: float
    p50_ms: float
    p99_ms: float
    server_cpu_us: float
    database_cpu_us: float

    @classmethod
    def of(cls, group: str, turns: Turns) -> "Row":
        """Sum the turns up."""
        return cls(
            group=group,
            name=turns.name,
            per_s=turns.median(PER_S),
            p50_ms=turns.median(P50_MS),
            p99_ms=turns.median(P99_MS),
            server_cpu_us=turns.per_answer_us(SERVER_CPU_S),
            database_cpu_us=turns.per_answer_us(DATABASE_CPU_S),
        )


@dataclass(frozen=True)
class Limit:
    """A figure with what it has to be: at least `least`, at most `most`; `aim` is for ambition."""

    name: str
    value: float
    least: float | None = None
    most: float | None = None
    aim: float | None = None

    @property
    def kept(self) -> bool:
        """Whether the figure is within the limit; one without limits is only told."""
        return (self.least is None or self.value >= self.least) and (
            self.most is None or self.value <= self.most
        )

    @property
    def wanted(self) -> str:
        """The limit in words."""
        words = [] if self.least is None else [f"≥ {self.least:g}"]
        words += [] if self.most is None else [f"≤ {self.most:g}"]
        words += [] if self.aim is None else [f"(aim {self.aim:g})"]
        return " ".join(words)


@dataclass
class Report:
    """Everything that one `make bench` found."""

    rows: list[Row] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)

    def add(self, group: str, turns: dict[str, Turns]) -> None:
        """Add the rows of a group, and the limit that every answer was of the kind asked for."""
        self.rows += [Row.of(group, one) for one in turns.values()]
        wrong = sum(one.unexpected for one in turns.values())
        self.limits.append(Limit(f"{group}: answers other than expected", wrong, most=0))

    @property
    def judged(self) -> list[Limit]:
        """The figures that have a limit."""
        return [limit for limit in self.limits if limit.wanted]

    @property
    def missed(self) -> list[Limit]:
        """The limits that were not kept."""
        return [limit for limit in self.limits if not limit.kept]


def show(report: Report, console: Console) -> None:
    """Print it for people."""
    if report.rows:
        console.print(_table_of_rows(report.rows))
        console.print("CPU and database: microseconds of processor time for one answer.")
    console.print(_table_of_limits(report.limits))
    kept = len(report.judged) - len(report.missed)
    console.print(f"{kept} of {len(report.judged)} limits kept.")


def _table_of_rows(rows: list[Row]) -> Table:
    table = Table("", "answers/s", "p50 ms", "p99 ms", "CPU µs", "database µs")
    for group, members in groupby(rows, key=attrgetter("group")):
        table.add_section()
        table.add_row(f"[bold]{group}[/bold]")
        for row in members:
            costs = (f"{cost:,.0f}" for cost in (row.server_cpu_us, row.database_cpu_us))
            times = (f"{latency:,.1f}" for latency in (row.p50_ms, row.p99_ms))
            table.add_row(f"  {row.name}", f"{row.per_s:,.0f}", *times, *costs)
    _align_figures(table)
    return table


def _table_of_limits(limits: list[Limit]) -> Table:
    table = Table("figure", "measured", "wanted", "")
    for limit in limits:
        verdict = "kept" if limit.kept else "[bold red]MISSED[/bold red]"
        verdict = verdict if limit.wanted else ""
        table.add_row(limit.name, f"{limit.value:,.2f}", limit.wanted, verdict)
    _align_figures(table, at=slice(1, 2))
    return table


def _align_figures(table: Table, at: slice = slice(1, None)) -> None:
    for column in table.columns[at]:
        column.justify = "right"


def write(report: Report, path: Path) -> None:
    """Write it as JSON, for comparing two runs and for the README."""
    document = {
        "machine": report.machine,
        "facts": report.facts,
        "rows": [asdict(row) for row in report.rows],
        "limits": [{**asdict(limit), "kept": limit.kept} for limit in report.limits],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def machine() -> dict[str, Any]:
    """Say on what it was measured, and how busy that was with other things."""
    return {
        "cores": psutil.cpu_count(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "load_before": psutil.getloadavg()[0],
    }
