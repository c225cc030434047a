"""Rehearsals and the real thing: what a run may take from it, and what it may never touch."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings

from loadlab import services
from loadlab.management.commands import loadworker
from loadlab.models import LabWorker, Run
from tests.conftest import make_vacancy
from tests.sales import serve
from tickets import selectors as sales_rows
from tickets.sabotage import WAYS, CannotBreak, rehearsal_sabotage
from tickets.wishes import Order
from vacancy import selectors as stock_rows
from vacancy.models import Vacancy

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _target(settings: LazySettings) -> None:
    settings.LOADLAB_TARGET = "http://127.0.0.1:8001"
    settings.LOADLAB_ALLOWED_TARGETS = [settings.LOADLAB_TARGET]


def requested(*, now: datetime = NOW, values: dict[str, float] | None = None, **extras: Any) -> Run:
    """Request a run of the baseline."""
    return services.run_request(
        scenario="baseline", values=values or {}, requested_by=None, now=now, **extras
    )


class TestShape:
    """A rehearsal of a real vacancy: as large, as dear, as limited."""

    @pytest.fixture
    def concert(self) -> Vacancy:
        """What is to be rehearsed."""
        return make_vacancy(capacity=321, price=9900, currency="BRL", max_per_purchase=4)

    def test_is_taken_from_a_real_vacancy(self, concert: Vacancy) -> None:
        """And from nothing else: the stock itself is new."""
        run = requested(shape_from=concert.pk, claim_for="me")

        made = services.rehearsal_create(run_id=run.pk, worker="me", now=NOW)

        rehearsal = Vacancy.objects.get(pk=made.vacancy_id)
        assert (rehearsal.capacity, rehearsal.price, rehearsal.currency) == (321, 9900, "BRL")
        assert (rehearsal.max_per_purchase, rehearsal.is_rehearsal) == (4, True)

    def test_capacity_that_was_chosen_goes_before(self, concert: Vacancy) -> None:
        """A tenth of the hall is still that hall's prices."""
        run = requested(shape_from=concert.pk, values={"capacity": 32})

        assert (run.capacity, run.price, run.shape_from) == (32, 9900, concert.pk)

    @pytest.mark.parametrize("kind", ["missing", "rehearsal"])
    def test_of_nothing_real_is_refused(self, kind: str) -> None:
        """A number that is none, or another run's stock."""
        other = make_vacancy(is_rehearsal=True)
        wanted = 4711 if kind == "missing" else other.pk

        with pytest.raises(services.NoSuchShape, match=f"no vacancy {wanted}"):
            requested(shape_from=wanted)

    def test_too_large_for_this_site_is_refused(self) -> None:
        """The scenario's bounds hold for shapes too."""
        stadium = make_vacancy(capacity=2_000_000)

        with pytest.raises(services.OutOfBounds, match="2e\\+06 is not between"):
            requested(shape_from=stadium.pk)


@pytest.mark.django_db(transaction=True)  # what is sold is committed
class TestSabotage:
    """It may break rehearsal stock, and that alone."""

    @pytest.mark.parametrize("how", sorted(WAYS))
    def test_never_touches_real_stock(self, how: str) -> None:
        """Not a counter, not a row."""
        vacancy = make_vacancy()
        serve(Order(vacancy_id=vacancy.pk, qty=2, client=None), now=NOW)
        before = sales_rows.sales_of(vacancy_id=vacancy.pk)

        with pytest.raises(CannotBreak, match="is not rehearsal stock"):
            rehearsal_sabotage(vacancy_id=vacancy.pk, how=how, now=NOW)

        assert sales_rows.sales_of(vacancy_id=vacancy.pk) == before

    def test_counter_of_real_stock_cannot_be_reached(self) -> None:
        """Not even past the check."""
        from vacancy import services as stock

        vacancy = make_vacancy()

        assert not stock.rehearsal_counter_break(vacancy_id=vacancy.pk)
        assert Vacancy.objects.get(pk=vacancy.pk).sold == 0

    def test_of_an_unknown_kind_is_refused(self) -> None:
        """Before there is a run."""
        with pytest.raises(services.OutOfBounds, match="no way 'fire'"):
            requested(sabotage="fire")

    def test_sabotaged_run_is_no_baseline(self) -> None:
        """Its integrity failed, as it had to."""
        run = requested(sabotage="sold_twice")
        Run.objects.filter(pk=run.pk).update(state="finished", slot=None, verdicts=[])

        with pytest.raises(services.NotABaseline):
            services.baseline_set(run_id=run.pk, actor=None, now=NOW)


