"""Every way a run can end, with a generator that is a few lines of Python instead of Locust."""

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.conf import LazySettings
from django.db import DatabaseError, OperationalError
from django.utils import timezone

from loadlab import (
    conclusion,
    generator,
    percentiles,
    server_cpu,
    services,
    starvation,
    supervisor,
)
from loadlab.generator import Generator, Load
from loadlab.judges import judge as judge_all
from loadlab.models import Run, RunSecond
from loadlab.target import CannotRun, check_target
from loadlab.verdict import Verdict
from tests.lab.listening import listening
from tests.sales import serve
from tests.site import alive, free_port, wait_for
from tickets import selectors as sales_rows
from tickets import services as tickets
from tickets.models import ApiKey
from tickets.sabotage import WAYS
from tickets.wishes import Order
from vacancy.models import Vacancy

WORKER = "tests"
MARK = "a generator of the tests"
PRELUDE = f"""
# {MARK}
import json, os, signal, sys, time
from loadlab import wire
fd = int(os.environ["LOADLAB_PIPE_FD"])
def raw(some): os.write(fd, some)
def say(line): raw(wire.encode(line))
def hello(said="fake"): say(wire.Hello(time.time(), os.getpid(), said))
def second(seq, *series):
    say(wire.Second(seq, time.time(), seq + 1.0, 1, 0, 5.0, 0.1, 0, list(series)))
def final(elapsed_s): say(wire.Final(elapsed_s, 0, 0, {{}}, 0, 0))
def on_stop(do): signal.signal(signal.SIGTERM, lambda *_: do())
def stop_orderly(): final(0.1); sys.exit()
"""
LOAD = Load(
    locustfile="x.py",
    loop="closed",
    target="http://127.0.0.1:1",
    key="tsk_very-secret",
    vacancy_id=1,
    values={"user_count": 3, "think_time_s": 0.5, "duration_s": 7},
    stop_timeout_s=5.0,
)

pytestmark = pytest.mark.django_db(transaction=True)
Script = Callable[[str], None]
Supervise = Callable[..., Run]


def generators() -> list[psutil.Process]:
    """Return what still runs of the tests' generators."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if MARK in " ".join(process.cmdline()):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return alive(found)


@pytest.fixture(autouse=True)
def _nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """No process, no pipe, no stock and no key outlives its run."""
    pipes = _open_pipes()
    yield
    assert generators() == []
    assert _open_pipes() == pipes


def _open_pipes() -> int:
    links = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]  # noqa: PTH208
    return sum(os.readlink(link).startswith("pipe:") for link in links if os.path.lexists(link))  # noqa: PTH115


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for less than a second where people would wait for many."""
    monkeypatch.setattr(supervisor, "POLL_S", 0.02)
    monkeypatch.setattr(supervisor, "EXIT_GRACE_S", 0.3)
    monkeypatch.setattr(supervisor, "check_target", lambda **_: {"shared_host": True})
    # A busy machine may starve the tests' generators, which is not what they are about.
    monkeypatch.setattr(starvation, "PROC", Path("/nowhere"))


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """Set what the load generator does."""

    def use(text: str) -> None:
        command = [sys.executable, "-S", "-c", PRELUDE + text]
        monkeypatch.setattr(generator, "_command", lambda load: command)

    return use


def requested(*, duration_s: int = 1) -> Run:
    """Store a run that is claimed for the tests."""
    return services.run_request(
        scenario="baseline",
        values={"user_count": 1, "duration_s": duration_s, "capacity": 10},
        requested_by=None,
        now=timezone.now(),
        claim_for=WORKER,
    )


def supervise(run: Run, **callbacks: Any) -> Run:
    """Supervise to the end; the run must have let go of everything."""
    ended = supervisor.Supervisor(run_id=run.pk, worker=WORKER, **callbacks).run()
    assert (ended.slot, ended.vacancy_id) == (None, None)
    assert not Vacancy.objects.filter(is_rehearsal=True).exists()
    assert not ApiKey.objects.exists()
    return ended


def stop_of(run: Run) -> Callable[[], bool]:
    """Press Stop once the run is running, from inside the supervisor's own loop."""

    def press() -> bool:
        if Run.objects.filter(pk=run.pk, state=Run.State.RUNNING).exists():
            services.run_stop_request(run_id=run.pk, now=timezone.now())
        return False

    return press


