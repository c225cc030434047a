"""One run from claim to verdict: the only place that starts, watches and ends a load generator."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError
from django.utils import timezone

from loadlab import selectors, services, states, wire
from loadlab.budget import Limits, Watch
from loadlab.conclusion import conclude, limits_of
from loadlab.generator import Generator, Load
from loadlab.models import Run
from loadlab.scenarios import SCENARIOS
from loadlab.sentence import Sentence, gettext_noop
from loadlab.server_cpu import ServerCpu
from loadlab.starvation import Starvation
from loadlab.target import CannotRun, check_target
from vacancy.lanes import close_dead

POLL_S = 0.25
RENEW_EVERY_S = 1.0
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 5.0  # for users to finish their request
# When asked to stop: our users' own timeout, then Locust's, then time for the last report.
STOP_GIVE_UP_S = 3 * STOP_TIMEOUT_S
END_GIVE_UP_S = 4 * STOP_TIMEOUT_S  # at the planned end the users' timeout may run twice
EXIT_GRACE_S = 1.0  # from the end of its pipe to the end of the process
UNREACHABLE_S = 10.0  # for a database to come back; then the lease has lapsed, and others end it
SHUTDOWN_S = 2.0  # when this process itself must go: a platform gives ten seconds at most

DATABASE_LOST = gettext_noop("The database was lost during the run: %(error)s")
BROKE = "%(error)s"  # whatever it was said it in its own words
NOT_JUDGED = Sentence(gettext_noop("The run could not be judged: the worker's log says why."))

logger = logging.getLogger(__name__)
OnSecond = Callable[[wire.Second], None]


@dataclass
class _Heard:
    """What the generator has said so far."""

    hello: wire.Hello | None = None
    final: wire.Final | None = None
    lost_count: int = 0


class Supervisor:
    """Supervises one claimed run; `run()` returns when it has ended and nothing is left of it."""

    def __init__(
        self,
        *,
        run_id: int,
        worker: str,
        must_leave: Callable[[], bool] = lambda: False,
        must_stop: Callable[[], bool] = lambda: False,
        on_second: OnSecond = lambda second: None,
    ) -> None:
        """Take a run that `services.run_claim` gave to `worker`.

        Both are asked four times a second. When `must_leave` says yes, the run is ended at
        once; when `must_stop` does, as if somebody had pressed Stop.
        """
        self._run_id = run_id
        self._worker = worker
        self._must_leave = must_leave
        self._must_stop = must_stop
        self._on_second = on_second
        self._heard = _Heard()
        self._give_up_at = 0.0  # monotonic
        self._stop_asked = False
        self._leaving = False
        self._breach: Sentence | None = None
        self._starvation: Starvation | None = None
        self._server_cpu: ServerCpu | None = None
        self._watch = Watch(limits=Limits(), abort_after_s=None)

    def run(self) -> Run:
        """Do the whole journey. Never raises for what happens to the run: that is its reason."""
        run = Run.objects.get(pk=self._run_id)
        reason: Sentence | None
        try:
            reason = self._load(run)
            state = self._state()
        except (CannotRun, services.LabRefusal) as error:
            state, reason = states.FAILED, error.sentence
        except (OperationalError, InterfaceError) as error:
            logger.exception("run %s lost its database", self._run_id)
            close_dead()
            state, reason = states.FAILED, Sentence(DATABASE_LOST, {"error": str(error)})
        except Exception as error:
            # The pipe, a line that is not ours: the run must end all the same.
            logger.exception("run %s broke", self._run_id)
            state, reason = (
                states.FAILED,
                Sentence(BROKE, {"error": f"{type(error).__name__}: {error}"}),
            )
        self._end(state, reason)
        return Run.objects.get(pk=self._run_id)

    def _end(self, state: str, reason: Sentence | None) -> None:
        """Judge, store and tidy up. What fails here is done by others when the lease lapses."""
        try:
            conclude(
                run_id=self._run_id,
                worker=self._worker,
                state=state,
                reason=reason,
                final=self._heard.final,
                lost_count=self._heard.lost_count,
                now=timezone.now,
                breach=self._breach,
            )
        except Exception:
            logger.exception("run %s could not be judged", self._run_id)
            self._end_unjudged(reason or NOT_JUDGED)
        services.leftovers_remove()

    def _end_unjudged(self, reason: Sentence) -> None:
        """Store why, as soon as the database can be reached: it may be on its way up again."""
        give_up_at = time.monotonic() + UNREACHABLE_S
        while True:
            close_dead()
            try:
                services.run_end(
                    run_id=self._run_id,
                    worker=self._worker,
                    state=states.FAILED,
                    reason=reason,
                    summary=None,
                    verdicts=None,
                    now=timezone.now(),
                )
            except DatabaseError:
                if time.monotonic() > give_up_at or self._must_leave():
                    raise
                time.sleep(POLL_S)
            else:
                return

    def _load(self, run: Run) -> Sentence | None:
        """Run the load; return why it ended early, or nothing."""
        scenario = SCENARIOS.get(run.scenario)
        if scenario is None:
            text = gettext_noop("This worker knows no scenario %(name)s: is it up to date?")
            raise CannotRun(text, name=repr(run.scenario))
        rehearsal = services.rehearsal_create(
            run_id=run.pk, worker=self._worker, now=timezone.now()
        )
        addresses = services.target_resolve(run.target)
        environment = check_target(target=run.target, addresses=addresses, rehearsal=rehearsal)
        services.run_environment(run_id=run.pk, environment=environment)
        port = services.target_port(run.target)
        self._server_cpu = ServerCpu(addresses=addresses, port=port, now_s=time.monotonic())
        self._renew()  # all this may have taken seconds: no load for a run that others ended
        generator = Generator(
            Load(
                locustfile=scenario.locustfile,
                loop=scenario.loop,
                target=run.target,
                key=rehearsal.key,
                vacancy_id=rehearsal.vacancy_id,
                values=run.values,
                stop_timeout_s=STOP_TIMEOUT_S,
                master_bind=settings.LOADLAB_MASTER_BIND,
            )
        )
        self._starvation = Starvation(generator.pid, now_s=time.monotonic())
        self._watch = Watch(limits=limits_of(run.scenario), abort_after_s=run.abort_after_s)
        ended = ""
        try:
            self._listen(generator, run)
        finally:
            ended = generator.end(grace_s=0.0 if self._leaving else EXIT_GRACE_S)
        return self._why_ended(run, ended)

    def _why_ended(self, run: Run, ended: str) -> Sentence | None:
        final = self._heard.final
        if self._leaving:
            return Sentence(gettext_noop("The worker was shut down."))
        if self._stop_asked and self._heard.hello is None:
            return Sentence(gettext_noop("Stopped before it began."))
        if final is None:
            text = gettext_noop("The load generator ended without its report: %(how)s.")
            raise CannotRun(text, how=ended)
        if self._heard.hello is None:
            text = gettext_noop("The load generator reported an end without a beginning: %(how)s.")
            raise CannotRun(text, how=ended)
        if not self._stop_asked and final.elapsed_s < run.duration_s - 1:
            raise CannotRun(
                gettext_noop(
                    "The load generator left after %(elapsed)s of %(planned)s s, and nobody had "
                    "asked it to: %(how)s."
                ),
                elapsed=round(final.elapsed_s),
                planned=run.duration_s,
                how=ended,
            )
        return self._breach

    def _listen(self, generator: Generator, run: Run) -> None:
        self._give_up_at = time.monotonic() + START_TIMEOUT_S
        renew_at = 0.0
        while not generator.at_end:
            for line in generator.lines(wait_s=POLL_S):
                self._take(line, run)
            now = time.monotonic()
            if now >= renew_at:
                renew_at = now + RENEW_EVERY_S
                self._renew()
            self._pass_on_a_stop(generator, now)
            if now > self._give_up_at:
                self._give_up()
                return

    def _give_up(self) -> None:
        """Raise unless we are leaving, when there is no time for an orderly end."""
        if self._leaving:
            return
        if self._stop_asked:
            raise CannotRun(
                gettext_noop("The load generator did not stop when asked and was killed.")
            )
        if self._heard.hello:
            raise CannotRun(gettext_noop("The load generator did not end in time and was killed."))
        raise CannotRun(gettext_noop("The load generator did not start in time and was killed."))

    def _take(self, line: wire.Line, run: Run) -> None:
        if isinstance(line, wire.Hello):
            if self._heard.hello is not None:
                raise wire.WireError("the load generator said hello twice")
            self._heard.hello = line
            if self._server_cpu:
                self._server_cpu.begin(now_s=time.monotonic())  # what was before is no load
            if not self._stop_asked:
                self._give_up_at = time.monotonic() + run.duration_s + END_GIVE_UP_S
                begun = datetime.fromtimestamp(line.at, UTC)
                services.run_begin(run_id=self._run_id, worker=self._worker, at=begun)
        elif isinstance(line, wire.Second):
            self._take_second(line)
        else:
            self._heard.final = line
            self._heard.lost_count = line.lost_count

    def _take_second(self, second: wire.Second) -> None:
        self._heard.lost_count = second.lost_count
        now_s, starved, server = time.monotonic(), self._starvation, self._server_cpu
        services.second_record(
            run_id=self._run_id,
            second=second,
            ended_at=datetime.fromtimestamp(second.at, UTC),
            cpu_wait_pct=starved.pct(now_s=now_s) if starved else None,
            server_cpu_pct=server.pct(now_s=now_s) if server else None,
        )
        self._on_second(second)
        breach = self._watch.breach(second)
        if breach is not None and not self._stop_asked and self._breach is None:
            self._breach = breach
            self._note("breach", breach)

    def _note(self, kind: str, said: Sentence) -> None:
        services.event_record(run_id=self._run_id, kind=kind, said=said, now=timezone.now())

    def _renew(self) -> None:
        now = timezone.now()
        if not services.lease_renew(run_id=self._run_id, worker=self._worker, now=now):
            raise CannotRun(gettext_noop("The run was ended by another process."))

    def _pass_on_a_stop(self, generator: Generator, now: float) -> None:
        """Tell the generator once; a stop may be followed by a shutdown, which cannot wait."""
        if not self._leaving and self._must_leave():
            self._leaving = True
            self._give_up_at = now + SHUTDOWN_S
        elif not self._stop_asked and self._somebody_asked():
            self._give_up_at = now + STOP_GIVE_UP_S
        else:
            return
        if not self._stop_asked:
            self._stop_asked = True
            generator.ask_to_stop()  # first: the database may be slow
            services.run_stopping(run_id=self._run_id, worker=self._worker)
            self._note("stop", Sentence(gettext_noop("The buyers were asked to finish.")))

    def _somebody_asked(self) -> bool:
        return (
            self._breach is not None
            or self._must_stop()
            or selectors.stop_is_asked(run_id=self._run_id)
        )

    def _state(self) -> str:
        if self._leaving:
            return states.FAILED
        if self._breach is not None:
            return states.ABORTED
        return states.STOPPED if self._stop_asked else states.FINISHED
