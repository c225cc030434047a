"""A load run without a browser and without a worker: progress, table, verdicts, exit code."""

import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from loadlab import selectors, services, verdict, wire
from loadlab.models import Run
from loadlab.scenarios import SCENARIOS
from loadlab.supervisor import Supervisor

MARKS = {
    "pass": "[green]✓ pass[/]",
    "fail": "[red]✗ fail[/]",
    "inconclusive": "[yellow]? inconclusive[/]",
    "regressed": "[red]✗ regressed[/]",
    "improved": "[green]✓ improved[/]",
    "equivalent": "[green]✓ equivalent[/]",
}


class Command(BaseCommand):
    """Run one scenario here and now."""

    help = (
        "Runs a scenario against the target and judges it. Exit code: 0 pass, 3 inconclusive, "
        "99 budget, 98 integrity, 97 regressed, 105 stopped, aborted or failed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Offer the scenario's settings."""
        parser.add_argument("scenario", choices=sorted(SCENARIOS))
        parser.add_argument("--users", type=int, help="virtual users")
        parser.add_argument("--think-time", type=float, help="pause between requests, s")
        parser.add_argument("--duration", type=int, help="s")
        parser.add_argument("--capacity", type=int, help="places of rehearsal stock")
        parser.add_argument("--json", metavar="F", help="write the result there; - for stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run, print, exit."""
        console = Console(stderr=options["json"] == "-")
        ctrl_c = _CtrlC(console)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, ctrl_c.note)
        run_id, worker = _request_and_claim(options)
        run = _supervise(run_id, worker, console, ctrl_c)
        _print_result(run, console)
        if options["json"]:
            _write_json(run, options["json"])
        completed = run.state == Run.State.FINISHED
        sys.exit(verdict.exit_code(run.verdicts or [], completed=completed))


class _CtrlC:
    """Counts signals. The first stops in order, counting every request; the second leaves at once.

    The handler only counts: it runs in the middle of anything, and a query in the middle of a
    query waits for itself for ever.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._count = 0

    def note(self, *_: Any) -> None:
        self._count += 1

    def must_stop(self) -> bool:
        if self._count:
            self._console.print("Stopping; press Ctrl-C again to leave at once.")
        return self._count > 0

    def must_leave(self) -> bool:
        return self._count > 1


def _request_and_claim(options: dict[str, Any]) -> tuple[int, str]:
    scenario = SCENARIOS[options["scenario"]]
    worker = f"{socket.gethostname()}:{os.getpid()}:loadrun"
    given = {
        "user_count": options["users"],
        "think_time_s": options["think_time"],
        "duration_s": options["duration"],
        "capacity": options["capacity"],
    }
    values = {name: value for name, value in given.items() if value is not None}
    now = timezone.now()
    try:
        run = services.run_request(
            scenario=scenario.name, values=values, requested_by=None, now=now, claim_for=worker
        )
    except services.LabRefusal as refusal:
        raise CommandError(str(refusal)) from None
    return run.pk, worker


def _supervise(run_id: int, worker: str, console: Console, ctrl_c: _CtrlC) -> Run:
    run = Run.objects.get(pk=run_id)
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[news]}"),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(str(run), total=run.duration_s, news="starting")

        def on_second(second: wire.Second) -> None:
            count = sum(item.count for item in second.series)
            by_outcome: dict[str, int] = {}
            for item in second.series:
                by_outcome[item.outcome] = by_outcome.get(item.outcome, 0) + item.count
            parts = ", ".join(f"{n} {o.replace('_', ' ')}" for o, n in sorted(by_outcome.items()))
            progress.update(bar, completed=second.elapsed_s, news=f"{count}/s: {parts}")

        return Supervisor(
            run_id=run_id,
            worker=worker,
            must_leave=ctrl_c.must_leave,
            must_stop=ctrl_c.must_stop,
            on_second=on_second,
        ).run()


def _print_result(run: Run, console: Console) -> None:
    console.print(f"[bold]{run}[/] {run.get_state_display().lower()}. {run.reason}")
    summary = run.summary
    if summary and summary["request_count"]:
        table = Table(
            "request", "outcome", "count", "/s", "avg ms", "p50", "p95", "p99", "p99.9", "max"
        )
        for row in [*summary["rows"], summary["total"]]:
            figures = ("avg_ms", "p50_ms", "p95_ms", "p99_ms", "p999_ms", "max_ms")
            cells = ["–" if row[name] is None else f"{row[name]:.2f}" for name in figures]
            table.add_row(
                row["name"], row["outcome"], f"{row['count']:,}", f"{row['rate_per_s']:.2f}", *cells
            )
        console.print(table)
    for item in run.verdicts or []:
        console.print(
            f"{MARKS[item['outcome']]} {item['label']}: {item['finding']} {item['detail']}"
        )


def _write_json(run: Run, where: str) -> None:
    snapshot = selectors.run_snapshot(run_id=run.pk)
    text = json.dumps(snapshot, indent=2) + "\n"
    if where == "-":
        sys.stdout.write(text)
    else:
        Path(where).write_text(text)