def is_running(run: Run) -> Callable[[], bool]:
    """Say whether the generator has said hello."""
    return lambda: Run.objects.filter(pk=run.pk, started_at__isnull=False).exists()


ORDERLY = "hello(); second(0); final(1.0)"
DEAF = "on_stop(lambda: None); hello(); time.sleep(60)"


class TestOrderlyEnd:
    """What was planned, or asked for."""

    def test_run_finishes_when_its_generator_reports(self, script: Script) -> None:
        """All states, all seconds, no reason needed."""
        script(ORDERLY)

        ended = supervise(requested())

        assert (ended.state, ended.reason) == (Run.State.FINISHED, "")
        assert list(RunSecond.objects.values_list("seq", flat=True)) == [0]
        assert ended.verdicts is not None
        assert ended.lease_until is None

    def test_seconds_are_passed_on_as_they_come(self, script: Script) -> None:
        """The command line draws its bar from them."""
        script("hello(); second(0); second(1); final(1.0)")
        heard = []

        supervise(requested(), on_second=lambda second: heard.append(second.seq))

        assert heard == [0, 1]

    def test_repeated_second_is_stored_once(self, script: Script) -> None:
        """A repeat adds nothing and breaks nothing."""
        script("hello(); second(0); second(0); final(1.0)")

        assert supervise(requested()).state == Run.State.FINISHED
        assert RunSecond.objects.count() == 1

    def test_stop_is_passed_on(self, script: Script) -> None:
        """The users finish and the generator reports: stopped, not failed."""
        script("on_stop(stop_orderly); hello(); time.sleep(60)")
        run = requested(duration_s=60)

        ended = supervise(run, must_leave=stop_of(run))

        assert (ended.state, ended.reason) == (Run.State.STOPPED, "")
        assert ended.summary is not None

    def test_stop_before_the_first_buyer_is_a_stop(self, script: Script) -> None:
        """A generator that is still starting dies of the signal and reports nothing."""
        script("time.sleep(60)")

        ended = supervise(requested(duration_s=60), must_stop=lambda: True)

        assert (ended.state, ended.reason) == (Run.State.STOPPED, "Stopped before it began.")

    def test_shutdown_ends_the_run(self, script: Script) -> None:
        """The worker must go: failed, and said why."""
        script("on_stop(stop_orderly); hello(); time.sleep(60)")
        run = requested(duration_s=60)

        ended = supervise(run, must_leave=is_running(run))

        assert (ended.state, ended.reason) == (Run.State.FAILED, "The worker was shut down.")


