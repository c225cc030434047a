"""A lane: one thread, one connection, one bounded queue."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.backends import BACKEND
from vacancy import timing
from vacancy.lanes import Lane, LaneFull, close_if_dead

WAIT_S = 60.0


class Door:
    """A job that holds the lane until the test opens it."""

    def __init__(self) -> None:
        """Closed."""
        self.entered = threading.Event()
        self._open = threading.Event()

    def __call__(self) -> None:
        """Stand in the lane."""
        self.entered.set()
        assert self._open.wait(WAIT_S)

    def open(self) -> None:
        """Let it go."""
        self._open.set()

    async def is_in(self) -> None:
        """Return once the job stands in the lane."""
        assert await asyncio.to_thread(self.entered.wait, WAIT_S)


@pytest.fixture
def lane() -> Iterator[Lane]:
    """A lane of three."""
    lane = Lane("test", limit=3)
    yield lane
    lane.close_connection()
    lane._executor.shutdown()


@pytest.fixture
def door() -> Iterator[Door]:
    """A job under the test's control, opened at the end in any case."""
    door = Door()
    yield door
    door.open()


async def start(lane: Lane, job: Any, *args: Any) -> "asyncio.Task[Any]":
    """Put a job into the queue and return once it is there."""
    task = asyncio.create_task(lane.run(job, *args))
    await asyncio.sleep(0)
    return task


def fail(error: Exception) -> None:
    """Raise it."""
    raise error


class TestOrder:
    """Jobs run one after another."""

    async def test_jobs_run_in_order_of_arrival(self, lane: Lane, door: Door) -> None:
        """Whoever waits first is served first, in one thread."""
        done: list[tuple[int, int]] = []

        def note(number: int) -> None:
            done.append((number, threading.get_ident()))

        tasks = [await start(lane, door)]
        tasks += [await start(lane, note, number) for number in (1, 2)]
        door.open()
        await asyncio.gather(*tasks)

        assert [number for number, _ in done] == [1, 2]
        assert len({thread for _, thread in done}) == 1
        assert threading.get_ident() not in {thread for _, thread in done}

    async def test_result_and_arguments_are_passed_on(self, lane: Lane) -> None:
        """As if it were called here."""
        assert await lane.run(divmod, 17, 5) == (3, 2)
        assert await lane.run(int, "ff", base=16) == 255


class TestLimit:
    """A flood is refused at the door."""

    async def test_job_beyond_the_limit_is_refused_and_never_run(
        self, lane: Lane, door: Door
    ) -> None:
        """The running one counts; the queue holds three, the fourth goes."""
        ran: list[int] = []
        tasks = [await start(lane, door)]
        tasks += [await start(lane, ran.append, number) for number in (1, 2)]

        with pytest.raises(LaneFull, match="test"):
            await lane.run(ran.append, 3)
        door.open()
        await asyncio.gather(*tasks)

        assert ran == [1, 2]

    async def test_lane_takes_jobs_again_when_it_has_room(self, lane: Lane, door: Door) -> None:
        """However often it was full, and however its jobs ended."""
        for _ in range(4):
            jobs = [lane.run(fail, ValueError("no")) for _ in range(3)]
            await asyncio.gather(*jobs, return_exceptions=True)

        assert await lane.run(int, "7") == 7

    async def test_cancelled_waiters_give_their_place_in_the_queue_back(
        self, lane: Lane, door: Door
    ) -> None:
        """Or clients that hang up would close the lane for good, one after another."""
        first = await start(lane, door)
        await door.is_in()
        for _ in range(10):
            gone = await start(lane, int)
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)

        last = await start(lane, int, "7")
        door.open()
        await first

        assert await last == 7

    async def test_running_job_is_finished_though_its_caller_left(
        self, lane: Lane, door: Door
    ) -> None:
        """A client that hangs up cannot cut a transaction in half."""
        finished: list[bool] = []

        def job() -> None:
            door()
            finished.append(True)

        task = await start(lane, job)
        await door.is_in()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        door.open()
        await lane.run(int)

        assert finished == [True]


class TestErrors:
    """What goes wrong in one job stays there."""

    async def test_error_of_one_job_harms_no_other(self, lane: Lane, door: Door) -> None:
        """Its neighbors in the queue get their answers."""
        before, broken, after = [
            await start(lane, job, *args)
            for job, args in ((int, ("1",)), (fail, (KeyError("x"),)), (int, ("2",)))
        ]

        outcomes = await asyncio.gather(before, broken, after, return_exceptions=True)

        assert [outcomes[0], outcomes[2]] == [1, 2]
        assert isinstance(outcomes[1], KeyError)

    @pytest.mark.django_db(transaction=True)
    async def test_connection_that_broke_is_replaced(self, lane: Lane, backend: str) -> None:
        """One job pays for it; on PostgreSQL the server really ends the connection."""
        before = await lane.run(_connection)

        with pytest.raises(OperationalError):
            await lane.run(_lose_connection, backend)

        assert await lane.run(_connection) is not before
        assert await lane.run(_one) == 1

    @pytest.mark.django_db(transaction=True)
    async def test_connection_is_kept_from_job_to_job(self, lane: Lane) -> None:
        """Also after an error that is not the connection's."""
        before = await lane.run(_connection)
        with pytest.raises(KeyError):
            await lane.run(fail, KeyError("x"))

        assert await lane.run(_connection) is before


@pytest.fixture
def reader() -> Iterator[Lane]:
    """A lane whose jobs only read."""
    lane = Lane("reader", limit=3, only_reads=True)
    yield lane
    lane.close_connection()
    lane._executor.shutdown()


