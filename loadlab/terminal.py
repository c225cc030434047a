"""A run on a terminal: its progress, its table, its verdicts."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from loadlab import percentiles, wire
from loadlab.comparison import Noise
from loadlab.models import Run
from loadlab.regression import NAMES

MARKS = {
    "pass": "[green]✓ pass[/]",
    "fail": "[red]✗ fail[/]",
    "inconclusive": "[yellow]? inconclusive[/]",
    "regressed": "[red]✗ regressed[/]",
    "improved": "[green]✓ improved[/]",
    "equivalent": "[green]✓ equivalent[/]",
}
FIGURES = ("avg_ms", "p50_ms", "p90_ms", "p95_ms", "p99_ms", "p999_ms", "max_ms")
HEADINGS = ("avg ms", "p50", "p90", "p95", "p99", "p99.9", "max")


@contextmanager
def progress_of(run: Run, console: Console) -> Iterator[Callable[[wire.Second], None]]:
    """Show a bar while the block lasts; call what is given with each second that came."""
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[news]}"),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(str(run), total=run.duration_s, news="starting")

        def on_second(second: wire.Second) -> None:
            progress.update(bar, completed=second.elapsed_s)
            if second.elapsed_s >= second.seq + 1:  # what ended after the last whole one is no rate
                progress.update(bar, news=_news(second))

        yield on_second


def _news(second: wire.Second) -> str:
    counts: Counter[str] = Counter()
    for item in second.series:
        counts[item.outcome] += item.count
    parts = [f"{n} {outcome.replace('_', ' ')}" for outcome, n in sorted(counts.items())]
    latency = percentiles.read(percentiles.merge(item.histogram for item in second.series))
    if latency is not None:
        parts.append(f"p95 {latency.p95_ms:.1f} ms")
    if second.dropped_count:
        parts.append(f"{second.dropped_count} dropped")
    return f"{counts.total()}/s: {', '.join(parts)}"


def print_run(run: Run, console: Console) -> None:
    """Print how it ended, its table and its verdicts."""
    how = f"{run.get_state_display().lower()}. {escape(run.reason)}".rstrip()
    console.print(f"[bold]{run}[/] {how}")
    summary = run.summary
    if summary and summary["request_count"]:
        console.print(_table(summary))
    for item in run.verdicts or []:
        print_verdict(item, console)


def print_verdict(verdict: dict[str, Any], console: Console) -> None:
    """Print one verdict with its reasons."""
    text = f"{verdict['finding']} {verdict['detail']}".strip()
    console.print(f"{MARKS[verdict['outcome']]} {verdict['label']}: {escape(text)}")


def print_noise(noise: Noise, console: Console) -> None:
    """Print what identical runs differed by."""
    table = Table("metric", "spread (one standard deviation)", "differences below do not count")
    for name, spread in noise.spread.items():
        unit = "ms" if name in NAMES else "/s"
        floor = noise.floor(name)
        table.add_row(NAMES.get(name, "throughput"), f"{spread:.2f} {unit}", f"{floor:.2f} {unit}")
    console.print(f"Noise of this machine, from {noise.run_count} identical runs:")
    console.print(table)


def _table(summary: dict[str, Any]) -> Table:
    table = Table("request", "outcome", "count", "/s", *HEADINGS)
    for row in [*summary["rows"], summary["total"]]:
        cells = ["–" if row[name] is None else f"{row[name]:.2f}" for name in FIGURES]
        table.add_row(
            row["name"], row["outcome"], f"{row['count']:,}", f"{row['rate_per_s']:.2f}", *cells
        )
    return table
