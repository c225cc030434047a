"""The master of several generator processes: begins them together and adds up what they say.

Note [Own reports, not Locust's]
    Locust's workers report every three seconds, in buckets of two digits. Ours send the lines of
    `loadlab.wire`, each second, through Locust's message API, and the master merges them exactly.
"""

import gevent

import os
import signal
import time
from importlib.metadata import version
from typing import Any

from loadlab import wire
from loadlab.locustfiles.pipe import Pipe
from loadlab.locustfiles.reporter import ORPHANED_EXIT_S, START_DELAY_S
from loadlab.locustfiles.settings import Chosen
from loadlab.merging import Merger

LINE, GO, OVER = "loadlab_line", "loadlab_go", "loadlab_over"
LOOK_EVERY_S = 0.1
LAST_REPORTS_S = 2.0  # after the users' own timeout


def hello(delay_s: float) -> wire.Hello:
    """Return the first line: the run's clock starts in `delay_s` seconds."""
    return wire.Hello(time.time() + delay_s, os.getpid(), f"locust {version('locust')}")


class MasterLink:
    """A worker's sink: lines become messages to the master."""

    lost_count = 0  # what cannot be sent stays in the socket's queue

    def __init__(self, runner: Any) -> None:
        """Keep the runner that knows the way."""
        self._runner = runner

    def send(self, line: wire.Line) -> None:
        """Send it; Locust's socket does not wait."""
        self._runner.send_message(LINE, {"line": wire.encode(line).decode()})


class Conductor:
    """Attached to Locust's master; its pipe is the only one that leads to the supervisor."""

    def __init__(self, environment: Any, *, fd: int, chosen: Chosen) -> None:
        """Attach to Locust's events."""
        self._environment = environment
        self._runner = environment.runner
        self._chosen = chosen
        self._pipe = Pipe(fd, on_broken=self._supervisor_is_gone)
        self._merger = Merger()
        self._started_at = 0.0
        self._finished = False
        self._runner.register_message(LINE, self._on_line)
        environment.events.spawning_complete.add_listener(self._begin)
        environment.events.quitting.add_listener(self._stop)
        environment.events.quit.add_listener(self._close)

    def _begin(self, **_: Any) -> None:
        if self._started_at:
            return
        self._started_at = time.monotonic() + START_DELAY_S
        workers = sorted(client.id for client in self._runner.clients.all)
        self._merger.begin(workers, now=time.monotonic())
        self._pipe.send(hello(START_DELAY_S))
        for part, worker in enumerate(workers):
            said = self._chosen.for_part(part, len(workers))
            self._runner.send_message(GO, said, client_id=worker)
        gevent.spawn(self._look_forever)

    def _on_line(self, msg: Any, **_: Any) -> None:
        try:
            line = wire.decode(msg.data["line"].encode())
        except (wire.WireError, KeyError, TypeError, AttributeError):
            self._pipe.lost_count += 1
            return
        self._merger.hear(msg.node_id, line, now=time.monotonic())

    def _look_forever(self) -> None:
        while not self._finished:
            gevent.sleep(LOOK_EVERY_S)
            self._pass_on()
            if self._merger.is_over and not self._finished:
                self._finish()
                self._runner.quit()

    def _pass_on(self) -> None:
        now = time.monotonic()
        self._merger.lose_silent(now=now, elapsed_s=now - self._started_at)
        for second in self._merger.ready(lost_count=self._pipe.lost_count):
            self._pipe.send(second)

    def _stop(self, **_: Any) -> None:
        """Have every worker finish its users and report; those of this machine and of others."""
        if self._finished:
            return
        if self._started_at:
            self._runner.send_message(OVER)
            patience_s = (self._environment.stop_timeout or 0.0) + LAST_REPORTS_S
            deadline = time.monotonic() + patience_s
            while not self._merger.is_over and time.monotonic() < deadline:
                gevent.sleep(LOOK_EVERY_S)
                self._pass_on()
        self._finish()

    def _finish(self) -> None:
        if self._finished:
            return
        self._finished = True
        elapsed_s = max(0.0, time.monotonic() - self._started_at) if self._started_at else 0.0
        for second in self._merger.rest(lost_count=self._pipe.lost_count):
            self._pipe.send(second)
        self._pipe.send(self._merger.final(elapsed_s=elapsed_s, lost_count=self._pipe.lost_count))

    def _close(self, **_: Any) -> None:
        self._finish()
        self._pipe.close()

    def _supervisor_is_gone(self) -> None:
        """End at once; leaving tells the workers to leave too."""
        self._finished = True
        gevent.spawn_later(ORPHANED_EXIT_S, os._exit, 1)
        os.kill(os.getpid(), signal.SIGTERM)