class TestOrphans:
    """Rehearsal stock that nobody owns goes, whoever left it."""

    def test_stock_without_a_run_is_removed(self) -> None:
        """Its run's row is gone."""
        orphan = make_vacancy(is_rehearsal=True, created_at=NOW - timedelta(minutes=2))

        assert services.orphans_remove(now=NOW) == [orphan.pk]
        assert not Vacancy.objects.exists()

    def test_real_stock_and_fresh_rehearsals_are_left(self) -> None:
        """Somebody may be about to store who owns it."""
        real = make_vacancy(created_at=NOW - timedelta(days=9))
        fresh = make_vacancy(is_rehearsal=True, created_at=NOW)

        assert services.orphans_remove(now=NOW) == []
        assert set(Vacancy.objects.values_list("pk", flat=True)) == {real.pk, fresh.pk}

    def test_stock_of_an_active_run_is_left(self) -> None:
        """However old."""
        run = requested(claim_for="me")
        made = services.rehearsal_create(run_id=run.pk, worker="me", now=NOW)

        assert services.orphans_remove(now=NOW + timedelta(hours=1)) == []
        assert stock_rows.is_rehearsal(vacancy_id=made.vacancy_id)

    def test_worker_sweeps_without_being_asked(self) -> None:
        """Once in a while, not in every round."""
        make_vacancy(is_rehearsal=True, created_at=NOW - timedelta(minutes=2))
        broom = loadworker._Broom()

        broom.sweep(now=NOW, now_s=100.0)
        make_vacancy(is_rehearsal=True, created_at=NOW - timedelta(minutes=2))
        broom.sweep(now=NOW, now_s=100.0 + loadworker.SWEEP_EVERY_S - 0.1)
        left = Vacancy.objects.count()
        broom.sweep(now=NOW, now_s=100.0 + loadworker.SWEEP_EVERY_S)

        assert (left, Vacancy.objects.count()) == (1, 0)


class TestTurns:
    """Several workers share the runs."""

    @pytest.fixture(autouse=True)
    def _two_workers(self) -> None:
        for name in ("a", "b"):
            services.worker_seen(worker=name, now=NOW)

    def claim(self, worker: str, now: datetime = NOW) -> int | None:
        """Try to take the run that waits."""
        return services.run_claim(worker=worker, now=now)

    def end_of(self, run: Run) -> None:
        """Make room for the next one."""
        Run.objects.filter(pk=run.pk).update(state="finished", slot=None)

    def test_alternate_when_both_are_there(self) -> None:
        """Whoever had the last one waits for the other."""
        first = requested()
        assert self.claim("a") == first.pk
        self.end_of(first)
        second = requested()

        taken = [self.claim("a"), self.claim("b")]

        assert taken == [None, second.pk]

    def test_turn_passes_when_the_other_does_not_come(self) -> None:
        """Two seconds are enough of politeness."""
        first = requested()
        self.claim("a")
        self.end_of(first)
        second = requested()

        assert self.claim("a", NOW + timedelta(seconds=1.9)) is None
        assert self.claim("a", NOW + timedelta(seconds=2.1)) == second.pk

    def test_lone_worker_waits_for_nobody(self) -> None:
        """The other one is long gone."""
        LabWorker.objects.filter(name="b").update(seen_at=NOW - timedelta(minutes=1))
        first = requested()
        self.claim("a")
        self.end_of(first)
        second = requested()

        assert self.claim("a") == second.pk


class TestClock:
    """A clock that is set must neither kill a run nor keep a dead one."""

    def test_set_back_does_not_keep_a_dead_run_for_hours(self) -> None:
        """Its lease reaches an hour further than anybody could have written it."""
        run = requested(claim_for="dead")
        earlier = NOW - timedelta(hours=1)

        services.runs_end_lapsed(now=earlier)
        ended = services.runs_end_lapsed(now=earlier + services.LEASE + timedelta(seconds=1))

        assert ended == [run.pk]

    def test_set_back_leaves_a_run_to_its_living_supervisor(self) -> None:
        """Which renews the lease that was shortened."""
        run = requested(claim_for="alive")
        earlier = NOW - timedelta(hours=1)

        services.runs_end_lapsed(now=earlier)

        assert services.lease_renew(run_id=run.pk, worker="alive", now=earlier)

    def test_set_forward_does_not_kill_a_run_that_is_renewed(self) -> None:
        """All leases look lapsed for a second: a worker looks twice."""
        lapses = loadworker._Lapses()
        lease, renewed = NOW, NOW + timedelta(hours=1)

        assert lapses.dead({1: lease}, now_s=10.0) == {}
        assert lapses.dead({1: renewed}, now_s=12.5) == {}
        assert lapses.dead({1: renewed}, now_s=12.5 + loadworker.CONFIRM_S) == {1: renewed}

    def test_lease_that_moved_meanwhile_is_not_ended(self) -> None:
        """What was seen and what is there must be the same."""
        run = requested(claim_for="alive")
        later = NOW + timedelta(hours=1)

        assert services.runs_end_lapsed(now=later, leases={run.pk: NOW}) == []
        assert Run.objects.get(pk=run.pk).is_active

    def test_dead_worker_is_noticed_within_fifteen_seconds(self) -> None:
        """Lease, second look and pause together."""
        longest = services.LEASE.total_seconds() + loadworker.CONFIRM_S + 2 * loadworker.IDLE_S

        assert longest < 15


def test_worker_ends_a_lapsed_run_on_the_second_look(settings: LazySettings) -> None:
    """Through the worker's own round."""
    run = requested(claim_for="dead", now=NOW - timedelta(days=1))
    lapses, broom = loadworker._Lapses(), loadworker._Broom()

    loadworker._work_once("me", threading.Event(), lapses, broom)
    still = Run.objects.get(pk=run.pk).is_active
    lapses._since = dict.fromkeys(lapses._since, -1e9)
    loadworker._work_once("me", threading.Event(), lapses, broom)

    assert (still, Run.objects.get(pk=run.pk).state) == (True, "failed")
