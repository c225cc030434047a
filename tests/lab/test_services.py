"""Requesting, claiming, recording and ending runs: what the database lets happen once."""

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import IntegrityError, connection, transaction

from loadlab import percentiles, selectors, services, wire
from loadlab.models import LabWorker, Run, RunSecond, Sample
from loadlab.scenarios import SCENARIOS
from loadlab.sentence import Sentence
from loadlab.states import IllegalMove
from tests.conftest import make_vacancy
from tests.sales import serve
from tickets import selectors as sales_rows
from tickets import services as tickets
from tickets.models import ApiKey, Purchase, Ticket
from tickets.wishes import Order
from vacancy.models import Vacancy

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
LATER = NOW + services.LEASE + timedelta(milliseconds=1)
ALLOWED = "http://127.0.0.1:8001"
THREADS = 8

pytestmark = pytest.mark.django_db
in_threads = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _allowed(settings: LazySettings) -> None:
    settings.LOADLAB_TARGET = ALLOWED
    settings.LOADLAB_ALLOWED_TARGETS = [ALLOWED, "https://staging.example"]


def request(**changes: Any) -> Run:
    """Request a run with usual settings; what is a setting of the scenario goes to `values`."""
    values = {"user_count": 10, "think_time_s": 0.5, "duration_s": 60, "capacity": 20}
    chosen = {
        name: changes.pop(name) for name in SCENARIOS["baseline"].defaults().keys() & changes.keys()
    }
    usual: dict[str, Any] = {"scenario": "baseline", "requested_by": None, "now": NOW}
    return services.run_request(values=values | chosen, **usual | changes)


def again(run: Run) -> Run:
    """Read the run as it is stored now."""
    return Run.objects.get(pk=run.pk)


def at_once(job: Callable[[int], Any]) -> list[Any]:
    """Do a job in several threads that start together; an error is a result too."""
    barrier = threading.Barrier(THREADS)

    def work(number: int) -> Any:
        try:
            barrier.wait(timeout=60)
            return job(number)
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, range(THREADS)))


class TestRequest:
    """One run at a time, within bounds."""

    def test_waits_for_a_worker(self) -> None:
        """Nobody has it yet, so it has no lease that could lapse."""
        run = request()

        assert (run.state, run.slot, run.worker) == (Run.State.REQUESTED, 1, "")
        assert run.lease_until is None

    def test_for_a_command_is_claimed_at_once(self) -> None:
        """No worker can take it from the terminal that asked."""
        run = request(claim_for="me")

        assert (run.state, run.worker) == (Run.State.STARTING, "me")
        assert services.run_claim(worker="other", now=NOW) is None

    def test_is_refused_while_another_is_active(self) -> None:
        """The refusal names the other one."""
        run = request()

        with pytest.raises(services.RunActive, match=f"Run {run.pk} is still active") as caught:
            request()

        assert caught.value.run_id == run.pk

    @in_threads
    def test_succeeds_once_when_many_ask_together(self) -> None:
        """One run, and a refusal for everybody else."""
        found = at_once(lambda _: request())

        assert sum(isinstance(one, Run) for one in found) == 1
        assert sum(isinstance(one, services.RunActive) for one in found) == THREADS - 1
        assert Run.objects.count() == 1

    def test_is_accepted_when_the_other_one_was_lost(self) -> None:
        """Nobody has to tidy up by hand."""
        lost = request(claim_for="dead")

        run = request(now=LATER)

        assert run.state == Run.State.REQUESTED
        assert again(lost).state == Run.State.FAILED

    def test_for_an_unknown_scenario_is_refused(self) -> None:
        """By name."""
        with pytest.raises(services.UnknownScenario, match="'stampede'"):
            request(scenario="stampede")

    @pytest.mark.parametrize(
        "changes",
        [
            {"user_count": 0},
            {"user_count": 1001},
            {"think_time_s": -0.1},
            {"think_time_s": 600.1},
            {"think_time_s": float("nan")},
            {"think_time_s": float("inf")},
            {"duration_s": 0},
            {"duration_s": 3601},
            {"capacity": 0},
            {"capacity": 1_000_001},
            {"capacity": 1.5},
            {"worker_count": 33},
        ],
        ids=str,
    )
    def test_out_of_bounds_is_refused(self, settings: LazySettings, changes: Any) -> None:
        """Nothing is stored."""
        settings.LOADLAB_MAX_USERS, settings.LOADLAB_MAX_DURATION_S = 1000, 3600

        with pytest.raises(services.OutOfBounds):
            request(**changes)

        assert not Run.objects.exists()

    def test_with_a_setting_of_another_scenario_is_refused(self) -> None:
        """A misspelled flag must not be ignored."""
        with pytest.raises(services.OutOfBounds, match="has no setting tickets_per_s"):
            services.run_request(
                scenario="baseline", values={"tickets_per_s": 3}, requested_by=None, now=NOW
            )

    @pytest.mark.parametrize("duration_s", [5, 20])
    def test_for_a_spike_after_the_end_is_refused(self, duration_s: int) -> None:
        """It would pass as a run that has withstood one; this one begins after 20 s."""
        with pytest.raises(services.OutOfBounds, match=f"20 s, but buyers come for {duration_s} s"):
            services.run_request(
                scenario="spike", values={"duration_s": duration_s}, requested_by=None, now=NOW
            )

    def test_without_values_takes_the_defaults(self) -> None:
        """All that was not chosen is stored all the same."""
        run = services.run_request(scenario="baseline", values={}, requested_by=None, now=NOW)

        assert run.values == SCENARIOS["baseline"].defaults()
        assert run.settings == {"worker_count": 1}

    @pytest.mark.parametrize(
        "changes", [{"user_count": 1000, "duration_s": 3600, "capacity": 1_000_000}]
    )
    def test_at_the_bounds_is_accepted(self, settings: LazySettings, changes: Any) -> None:
        """A limit is what may be reached."""
        settings.LOADLAB_MAX_USERS, settings.LOADLAB_MAX_DURATION_S = 1000, 3600

        assert request(**changes).pk


