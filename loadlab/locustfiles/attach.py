"""What this process is, by how Locust was started: alone, master, or one of the workers."""

from locust import events
from locust.runners import MasterRunner, WorkerRunner

import os
from typing import Any

from loadlab.locustfiles.conductor import GO, OVER, Conductor, MasterLink, hello
from loadlab.locustfiles.pipe import Pipe
from loadlab.locustfiles.reporter import START_DELAY_S, Reporter
from loadlab.locustfiles.settings import Chosen

_reporter: Reporter | None = None


def reporter() -> Reporter:
    """Return the reporter of this process; the master has none, and no users either."""
    if _reporter is None:
        raise RuntimeError("Virtual users live in Locust's workers, or where there is no master.")
    return _reporter


@events.init.add_listener
def _attach(environment: Any, runner: Any, **_: Any) -> None:
    global _reporter
    if isinstance(runner, MasterRunner):
        Conductor(environment, fd=_pipe_fd(), chosen=Chosen.from_environment())
    elif isinstance(runner, WorkerRunner):
        _reporter = _worker(environment, runner)
    else:
        _reporter = _alone(environment, runner)


def _pipe_fd() -> int:
    return int(os.environ["LOADLAB_PIPE_FD"])


def _alone(environment: Any, runner: Any) -> Reporter:
    def nobody_listens() -> None:
        found.leave_at_once()

    chosen = Chosen.from_environment()
    pipe = Pipe(_pipe_fd(), on_broken=nobody_listens)
    found = Reporter(environment, sink=pipe)
    found.when_time_is_over = runner.quit

    def begin(**_: Any) -> None:
        if not found.started_at:
            pipe.send(hello(START_DELAY_S))
            found.begin(chosen)

    environment.events.spawning_complete.add_listener(begin)
    environment.events.quit.add_listener(lambda **_: pipe.close())  # after the last report
    return found


def _worker(environment: Any, runner: Any) -> Reporter:
    def finish(**_: Any) -> None:
        found.let_users_finish()
        found.finish()

    found = Reporter(environment, sink=MasterLink(runner))
    runner.register_message(GO, lambda msg, **_: found.begin(Chosen(**msg.data)))
    runner.register_message(OVER, finish, concurrent=True)
    # Before Locust's own listener says good-bye to the master: it would not listen any more.
    environment.events.quitting.add_listener(finish)
    return found
