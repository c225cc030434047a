"""The roles around a run, started where they are needed and shared by tests that leave them well.

A test may kill whatever it likes: the next one that asks for a role gets a living one.
"""

import subprocess
import sys
from pathlib import Path

from deploy.run import commands
from tests.backends import BACKEND
from tests.shop import Server, Shop
from tests.site import PATIENCE_S, ROOT, end, wait_for


class House:
    """A shop's api role and workers, and somebody who asks for runs."""

    def __init__(self, shop: Shop) -> None:
        """Start nothing yet."""
        self.shop = shop
        self._api: Server | None = None
        self._workers: list[subprocess.Popen[str]] = []
        self._asker: subprocess.Popen[str] | None = None

    def api(self) -> Server:
        """Return the api role, ready for buyers."""
        if self._api is None or self._api.process.poll() is not None:
            self._api = self.shop.start()
        self._api.wait_until_ready()
        return self._api

    def worker(self) -> "subprocess.Popen[str]":
        """Return the only worker; others that a test left behind are told to leave."""
        living = [one for one in self._workers if one.poll() is None]
        for one in living[1:]:
            end(one)
        self._workers = living[:1]
        return self._workers[0] if self._workers else self.another_worker()

    def another_worker(self) -> "subprocess.Popen[str]":
        """Start one worker more and wait until it is at work."""
        one = self.start([sys.executable, "manage.py", "loadworker"])
        self._workers.append(one)
        seen = f"SELECT count(*) FROM loadlab_labworker WHERE name LIKE '%:{one.pid}'"  # noqa: S608
        wait_for(lambda: self.shop.rows(seen) == [(1,)], what="a worker")
        return one

    def web(self) -> "subprocess.Popen[str]":
        """Start a web role; the caller ends it."""
        return self.start(commands(self.shop.environment | {"API_WORKERS": "1"})["web"])

    def start(self, words: list[str]) -> "subprocess.Popen[str]":
        """Start a role that says nothing."""
        return subprocess.Popen(
            words,
            cwd=ROOT,
            env=self.shop.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def request(self, *, duration_s: int) -> int:
        """Ask for a run, as the start page does; return its number."""
        if self._asker is None:
            self._asker = subprocess.Popen(
                [sys.executable, "-m", "tests.lab.requesting"],
                cwd=ROOT,
                env=self.shop.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self._asker.stdin is not None
        assert self._asker.stdout is not None
        self._asker.stdin.write(f"{duration_s}\n")
        self._asker.stdin.flush()
        return int(self._asker.stdout.readline())

    def set_clock(self, by_s: float) -> None:
        """Set the wall clock of every process of this house; see `tests.lab.jumping_clock`."""
        file = Path(self.shop.environment["TICKETSITE_VAR"]) / "clock"
        fresh = file.with_suffix(".new")
        fresh.parent.mkdir(exist_ok=True)
        fresh.write_text(str(by_s))
        fresh.replace(file)  # whoever reads meanwhile sees the old or the new one

    def state_of(self, run_id: int) -> tuple[str, str]:
        """Return a run's state and reason."""
        query = f"SELECT state, reason FROM loadlab_run WHERE id = {run_id}"  # noqa: S608
        ((state, reason),) = self.shop.rows(query)
        return state, reason

    def seconds_of(self, run_id: int) -> list[int]:
        """Return which seconds of a run are stored."""
        query = f"SELECT seq FROM loadlab_runsecond WHERE run_id = {run_id} ORDER BY seq"  # noqa: S608
        return [seq for (seq,) in self.shop.rows(query)]

    def wait_for_seconds(self, run_id: int, number: int = 1) -> None:
        """Wait until so many seconds are stored."""
        wait_for(lambda: len(self.seconds_of(run_id)) >= number, what="the load")

    def wait_for_end(self, run_id: int, *, timeout_s: float = PATIENCE_S) -> tuple[str, str]:
        """Wait until the run has ended, and say how."""
        over = f"SELECT count(*) FROM loadlab_run WHERE id = {run_id} AND slot IS NULL"  # noqa: S608
        wait_for(lambda: self.shop.rows(over)[0][0], timeout_s=timeout_s, what="the run to end")
        return self.state_of(run_id)

    def rehearsals(self) -> int:
        """Count the rehearsal stock that is there."""
        rehearsal = "is_rehearsal" if BACKEND == "postgres" else "is_rehearsal = 1"
        query = f"SELECT count(*) FROM vacancy_vacancy WHERE {rehearsal}"  # noqa: S608
        found: int = self.shop.rows(query)[0][0]
        return found

    def end(self) -> None:
        """End everybody who still runs."""
        for process in self._workers:
            end(process)
        if self._api is not None:
            self._api.end()
        if self._asker is not None:
            self._asker.communicate()  # the end of its input is its own