class TestTarget:
    """Where load may go."""

    @pytest.mark.parametrize("target", [ALLOWED, ALLOWED + "/", "https://staging.example/base"])
    def test_on_the_list_is_allowed(self, target: str) -> None:
        """The path does not matter."""
        services.target_check(target)

    @pytest.mark.parametrize(
        "target",
        [
            "http://127.0.0.1:8001@evil.example",
            "http://127.0.0.1:8001@evil.example/http://127.0.0.1:8001",
            "http://user@127.0.0.1:8001",
            "http://evil.example#http://127.0.0.1:8001",
            "http://evil.example?http://127.0.0.1:8001",
            "http://evil.example/127.0.0.1:8001",
            "http://127.0.0.1:8001.evil.example",
            "http://127.0.0.1:80010",
            "http://127.0.0.1",
            "http://127.0.0.1:8001\\@evil.example",
            "https://127.0.0.1:8001",
            "http://staging.example",
            "https://staging.example.evil.example",
            "https://staging.example:8443",
            "//127.0.0.1:8001",
            "127.0.0.1:8001",
            "",
        ],
    )
    def test_elsewhere_is_refused(self, settings: LazySettings, target: str) -> None:
        """Scheme, host and port, and no way to dress another host as this one."""
        settings.LOADLAB_TARGET = target

        with pytest.raises(services.TargetNotAllowed, match="LOADLAB_ALLOWED_TARGETS has"):
            request()

        assert not Run.objects.exists()


