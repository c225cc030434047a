"""A load run without a browser and without a worker: progress, table, verdicts, exit code."""

import json
import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console

from loadlab import export, repetition, services, states, terminal, verdict
from loadlab.models import Run
from loadlab.scenarios import SCENARIOS, Field
from loadlab.serving import CannotServe, api_role
from loadlab.supervisor import Supervisor
from tickets.sabotage import WAYS

# Flags that are shorter than their setting; every other setting is its own flag.
SHORT_FLAGS = {"user_count": "users", "think_time_s": "think-time", "duration_s": "duration"}


class Command(BaseCommand):
    """Run one scenario here and now."""

    help = (
        "Runs a scenario against the target and judges it. Exit code: 0 pass, 3 inconclusive, "
        "99 budget, 98 integrity, 97 regressed, 105 stopped, aborted or failed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Offer the settings of all scenarios, and what to do with the run."""
        parser.add_argument("scenario", choices=sorted(SCENARIOS))
        for field in _fields().values():
            flag = "--" + SHORT_FLAGS.get(field.name, field.name.replace("_", "-"))
            kind = int if field.is_whole else float
            unit = "" if field.unit in field.label.lower() else f", {field.unit}"
            help_text = f"{field.label}{unit}".replace("%", "%%")
            parser.add_argument(flag, dest=field.name, type=kind, help=help_text)
        shape = "take capacity, price and limit from this real vacancy"
        parser.add_argument("--shape-from", type=int, metavar="VACANCY", help=shape)
        abort = "abort after so many seconds in a row beyond the budget"
        parser.add_argument("--abort-after", type=int, metavar="S", help=abort)
        repeat = "run it N times and measure what identical runs differ by"
        parser.add_argument("--repeat", type=int, default=1, metavar="N", help=repeat)
        baseline = "compare later runs like this one with it"
        parser.add_argument("--set-baseline", action="store_true", help=baseline)
        serve = "start the api role for the time of the run"
        parser.add_argument("--serve", action="store_true", help=serve)
        sabotage = "break the rehearsal's stock afterwards: integrity must fail (98)"
        parser.add_argument(
            "--sabotage", nargs="?", const="moved_counter", choices=sorted(WAYS), help=sabotage
        )
        parser.add_argument("--json", metavar="F", help="write the result there; - for stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run, print, exit."""
        if options["repeat"] < 1:
            raise CommandError("--repeat takes a number from 1 on.")
        _check_can_be_written(options["json"])
        console = Console(stderr=options["json"] == "-")
        ctrl_c = _CtrlC(console)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, ctrl_c.note)
        with _server(options["serve"]):
            runs = _run_all(options, console, ctrl_c)
        together = _sum_up(runs, options, console)
        if options["set_baseline"]:
            _set_baseline(runs, console)
        if options["json"]:
            _write_json(runs, together, options["json"])
        sys.exit(_exit_code(runs, together))


def _check_can_be_written(where: str | None) -> None:
    """Find out before the run: afterwards its result and its exit code would be lost."""
    if where is None or where == "-":
        return
    try:
        Path(where).open("a").close()
    except OSError as error:
        reason = f"The result cannot be written to {where} ({error.strerror})."
        raise CommandError(reason) from None


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


def _fields() -> dict[str, Field]:
    """Return every setting that some scenario has, by name."""
    return {field.name: field for one in SCENARIOS.values() for field in one.fields}


@contextmanager
def _server(wanted: bool) -> Iterator[None]:
    config = settings.CONFIG
    with ExitStack() as stack:
        if wanted and config.loadlab_target:
            raise CommandError("--serve starts this site's own api role: unset LOADLAB_TARGET.")
        if wanted:
            role = api_role(target=settings.LOADLAB_TARGET, worker_count=config.api_workers)
            try:
                stack.enter_context(role)
            except CannotServe as error:
                raise CommandError(str(error)) from None
        yield


def _run_all(options: Mapping[str, Any], console: Console, ctrl_c: _CtrlC) -> list[Run]:
    """Run as often as asked for; what did not finish ends the row."""
    runs: list[Run] = []
    while len(runs) < options["repeat"]:
        runs.append(_supervise(_request_and_claim(options), console, ctrl_c))
        terminal.print_run(runs[-1], console)
        if runs[-1].state != states.FINISHED:
            break
    return runs


def _request_and_claim(options: Mapping[str, Any]) -> Run:
    worker = f"{socket.gethostname()}:{os.getpid()}:loadrun"
    given = {name: options[name] for name in _fields() if options[name] is not None}
    try:
        return services.run_request(
            scenario=options["scenario"],
            values=given,
            requested_by=None,
            now=timezone.now(),
            claim_for=worker,
            shape_from=options["shape_from"],
            abort_after_s=options["abort_after"],
            sabotage=options["sabotage"] or "",
        )
    except services.LabRefusal as refusal:
        raise CommandError(str(refusal)) from None


def _supervise(run: Run, console: Console, ctrl_c: _CtrlC) -> Run:
    with terminal.progress_of(run, console) as on_second:
        return Supervisor(
            run_id=run.pk,
            worker=run.worker,
            must_leave=ctrl_c.must_leave,
            must_stop=ctrl_c.must_stop,
            on_second=on_second,
        ).run()


def _sum_up(
    runs: Sequence[Run], options: Mapping[str, Any], console: Console
) -> repetition.Together | None:
    """Print and store what the repeats say together; None for a single run."""
    if options["repeat"] == 1:
        return None
    try:
        together = repetition.sum_up(
            runs=runs, new_baseline=options["set_baseline"], now=timezone.now()
        )
    except repetition.NotAlike as reason:
        console.print(str(reason))
        return None
    terminal.print_noise(together.noise, console)
    if together.verdict is not None:
        console.print(f"All {len(runs)} runs together:")
        terminal.print_verdict(together.verdict.as_json(), console)
    return together


def _set_baseline(runs: Sequence[Run], console: Console) -> None:
    run = repetition.typical(runs)
    try:
        services.baseline_set(run_id=run.pk, actor=None, now=timezone.now())
    except services.LabRefusal as refusal:
        console.print(f"No baseline was set. {refusal}")
    else:
        console.print(f"Later runs like this one are compared with run {run.pk}.")


def _exit_code(runs: Sequence[Run], together: repetition.Together | None) -> int:
    """Return the worst of all runs; repeats are compared together and not one by one."""
    codes = []
    for run in runs:
        verdicts = run.verdicts or []
        if together is not None:
            verdicts = [one for one in verdicts if one["kind"] != "comparison"]
        codes.append(verdict.exit_code(verdicts, completed=run.state == states.FINISHED))
    if together is not None and together.verdict is not None:
        codes.append(verdict.exit_code([together.verdict.as_json()], completed=True))
    return verdict.worst_exit_code(codes)


def _write_json(runs: Sequence[Run], together: repetition.Together | None, where: str) -> None:
    documents = [export.document(run_id=run.pk) for run in runs]
    found: Any = documents[0]
    if len(documents) > 1:
        found = {"schema": "ticketsite.runs", "version": export.VERSION, "runs": documents}
        if together is not None:
            compared = together.comparison
            found["noise"] = {
                "run_count": together.noise.run_count,
                "spread": dict(together.noise.spread),
            }
            found["comparison"] = compared.as_json() if compared else None
    text = json.dumps(found, indent=2) + "\n"
    if where == "-":
        sys.stdout.write(text)
    else:
        Path(where).write_text(text)