class TestMisbehavingGenerator:
    """Whatever it does, the run ends with a reason and the process with it."""

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            pytest.param("sys.exit('no locust')", "exit code 1: no locust", id="cannot start"),
            pytest.param("hello(); sys.exit(0)", "without its report: exit code 0", id="leaves"),
            pytest.param("hello(); os.kill(os.getpid(), 9)", "killed by signal 9", id="is killed"),
            pytest.param(
                "hello(); os.kill(os.getpid(), 40)", "killed by signal 40", id="odd signal"
            ),
            pytest.param("hello(); raw(b'{'); sys.exit()", "without its report", id="half a line"),
            pytest.param(
                "hello(); final(0.2); sys.exit()", "left after 0 of 2 s", id="leaves early"
            ),
            pytest.param("raw(b'Hi!\\n'); time.sleep(60)", "WireError", id="another language"),
            pytest.param("raw(b'\\n'); time.sleep(60)", "WireError", id="empty line"),
            pytest.param("hello(); hello(); time.sleep(60)", "hello twice", id="hello twice"),
            pytest.param("while True: raw(b'x' * 10_000)", "does not end", id="a line without end"),
            pytest.param(
                "hello(); second(0, wire.Series('a', 'read', 1, 1.0, 'HIST?')); time.sleep(60)",
                "HdrLengthException",
                id="broken histogram",
            ),
        ],
    )
    def test_fails_the_run_with_a_reason(self, script: Script, text: str, words: str) -> None:
        """The reason names what happened."""
        script(text)

        ended = supervise(requested(duration_s=2))

        assert ended.state == Run.State.FAILED
        assert words in ended.reason

    @pytest.mark.parametrize(
        ("limit", "text", "words"),
        [
            ("START_TIMEOUT_S", "time.sleep(60)", "did not start in time"),
            ("END_GIVE_UP_S", DEAF, "did not end in time"),
            ("END_GIVE_UP_S", "hello()\nfor s in range(10**9): second(s)", "did not end in time"),
        ],
        ids=["silent", "endless", "flooding"],
    )
    def test_is_killed_when_its_time_is_over(
        self, script: Script, monkeypatch: pytest.MonkeyPatch, limit: str, text: str, words: str
    ) -> None:
        """Nobody waits for ever."""
        script(text)
        monkeypatch.setattr(supervisor, limit, 0.2)

        ended = supervise(requested())

        assert ended.state == Run.State.FAILED
        assert words in ended.reason

    def test_is_killed_when_it_does_not_stop(
        self, script: Script, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Asked, waited for, killed."""
        script(DEAF)
        monkeypatch.setattr(supervisor, "STOP_GIVE_UP_S", 0.2)
        run = requested(duration_s=60)

        ended = supervise(run, must_leave=stop_of(run))

        assert ended.state == Run.State.FAILED
        assert "did not stop when asked" in ended.reason

    @pytest.mark.parametrize("stopped_before", [False, True], ids=["running", "stopping"])
    def test_is_killed_when_the_worker_must_go(
        self, script: Script, monkeypatch: pytest.MonkeyPatch, stopped_before: bool
    ) -> None:
        """Also when a stop was asked for first, which may take much longer."""
        script(DEAF)
        monkeypatch.setattr(supervisor, "SHUTDOWN_S", 0.2)
        run = requested(duration_s=60)
        if stopped_before:
            leave = Run.objects.filter(pk=run.pk, state=Run.State.STOPPING).exists
        else:
            leave = is_running(run)

        ended = supervise(run, must_leave=leave, must_stop=lambda: stopped_before)

        assert (ended.state, ended.reason) == (Run.State.FAILED, "The worker was shut down.")

    def test_takes_its_own_children_with_it(self, script: Script) -> None:
        """The whole group is ended, checked by the fixture that looks for leftovers."""
        script(
            "import subprocess\n"
            f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)  # {MARK}'])\n"
            "hello()"
        )

        assert supervise(requested()).state == Run.State.FAILED

    def test_that_cannot_be_started_leaks_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Neither the pipe nor the log stays open, checked by the fixture."""
        monkeypatch.setattr(generator, "_command", lambda load: ["/nowhere/locust"])

        assert "FileNotFoundError" in supervise(requested()).reason


class TestMisbehavingSurroundings:
    """Database, judges and other processes."""

    def test_database_error_while_recording_ends_the_run(
        self, script: Script, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The second is lost, the run is not left running."""
        script("hello(); second(0); time.sleep(60)")
        monkeypatch.setattr(services, "second_record", _raise(OperationalError("gone away")))

        ended = supervise(requested())

        assert ended.state == Run.State.FAILED
        assert ended.reason == "The database was lost during the run: gone away"

    def test_database_that_comes_back_hears_how_the_run_ended(
        self, script: Script, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It was away when the run broke and when it was to be judged, and for a while longer."""
        script("hello(); second(0); time.sleep(60)")
        away = iter([True, True, False])
        run_end = services.run_end

        def not_yet(**how: Any) -> bool:
            if next(away):
                raise OperationalError("the database system is starting up")
            return run_end(**how)

        monkeypatch.setattr(services, "second_record", _raise(OperationalError("gone away")))
        monkeypatch.setattr(conclusion, "judge", _raise(OperationalError("still away")))
        monkeypatch.setattr(services, "run_end", not_yet)

        ended = supervise(requested())

        assert (ended.state, ended.verdicts) == (Run.State.FAILED, None)
        assert ended.reason == "The database was lost during the run: gone away"

    def test_run_that_cannot_be_judged_still_ends(
        self, script: Script, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without verdicts, so it cannot pass for good."""
        script(ORDERLY)
        monkeypatch.setattr(conclusion, "judge", _raise(ZeroDivisionError()))

        ended = supervise(requested())

        assert (ended.state, ended.verdicts) == (Run.State.FAILED, None)
        assert "could not be judged" in ended.reason

    def test_stock_that_cannot_go_yet_is_removed_later(
        self, script: Script, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A purchase in flight may hold it; the run's result is kept all the same."""
        script(ORDERLY)
        run = requested()
        with monkeypatch.context() as patch:
            patch.setattr(tickets, "rehearsal_delete", _raise(DatabaseError("still in use")))
            ended = supervisor.Supervisor(run_id=run.pk, worker=WORKER).run()

        services.leftovers_remove()

        assert ended.state == Run.State.FINISHED
        assert not Vacancy.objects.exists()

    def test_run_ended_by_others_stays_as_they_left_it(self, script: Script) -> None:
        """A supervisor that slept through its lease writes nothing over it, and stops its load."""
        script(DEAF)
        run = requested(duration_s=60)

        def others_end_it() -> bool:
            if is_running(run)():
                services.runs_end_lapsed(now=timezone.now() + timedelta(minutes=1))
            return False

        ended = supervise(run, must_leave=others_end_it)

        assert (ended.state, ended.verdicts) == (Run.State.FAILED, None)
        assert ended.reason == "The worker that supervised this run was lost."

    def test_load_is_not_started_for_a_run_that_others_ended(
        self, script: Script, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The target took its time, the lease lapsed: another run may be active by now."""

        def slow_check(**_: Any) -> dict[str, Any]:
            services.runs_end_lapsed(now=timezone.now() + timedelta(minutes=1))
            return {}

        monkeypatch.setattr(supervisor, "check_target", slow_check)
        monkeypatch.setattr(supervisor, "Generator", _raise(AssertionError("load was started")))

        ended = supervise(requested())

        assert ended.reason == "The worker that supervised this run was lost."

    def test_scenario_of_another_release_is_refused(self) -> None:
        """A worker that was not updated says so."""
        run = requested()
        Run.objects.filter(pk=run.pk).update(scenario="stampede")

        assert "knows no scenario 'stampede'" in supervise(run).reason

    def test_judging_a_long_run_does_not_lose_its_lease(
        self, script: Script, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A run of many hours takes longer to add up than the usual lease."""
        script("on_stop(stop_orderly); hello(); time.sleep(60)")
        run = requested(duration_s=3600)
        leases: list[Any] = []

        def judge(**how: Any) -> list[Verdict]:
            leases.append(Run.objects.get(pk=run.pk).lease_until)
            return judge_all(**how)

        monkeypatch.setattr(conclusion, "judge", judge)
        supervise(run, must_leave=stop_of(run))

        assert leases[0] > timezone.now() + timedelta(minutes=2)


def _raise(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


class TestWhatTheGeneratorIsTold:
    """It loads the site like anybody else and must know no more."""

    def test_environment_has_no_secrets_of_the_site(
        self, script: Script, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Neither the secret key nor the database's address."""
        for name in ("SECRET_KEY", "DATABASE_URL", "REDIS_URL", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "do-not-pass-on")
        script("hello(json.dumps(dict(os.environ)))")

        started = Generator(LOAD)
        (told,) = wait_for(lambda: list(started.lines(wait_s=1)), timeout_s=60, what="hello")
        started.end()

        environment = json.loads(told.generator)
        assert "do-not-pass-on" not in environment.values()
        assert json.loads(environment["LOADLAB_CHOSEN"])["key"] == LOAD.key

    def test_arguments_hold_no_key(self) -> None:
        """Everybody on the machine can read them."""
        assert not any(LOAD.key in argument for argument in generator._command(LOAD))


class _Target(HTTPServer):
    """A site that answers as it is told."""

    ready: int
    available: bytes


class _Answer(BaseHTTPRequestHandler):
    server: _Target

    def do_GET(self) -> None:
        """Answer ready and available."""
        is_ready = self.path.endswith("/ready")
        self.send_response(self.server.ready if is_ready else 200)
        self.end_headers()
        self.wfile.write(b"database is down" if is_ready else self.server.available)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def target(settings: LazySettings) -> Iterator[_Target]:
    """A target that is ready and sells vacancy 7."""
    with _Target(("127.0.0.1", 0), _Answer) as server:
        server.ready, server.available = 200, json.dumps({"vacancy": 7}).encode()
        settings.LOADLAB_ALLOWED_TARGETS = [address(server)]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def address(server: _Target) -> str:
    """Return its base URL."""
    return f"http://127.0.0.1:{server.server_port}"


class TestCheckTarget:
    """Before any load is made."""

    @pytest.fixture(autouse=True)
    def _unpatched(self, monkeypatch: pytest.MonkeyPatch, _impatience: None) -> None:
        monkeypatch.undo()

    def check(self, url: str) -> dict[str, Any]:
        """Check for a rehearsal of vacancy 7."""
        rehearsal = services.Rehearsal(vacancy_id=7, key="tsk_x")
        addresses = services.target_resolve(url)
        return check_target(target=url, addresses=addresses, rehearsal=rehearsal)

    def test_good_target_says_what_it_runs_on(self, target: _Target) -> None:
        """For the fingerprint."""
        found = self.check(address(target))

        assert found["shared_host"] is True
        assert found["database"].startswith(("SQLite", "PostgreSQL"))

    def test_proxies_of_the_environment_are_not_used(
        self, target: _Target, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The load goes straight there, and the key is nobody else's business."""
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")

        assert self.check(address(target))["cores"] >= 1

    @pytest.mark.parametrize(
        ("ready", "available", "words"),
        [
            (503, b'{"vacancy": 7}', "is not ready: database is down"),
            (200, b'{"vacancy": 8}', "does it use another database"),
            (200, b"[]", "No ticketsite answers"),
            (200, b"<html>", "No ticketsite answers"),
        ],
    )
    def test_wrong_target_is_refused_with_a_reason(
        self, target: _Target, ready: int, available: bytes, words: str
    ) -> None:
        """Not ready, another site, or no ticketsite at all."""
        target.ready, target.available = ready, available

        with pytest.raises(CannotRun, match=words):
            self.check(address(target))

    def test_address_that_is_none_is_refused(self, settings: LazySettings) -> None:
        """Whatever the settings let through."""
        settings.LOADLAB_ALLOWED_TARGETS = ["http://a b:1"]

        with pytest.raises(services.TargetNotAllowed, match="leads nowhere"):
            self.check("http://a b:1")

    def test_redirect_is_not_followed(self, target: _Target) -> None:
        """Where it leads was never allowed."""
        target.ready = 302

        with pytest.raises(CannotRun, match="load does not follow"):
            self.check(address(target))


def test_percentiles_of_a_second_are_stored(script: Script) -> None:
    """From the generator's histogram to the row that the page draws."""
    histogram = percentiles.new_histogram()
    percentiles.record(histogram, 12.5)
    encoded = percentiles.encode(histogram)
    script(f"hello(); second(0, wire.Series('a', 'read', 1, 12.5, {encoded!r})); final(1.0)")

    ended = supervise(requested())

    assert RunSecond.objects.get(run=ended).p95_ms == pytest.approx(12.5, rel=0.002)


def one_request_of(ms: float) -> str:
    """Return a histogram with one latency."""
    histogram = percentiles.new_histogram()
    percentiles.record(histogram, ms)
    return percentiles.encode(histogram)


class TestAbort:
    """A budget that is broken for too long ends the run; one bad second does not."""

    def run_of(self, script: Script, *, abort_after_s: int | None, good: int = 10**9) -> Run:
        """Run with seconds that are all faults, but for every `good`th."""
        script(
            "on_stop(stop_orderly); hello()\n"
            "for s in range(12):\n"
            f"    outcome = 'read' if s % {good} == {good} - 1 else 'fault'\n"
            f"    second(s, wire.Series('a', outcome, 1, 1.0, {one_request_of(1.0)!r}))\n"
            "    time.sleep(0.03)\n"
            "final(60.0)"
        )
        run = requested(duration_s=60)
        Run.objects.filter(pk=run.pk).update(abort_after_s=abort_after_s)
        return supervise(run)

    def test_comes_after_so_many_seconds_in_a_row(self, script: Script) -> None:
        """With the reason, the event, and a budget that failed."""
        ended = self.run_of(script, abort_after_s=3)

        assert ended.state == Run.State.ABORTED
        assert ended.reason == "The budget was broken for 3 seconds in a row."
        assert [event.kind for event in ended.events.all()] == ["breach", "stop"]
        assert {v["kind"]: v["outcome"] for v in ended.verdicts or []}["budget"] == "fail"

    def test_does_not_come_when_a_good_second_lies_between(self, script: Script) -> None:
        """In a row is in a row."""
        assert self.run_of(script, abort_after_s=3, good=3).state == Run.State.FINISHED

    def test_does_not_come_when_nobody_asked_for_it(self, script: Script) -> None:
        """Unless told otherwise a run goes to its end, however bad."""
        assert self.run_of(script, abort_after_s=None).state == Run.State.FINISHED


class TestStarvation:
    """What the operating system says of the generator's waiting is stored with each second."""

    def test_waiting_is_measured(self, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
        """On Linux."""
        monkeypatch.setattr(starvation, "PROC", Path("/proc"))
        script("hello()\nfor s in range(3): time.sleep(.1); second(s)\nfinal(1.0)")

        supervise(requested())

        waits = list(RunSecond.objects.values_list("cpu_wait_pct", flat=True))
        assert all(wait is not None and 0 <= wait <= 100 for wait in waits)

    def test_nothing_is_made_up_where_it_is_not_known(self, script: Script) -> None:
        """Another system, or a /proc without it."""
        script(ORDERLY)

        supervise(requested())

        assert RunSecond.objects.get().cpu_wait_pct is None


class TestServerCpu:
    """What the processes take that serve the target is stored with each second."""

    @pytest.fixture
    def port(self, settings: LazySettings, script: Script, monkeypatch: pytest.MonkeyPatch) -> int:
        """The target's port; the generator's seconds are short ones."""
        monkeypatch.setattr(server_cpu, "SHORTEST_SPAN_S", 0.0)
        script("hello()\nfor s in range(3): time.sleep(.1); second(s)\nfinal(1.0)")
        port = free_port()
        self.aim_at(settings, f"http://127.0.0.1:{port}")
        return port

    def aim_at(self, settings: LazySettings, target: str) -> None:
        """Let runs go there."""
        settings.LOADLAB_TARGET = target
        settings.LOADLAB_ALLOWED_TARGETS = [target]

    def taken(self) -> list[float | None]:
        """Make a run and return what was stored."""
        supervise(requested())
        return list(RunSecond.objects.values_list("server_cpu_pct", flat=True))

    def test_is_measured(self, port: int) -> None:
        """Of who listens there, and told in the verdict."""
        with listening(port):
            taken = self.taken()

        assert len(taken) == 3
        assert all(pct is not None and pct >= 0 for pct in taken)
        [valid, *_others] = Run.objects.get().verdicts or []
        assert "The server took at most" in valid["detail"]

    def test_is_absent_where_nobody_listens(self, port: int) -> None:
        """And the run goes on."""
        assert self.taken() == [None, None, None]

    def test_is_absent_for_a_target_elsewhere(self, port: int, settings: LazySettings) -> None:
        """Whoever listens on a port of that number here."""
        self.aim_at(settings, f"http://192.0.2.1:{port}")

        with listening(port):
            assert self.taken() == [None, None, None]


class TestSabotage:
    """The negative control: integrity must fail, and the run says why."""

    @pytest.mark.parametrize("how", sorted(WAYS))
    def test_is_noticed(self, script: Script, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
        """Whatever was broken: counter, purchase, ticket, or a sale too many."""
        script(
            "hello()\n"
            f"second(0, wire.Series('a', 'bought', 2, 2.0, {one_request_of(1.0)!r}))\n"
            "final(1.0)"
        )
        monkeypatch.setattr(supervisor, "check_target", _two_buyers)
        run = requested()
        Run.objects.filter(pk=run.pk).update(sabotage=how)

        ended = supervise(run)

        found = {verdict["kind"]: verdict for verdict in ended.verdicts or []}
        assert found["integrity"]["outcome"] == "fail"
        assert "The audit found" in found["integrity"]["finding"]
        assert "broken on purpose" in found["integrity"]["detail"]

    def test_without_it_the_same_run_passes(
        self, script: Script, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """So it is the sabotage that was found, and nothing else."""
        script(
            "hello()\n"
            f"second(0, wire.Series('a', 'bought', 2, 2.0, {one_request_of(1.0)!r}))\n"
            "final(1.0)"
        )
        monkeypatch.setattr(supervisor, "check_target", _two_buyers)

        ended = supervise(requested())

        assert {v["kind"]: v["outcome"] for v in ended.verdicts or []}["integrity"] == "pass"

    def test_that_finds_nothing_to_break_is_no_pass(self, script: Script) -> None:
        """A control that did nothing has shown nothing."""
        script(ORDERLY)
        run = requested()
        Run.objects.filter(pk=run.pk).update(sabotage="lost_purchase")

        ended = supervise(run)

        assert (ended.state, ended.verdicts) == (Run.State.FAILED, None)


def _two_buyers(*, rehearsal: services.Rehearsal, **_: Any) -> dict[str, Any]:
    """Buy two places of the rehearsal, as two virtual buyers would."""
    client = sales_rows.client_for_key(secret=rehearsal.key, now=timezone.now())
    for _number in range(2):
        serve(Order(vacancy_id=None, qty=1, client=client))
    return {"shared_host": True}