class TestResolve:
    """Where the name of an allowed target leads."""

    @pytest.fixture(autouse=True)
    def _names(self, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
        settings.LOADLAB_ALLOWED_TARGETS = [
            "https://shop.example",
            "http://10.1.2.3:8001",
            "http://[fd00::1]:8001",
        ]
        settings.LOADLAB_ALLOWED_NETWORKS = ["127.0.0.0/8", "::1/128"]
        self.addresses = ["93.184.215.14"]

        def look_up(host: str, port: int, **_: Any) -> list[Any]:
            if not self.addresses:
                raise socket.gaierror(-2, "Name or service not known")
            return [(0, 0, 0, "", (address, port)) for address in self.addresses]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)

    def resolve(self) -> list[str]:
        """Resolve the shop's name."""
        return services.target_resolve("https://shop.example")

    @pytest.mark.parametrize("address", ["93.184.215.14", "127.0.0.1", "::1", "2606:2800:21f::1"])
    def test_public_address_and_this_machine_are_allowed(self, address: str) -> None:
        """As the default has it."""
        self.addresses = [address]

        assert self.resolve() == [address]

    @pytest.mark.parametrize(
        "address",
        ["10.0.0.5", "192.168.1.1", "172.17.0.2", "169.254.169.254", "fd00::5", "fe80::1%eth0",
         "0.0.0.0", "100.64.0.1", "::ffff:10.0.0.5"],  # noqa: S104
    )  # fmt: skip
    def test_private_address_is_refused(self, address: str) -> None:
        """Also if the name leads to a public one besides."""
        self.addresses = ["93.184.215.14", address]

        with pytest.raises(services.TargetNotAllowed, match="which is private"):
            self.resolve()

    def test_private_network_that_is_listed_is_allowed(self, settings: LazySettings) -> None:
        """As in docker compose."""
        settings.LOADLAB_ALLOWED_NETWORKS = ["172.16.0.0/12"]
        self.addresses = ["172.17.0.2"]

        assert self.resolve() == ["172.17.0.2"]

    @pytest.mark.parametrize("target", ["http://10.1.2.3:8001", "http://[fd00::1]:8001"])
    def test_private_address_that_is_the_target_itself_is_allowed(self, target: str) -> None:
        """Whoever wrote the list wrote it down as it is: no name can lead elsewhere."""
        assert services.target_resolve(target)

    def test_name_that_leads_nowhere_is_refused(self) -> None:
        """With what the system says."""
        self.addresses = []

        with pytest.raises(services.TargetNotAllowed, match="leads nowhere: Name or service"):
            self.resolve()


class TestClaim:
    """Each run has one supervisor."""

    def test_gives_the_run_with_a_lease(self) -> None:
        """Ten seconds to say something."""
        run = request()

        assert services.run_claim(worker="a", now=NOW) == run.pk
        stored = again(run)
        assert (stored.state, stored.worker) == (Run.State.STARTING, "a")
        assert stored.lease_until == NOW + services.LEASE

    def test_gives_nothing_when_nothing_waits(self) -> None:
        """Which is a normal answer."""
        assert services.run_claim(worker="a", now=NOW) is None

    @in_threads
    def test_succeeds_once_when_many_try_together(self) -> None:
        """Whoever was first."""
        run = request()

        found = at_once(lambda number: services.run_claim(worker=f"w{number}", now=NOW))

        assert sorted(map(str, found)) == sorted([str(run.pk)] + ["None"] * (THREADS - 1))
        assert again(run).worker == f"w{found.index(run.pk)}"

    @in_threads
    def test_or_stop_wins_but_never_both(self) -> None:
        """A run that somebody claimed hears of the stop; one that was stopped is not claimed."""
        run = request()

        found = at_once(
            lambda number: (
                services.run_stop_request(run_id=run.pk, now=NOW)
                if number % 2
                else services.run_claim(worker=f"w{number}", now=NOW)
            )
        )

        stored = again(run)
        assert not any(isinstance(one, Exception) for one in found)
        assert stored.stop_requested_at == NOW
        assert (stored.state == Run.State.STARTING) == (run.pk in found[::2])


class TestStop:
    """Stop means something in every state."""

    def test_ends_a_waiting_run_at_once(self) -> None:
        """Nobody would be there to end it."""
        run = request()

        assert services.run_stop_request(run_id=run.pk, now=NOW)
        stored = again(run)
        assert (stored.state, stored.slot, stored.ended_at) == (Run.State.STOPPED, None, NOW)

    @pytest.mark.parametrize("state", [Run.State.STARTING, Run.State.RUNNING, Run.State.STOPPING])
    def test_is_noted_for_the_supervisor(self, state: Run.State) -> None:
        """Once: the second press changes nothing."""
        run = request(claim_for="a")
        Run.objects.filter(pk=run.pk).update(state=state)

        presses = [services.run_stop_request(run_id=run.pk, now=NOW) for _ in range(2)]

        assert presses == [True, False]
        assert again(run).state == state
        assert selectors.stop_is_asked(run_id=run.pk)

    @pytest.mark.parametrize("state", [Run.State.FINISHED, Run.State.STOPPED, Run.State.FAILED])
    def test_does_nothing_to_a_run_that_ended(self, state: Run.State) -> None:
        """What ended stays as it ended."""
        run = request(claim_for="a")
        Run.objects.filter(pk=run.pk).update(state=state, slot=None)

        assert not services.run_stop_request(run_id=run.pk, now=NOW)
        assert again(run).stop_requested_at is None