@pytest.mark.django_db(transaction=True)
class TestConnectionThatDiedIdle:
    """Somebody else ended it at the server while no job used it."""

    __test__ = BACKEND == "postgres"  # SQLite has no server that could end one

    async def test_is_not_noticed_by_who_only_reads(self, reader: Lane) -> None:
        """The database is well, so there is nothing to tell them."""
        killed = await reader.run(_backend_pid)
        await asyncio.to_thread(_kill, killed)

        assert await reader.run(_backend_pid) != killed

    async def test_is_not_noticed_inside_a_transaction_either(self, reader: Lane) -> None:
        """Django replaces it at the end of the block, and raises all the same."""
        await asyncio.to_thread(_kill, await reader.run(_backend_pid))

        assert await reader.run(transaction.atomic(_one)) == 1

    async def test_is_told_to_whoever_may_write(self, lane: Lane) -> None:
        """What was sent before it was noticed may have happened: it is not sent again here."""
        await asyncio.to_thread(_kill, await lane.run(_backend_pid))

        with pytest.raises(OperationalError):
            await lane.run(_backend_pid)

    async def test_is_replaced_once_and_no_more(self, reader: Lane) -> None:
        """Who loses the fresh one too is told; the job ran twice and not for ever."""
        await asyncio.to_thread(_kill, await reader.run(_backend_pid))
        runs: list[int] = []

        def unlucky() -> int:
            runs.append(1)
            _lose_connection("postgres")
            return _one()

        with pytest.raises(OperationalError):
            await reader.run(unlucky)

        assert len(runs) == 2
        assert await reader.run(_one) == 1

    async def test_can_be_closed_before_it_is_used(self, lane: Lane) -> None:
        """For a check of readiness: what it reports must be the database, not the past."""
        killed = await lane.run(_backend_pid)
        await asyncio.to_thread(_kill, killed)
        await lane.run(close_if_dead)

        assert await lane.run(_backend_pid) != killed


class TestAway:
    """No connection is to be had: somebody waited for one, and the others need not."""

    @pytest.fixture
    def tries(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Who tried to open a connection; none does."""
        made: list[str] = []

        def away(_: BaseDatabaseWrapper) -> None:
            made.append(threading.current_thread().name)
            raise OperationalError("could not connect")

        monkeypatch.setattr(BaseDatabaseWrapper, "ensure_connection", away)
        return made

    async def test_is_told_at_once_to_all_who_stood_behind(
        self, lane: Lane, door: Door, tries: list[str]
    ) -> None:
        """One wait for a connection, however many wait."""

        def wait_in_vain() -> None:
            door()
            _one()

        waiting = [await start(lane, job) for job in (wait_in_vain, _one, _one)]
        door.open()
        told = await asyncio.gather(*waiting, return_exceptions=True)

        assert [isinstance(error, OperationalError) for error in told] == [True] * 3
        assert len(tries) == 1

    async def test_is_no_news_to_who_comes_later(self, lane: Lane, tries: list[str]) -> None:
        """The database may be back."""
        with pytest.raises(OperationalError):
            await lane.run(_one)

        assert await lane.run(int, "7") == 7


@pytest.mark.django_db(transaction=True)
class TestStatementThatFailed:
    """The connection is well, so a second run would only fail again."""

    async def test_is_run_once(self, reader: Lane) -> None:
        """Though the lane only reads."""
        runs: list[int] = []

        def wrong() -> None:
            runs.append(_one())
            raise OperationalError("canceling statement due to statement timeout")

        await reader.run(_one)
        with pytest.raises(OperationalError):
            await reader.run(wrong)

        assert runs == [1]


class TestTiming:
    """A request is told where its time went."""

    @pytest.fixture
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """Seconds under the test's control."""
        now = [100.0]
        monkeypatch.setattr("vacancy.lanes.time.perf_counter", lambda: now[0])
        return now

    async def test_waiting_in_line_and_working_are_told_apart(
        self, lane: Lane, door: Door, clock: list[float]
    ) -> None:
        """The time behind another's job is `queue`, the own job is `db`."""
        first = await start(lane, door)
        await door.is_in()

        def work() -> None:
            clock[0] += 0.25

        record = timing.begin()
        second = await start(lane, work)
        clock[0] += 2.0
        door.open()
        await asyncio.gather(first, second)

        assert record == {"queue": 2.0, "db": 0.25}

    async def test_job_that_fails_has_taken_its_time_too(
        self, lane: Lane, clock: list[float]
    ) -> None:
        """An error is no reason to hide where the time went."""

        def work() -> None:
            clock[0] += 0.25
            raise KeyError("x")

        record = timing.begin()
        with pytest.raises(KeyError):
            await lane.run(work)

        assert record == {"queue": 0.0, "db": 0.25}

    async def test_caller_who_left_spends_nothing(self, lane: Lane, door: Door) -> None:
        """The job never ran for it."""
        first = await start(lane, door)
        await door.is_in()
        record = timing.begin()
        gone = await start(lane, int)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        door.open()
        await first

        assert record == {}


def _connection() -> Any:
    connection.ensure_connection()
    return connection.connection


def _one() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return int(cursor.fetchone()[0])


def _backend_pid() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def _kill(pid: int) -> None:
    """End a connection from another one, and wait until the server has forgotten it."""
    parameters = {
        name: value
        for name, value in connection.get_connection_params().items()
        if name in {"dbname", "host", "port", "user", "password"}
    }
    with psycopg.connect(**parameters, autocommit=True) as server:
        server.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])


def _lose_connection(backend: str) -> None:
    if backend == "sqlite":  # has no server that could go away
        raise OperationalError("disk I/O error")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