class TestLease:
    """A supervisor that is not heard of loses its run."""

    def test_is_renewed_by_its_owner(self) -> None:
        """From now on, and longer if it says that it will be busy."""
        run = request(claim_for="a")

        assert services.lease_renew(run_id=run.pk, worker="a", now=LATER)
        assert services.lease_renew(
            run_id=run.pk, worker="a", now=LATER, busy_for=timedelta(hours=1)
        )
        assert again(run).lease_until == LATER + services.LEASE + timedelta(hours=1)

    def test_is_not_renewed_by_others(self) -> None:
        """Nor touched."""
        run = request(claim_for="a")

        assert not services.lease_renew(run_id=run.pk, worker="b", now=LATER)
        assert again(run).lease_until == NOW + services.LEASE

    def test_holds_until_its_last_moment(self) -> None:
        """Late is later than the lease."""
        run = request(claim_for="a")

        assert services.runs_end_lapsed(now=NOW + services.LEASE) == []
        assert again(run).is_active

    def test_that_lapsed_ends_the_run(self) -> None:
        """Failed, with a reason; the next run can start."""
        run = request(claim_for="a")

        assert services.runs_end_lapsed(now=LATER) == [run.pk]
        stored = again(run)
        assert (stored.state, stored.slot) == (Run.State.FAILED, None)
        assert "was lost" in stored.reason

    def test_that_a_waiting_run_does_not_have_cannot_lapse(self) -> None:
        """It waits for a worker, however long."""
        run = request()

        assert services.runs_end_lapsed(now=NOW + timedelta(days=1)) == []
        assert again(run).is_active

    @in_threads
    def test_lapses_once_when_many_see_it(self) -> None:
        """And its stock is removed once, without quarrel."""
        run = request(claim_for="a")
        services.rehearsal_create(run_id=run.pk, worker="a", now=NOW)

        found = at_once(lambda _: services.runs_end_lapsed(now=LATER))

        assert sorted(map(str, found)) == sorted([str([run.pk])] + ["[]"] * (THREADS - 1))
        assert not Vacancy.objects.exists()

    def test_that_lapsed_leaves_its_old_owner_nothing_to_write(self) -> None:
        """It slept, and somebody else ended its run: no move of it goes through."""
        run = request(claim_for="a")
        services.runs_end_lapsed(now=LATER)

        moves = [
            services.lease_renew(run_id=run.pk, worker="a", now=LATER),
            services.run_begin(run_id=run.pk, worker="a", at=LATER),
            services.run_stopping(run_id=run.pk, worker="a"),
            end(run, worker="a"),
        ]

        assert moves == [False] * 4
        assert again(run).state == Run.State.FAILED

    def test_that_lapsed_makes_no_stock_any_more(self) -> None:
        """Stock of a run that ended would belong to nobody."""
        run = request(claim_for="a")
        services.runs_end_lapsed(now=LATER)

        with pytest.raises(services.RunLost):
            services.rehearsal_create(run_id=run.pk, worker="a", now=LATER)

        assert not Vacancy.objects.exists()
        assert not ApiKey.objects.exists()


def end(run: Run, *, worker: str) -> bool:
    """End a run as finished."""
    return services.run_end(
        run_id=run.pk,
        worker=worker,
        state=Run.State.FINISHED,
        reason=None,
        summary=None,
        verdicts=None,
        now=NOW,
    )


class TestMoves:
    """Each move has states it may start from, and an owner."""

    def test_run_begins_once(self) -> None:
        """From starting only."""
        run = request(claim_for="a")

        assert services.run_begin(run_id=run.pk, worker="a", at=NOW)
        with pytest.raises(IllegalMove, match="possible from starting, and it is running"):
            services.run_begin(run_id=run.pk, worker="a", at=LATER)
        assert again(run).started_at == NOW

    def test_run_that_is_being_stopped_does_not_begin_again(self) -> None:
        """What comes too late changes nothing and names what was expected."""
        run = request(claim_for="a")
        services.run_stopping(run_id=run.pk, worker="a")

        with pytest.raises(IllegalMove, match="and it is stopping"):
            services.run_begin(run_id=run.pk, worker="a", at=NOW)
        assert again(run).state == Run.State.STOPPING

    @pytest.mark.parametrize("move", [services.run_stopping, services.lease_renew])
    def test_waiting_run_belongs_to_nobody(self, move: Callable[..., bool]) -> None:
        """Nobody moves what nobody claimed."""
        run = request()
        extra = {"now": NOW} if move is services.lease_renew else {}

        assert not move(run_id=run.pk, worker="a", **extra)

    def test_run_is_ended_by_its_owner_once(self) -> None:
        """And by nobody else."""
        run = request(claim_for="a")
        services.run_begin(run_id=run.pk, worker="a", at=NOW)

        ended = [end(run, worker=worker) for worker in ("b", "a", "a")]

        assert ended == [False, True, False]
        stored = again(run)
        assert (stored.state, stored.slot, stored.lease_until) == (Run.State.FINISHED, None, None)

    def test_long_reason_is_cut(self) -> None:
        """PostgreSQL would refuse it, and the run would not end."""
        run = request(claim_for="a")

        services.run_end(
            run_id=run.pk, worker="a", state=Run.State.FAILED, reason=Sentence("x" * 10_000),
            summary=None, verdicts=None, now=NOW,
        )  # fmt: skip

        assert len(again(run).reason) == 500


def second(seq: int, *outcomes: str) -> wire.Second:
    """A second with one request of each outcome."""
    histogram = percentiles.new_histogram()
    percentiles.record(histogram, 5.0)
    encoded = percentiles.encode(histogram)
    series = [wire.Series("POST /purchase", outcome, 1, 5.0, encoded) for outcome in outcomes]
    return wire.Second(seq, NOW.timestamp(), seq + 1.0, 10, 0, 5.0, 0.1, 0, series)


class TestSecondRecord:
    """What was measured is stored whole, and once."""

    def test_stores_the_second_and_its_samples(self) -> None:
        """One row for the second, one for each series."""
        run = request(claim_for="a")

        assert services.second_record(
            run_id=run.pk, second=second(0, "bought", "sold_out"), ended_at=NOW
        )
        assert RunSecond.objects.get().request_count == 2
        assert Sample.objects.count() == 2

    def test_stores_a_repeat_once(self) -> None:
        """Even one that says something else."""
        run = request(claim_for="a")
        services.second_record(run_id=run.pk, second=second(0, "bought"), ended_at=NOW)

        assert not services.second_record(run_id=run.pk, second=second(0, "sold_out"), ended_at=NOW)
        assert Sample.objects.get().outcome == "bought"

    def test_stores_an_empty_second_without_latency(self) -> None:
        """Nothing asked is not 0 ms."""
        run = request(claim_for="a")

        services.second_record(run_id=run.pk, second=second(0), ended_at=NOW)

        stored = RunSecond.objects.get()
        assert (stored.request_count, stored.p95_ms) == (0, None)

    def test_stores_nothing_when_one_sample_is_wrong(self) -> None:
        """A second without its samples would look idle."""
        run = request(claim_for="a")

        with pytest.raises(IntegrityError):
            services.second_record(
                run_id=run.pk, second=second(0, "bought", "bought"), ended_at=NOW
            )

        assert not RunSecond.objects.exists()


@pytest.mark.django_db(transaction=True)  # what is sold is committed
class TestRehearsal:
    """Stock for one run, gone without a trace, beside real stock that nobody touches."""

    @pytest.fixture
    def real(self) -> Vacancy:
        """Real stock with a sale."""
        vacancy = make_vacancy(is_default=True)
        serve(Order(vacancy_id=vacancy.pk, qty=2, client=None), now=NOW)
        return vacancy

    @pytest.fixture
    def rehearsal(self, real: Vacancy) -> services.Rehearsal:
        """A run's stock, with a sale."""
        run = request(claim_for="a")
        made = services.rehearsal_create(run_id=run.pk, worker="a", now=NOW)
        client = sales_rows.client_for_key(secret=made.key, now=NOW)
        serve(Order(vacancy_id=None, qty=3, client=client), now=NOW)
        return made

    def test_is_bought_with_its_key_alone(self, rehearsal: services.Rehearsal) -> None:
        """Three places of twenty, and real stock as before."""
        found = selectors.rehearsal_sales(vacancy_id=rehearsal.vacancy_id)

        assert found is not None
        assert (found.available, found.sold, found.purchased_qty, found.ticket_count) == (
            17,
            3,
            3,
            3,
        )

    def test_key_outlives_the_run_and_no_more(self, rehearsal: services.Rehearsal) -> None:
        """Should nobody remove it, it is worth nothing an hour later."""
        assert sales_rows.client_for_key(secret=rehearsal.key, now=NOW + timedelta(minutes=1))
        assert not sales_rows.client_for_key(secret=rehearsal.key, now=NOW + timedelta(hours=1))

    def test_is_removed_with_everything_in_it(
        self, rehearsal: services.Rehearsal, real: Vacancy
    ) -> None:
        """Purchases, tickets and key go; the real sale stays."""
        run_id = Run.objects.get().pk

        services.rehearsal_remove(run_id=run_id)
        services.rehearsal_remove(run_id=run_id)

        assert list(Vacancy.objects.values_list("pk", "sold")) == [(real.pk, 2)]
        assert (Purchase.objects.count(), Ticket.objects.count()) == (1, 2)
        assert not ApiKey.objects.exists()

    def test_of_an_active_run_is_left_alone(self, rehearsal: services.Rehearsal) -> None:
        """Another worker that tidies up must not pull it away."""
        services.runs_end_lapsed(now=NOW)

        assert Vacancy.objects.filter(pk=rehearsal.vacancy_id).exists()

    def test_of_a_lost_run_is_removed(self, rehearsal: services.Rehearsal) -> None:
        """By whoever ends the run."""
        services.runs_end_lapsed(now=LATER)

        assert not Vacancy.objects.filter(pk=rehearsal.vacancy_id).exists()
        assert Run.objects.get().vacancy_id is None

    def test_never_takes_real_stock_with_it(self, real: Vacancy) -> None:
        """Even if a run's row names it."""
        run = request(claim_for="a")
        Run.objects.filter(pk=run.pk).update(vacancy_id=real.pk)

        services.rehearsal_remove(run_id=run.pk)

        assert Vacancy.objects.filter(pk=real.pk, sold=2).exists()
        assert Purchase.objects.exists()

    def test_that_cannot_go_stops_nobody(
        self, rehearsal: services.Rehearsal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Runs can still be requested; the next look removes it."""
        run = Run.objects.get()
        services.run_begin(run_id=run.pk, worker="a", at=NOW)
        end(run, worker="a")

        def refuse(**_: Any) -> None:
            raise IntegrityError("a purchase is being committed")

        with monkeypatch.context() as patch:
            patch.setattr(tickets, "rehearsal_delete", refuse)
            assert request().pk

        services.leftovers_remove()
        assert not Vacancy.objects.filter(pk=rehearsal.vacancy_id).exists()


@in_threads
def test_sales_are_read_as_of_one_moment() -> None:
    """Buyers whose generator was killed still buy: counters and rows must agree all the same."""
    vacancy = make_vacancy(capacity=1000)
    done = threading.Event()

    def buy_or_look(number: int) -> Any:
        if number:
            while not done.is_set():
                serve(Order(vacancy_id=vacancy.pk, qty=1, client=None), now=NOW)
            return None
        looks = [sales_rows.sales_of(vacancy_id=vacancy.pk) for _ in range(30)]
        done.set()
        return [(one.counters.sold, one.purchased_qty, one.ticket_count) for one in looks if one]

    looks = at_once(buy_or_look)[0]

    assert len(looks) == 30
    assert all(sold == qty == count for sold, qty, count in looks)


class TestWorkers:
    """Who is there to supervise."""

    def test_is_alive_for_ten_seconds(self) -> None:
        """And then it is not."""
        services.worker_seen(worker="host:1", now=NOW)

        assert selectors.worker_alive(host="host", now=NOW + timedelta(seconds=9))
        assert not selectors.worker_alive(host="host", now=NOW + timedelta(seconds=10))
        assert not selectors.worker_alive(host="ho", now=NOW)

    def test_says_good_bye(self) -> None:
        """A stopped worker is not missed for ten seconds."""
        services.worker_seen(worker="host:1", now=NOW)
        services.worker_gone(worker="host:1")

        assert selectors.workers_alive(now=NOW) == 0

    def test_is_forgotten_after_an_hour(self) -> None:
        """Those that were killed leave no rows for ever."""
        services.worker_seen(worker="host:1", now=NOW)
        services.worker_seen(worker="host:2", now=NOW + timedelta(minutes=61))

        assert [worker.name for worker in LabWorker.objects.all()] == ["host:2"]


class TestConstraints:
    """The database itself refuses a wrong state, whoever writes it."""

    @pytest.mark.parametrize(
        "wrong",
        [
            pytest.param({"state": "finished"}, id="ended but holds the slot"),
            pytest.param({"slot": None}, id="active without the slot"),
            pytest.param({"slot": 2}, id="another slot"),
            pytest.param({"state": "paused"}, id="unknown state"),
            pytest.param({"user_count": 0}, id="no users"),
            pytest.param({"duration_s": 0}, id="no time"),
            pytest.param({"capacity": 0}, id="no stock"),
            pytest.param({"think_time_s": -0.1}, id="thinks backwards"),
        ],
    )
    def test_run_with_a_wrong_row_is_refused(self, wrong: dict[str, Any]) -> None:
        """Slot and state go together; settings make sense."""
        run = request()

        with pytest.raises(IntegrityError), transaction.atomic():
            Run.objects.filter(pk=run.pk).update(**wrong)

    def test_second_active_run_is_refused(self) -> None:
        """Whatever the service believes."""
        row = {**Run.objects.filter(pk=request().pk).values().get(), "id": None}

        with pytest.raises(IntegrityError), transaction.atomic():
            Run.objects.create(**row)

    def test_second_is_stored_once(self) -> None:
        """One row for one second of one run."""
        run = request(claim_for="a")
        services.second_record(run_id=run.pk, second=second(0, "bought"), ended_at=NOW)
        row = {**RunSecond.objects.values().get(), "id": None}

        with pytest.raises(IntegrityError), transaction.atomic():
            RunSecond.objects.create(**row)

    @pytest.mark.parametrize("wrong", [{"p95_ms": None}, {"request_count": 0}], ids=str)
    def test_second_has_latency_exactly_with_requests(self, wrong: dict[str, Any]) -> None:
        """Neither one without the other."""
        run = request(claim_for="a")
        services.second_record(run_id=run.pk, second=second(0, "bought"), ended_at=NOW)

        with pytest.raises(IntegrityError), transaction.atomic():
            RunSecond.objects.update(**wrong)

    def test_servers_time_is_never_below_zero(self) -> None:
        """Absent, or what it took."""
        run = request(claim_for="a")
        services.second_record(
            run_id=run.pk, second=second(0, "bought"), ended_at=NOW, server_cpu_pct=0.0
        )

        with pytest.raises(IntegrityError), transaction.atomic():
            RunSecond.objects.update(server_cpu_pct=-0.1)

    @pytest.mark.parametrize(
        "wrong", [{"count": 0}, {"outcome": "success"}, {"outcome": ""}], ids=str
    )
    def test_wrong_sample_is_refused(self, wrong: dict[str, Any]) -> None:
        """Empty, or of an outcome that is not defined."""
        run = request(claim_for="a")
        services.second_record(run_id=run.pk, second=second(0, "bought"), ended_at=NOW)

        with pytest.raises(IntegrityError), transaction.atomic():
            Sample.objects.update(**wrong)

    def test_sample_is_stored_once(self) -> None:
        """For one second, name and outcome."""
        run = request(claim_for="a")
        services.second_record(run_id=run.pk, second=second(0, "bought"), ended_at=NOW)
        row = {**Sample.objects.values().get(), "id": None}

        with pytest.raises(IntegrityError), transaction.atomic():
            Sample.objects.create(**row)
