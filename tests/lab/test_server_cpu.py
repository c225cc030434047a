"""What the server takes, measured on real processes that listen and burn."""

import socket
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from loadlab.processes import is_here
from loadlab.server_cpu import SHORTEST_SPAN_S, ServerCpu
from tests.lab.listening import ROOT, Listening, listening
from tests.site import free_port, wait_for

HOME = ("127.0.0.1",)
PATIENCE_S = 30.0
ELSEWHERE = ("192.0.2.1",)  # from the addresses that are for documents
PEEK = """
import os, sys
from loadlab.server_cpu import ServerCpu
if os.geteuid() == 0:
    os.setuid(65534)  # root may look at everything: be nobody
meter = ServerCpu(addresses=["127.0.0.1"], port=int(sys.argv[1]), now_s=0.0)
print(meter.pct(now_s=1.0))
"""


@pytest.fixture
def port() -> int:
    """A port that is free at first."""
    return free_port()


@pytest.fixture
def server(port: int) -> Iterator[Listening]:
    """Somebody who listens there and rests."""
    with listening(port) as running:
        yield running


def watch(port: int, *, addresses: tuple[str, ...] = HOME) -> ServerCpu:
    """Begin to watch at second 0."""
    return ServerCpu(addresses=addresses, port=port, now_s=0.0)


def spent_s(*pids: int) -> float:
    """Return the processor seconds that these processes have used."""
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return float(sum(one.user + one.system for one in times))


def let_work(*pids: int, spend_s: float = 0.1) -> None:
    """Wait until each of them has used so many more seconds of a processor."""
    enough = {pid: spent_s(pid) + spend_s for pid in pids}
    wait_for(
        lambda: all(spent_s(pid) >= least for pid, least in enough.items()),
        timeout_s=PATIENCE_S,
        what="processor time",
    )


class Bounds:
    """What some processes spend from about now on: neither less than `least_s` nor more."""

    def __init__(self, *pids: int) -> None:
        """Note what they have spent so far."""
        self._pids = pids
        self._before_s = self._begun_s = spent_s(*pids)

    def begin(self) -> None:
        """The measuring has begun: whatever they spend now must be in it."""
        self._begun_s = spent_s(*self._pids)

    @property
    def least_s(self) -> float:
        """What they have spent since, by now."""
        return spent_s(*self._pids) - self._begun_s

    @property
    def most_s(self) -> float:
        """What they have spent by now since shortly before."""
        return spent_s(*self._pids) - self._before_s


class TestFigure:
    """How much it is."""

    def test_is_the_processor_time_of_who_listens(self, port: int, server: Listening) -> None:
        """Neither less nor more than the system says before and after."""
        server.do("burn")
        bounds = Bounds(server.pid)
        meter = watch(port)
        bounds.begin()
        let_work(server.pid)

        least_s, pct = bounds.least_s, meter.pct(now_s=2.0)

        assert pct is not None
        assert least_s <= pct / 100 * 2.0 + 1e-6
        assert pct / 100 * 2.0 <= bounds.most_s + 1e-6

    def test_of_a_server_that_rests_is_below_a_busy_ones(
        self, port: int, server: Listening
    ) -> None:
        """And it is a figure, not a gap."""
        with listening(busy_port := free_port()) as busy:
            busy.do("burn")
            meters = watch(port), watch(busy_port)
            let_work(busy.pid)

            resting, working = (meter.pct(now_s=1.0) for meter in meters)

        assert resting is not None
        assert working is not None
        assert resting < working

    @pytest.mark.parametrize("order", ["worker", "bare worker"])
    def test_has_all_workers_in_it(self, port: int, server: Listening, order: str) -> None:
        """Whether they were given the socket or not; who listens does nothing itself."""
        workers = [server.do(order) for _ in range(2)]
        bounds = Bounds(server.pid, *workers)
        meter = watch(port)
        bounds.begin()
        let_work(*workers)

        least_s, pct = bounds.least_s, meter.pct(now_s=1.0)

        assert pct is not None
        assert least_s <= pct / 100 + 1e-6
        assert pct / 100 <= bounds.most_s + 1e-6

    def test_has_workers_in_it_that_come_later(self, port: int, server: Listening) -> None:
        """From the first look at them on: what a start took is no load."""
        meter = watch(port)
        worker = server.do("worker")
        let_work(worker)
        meter.pct(now_s=1.0)
        bounds = Bounds(worker)
        let_work(worker)
        least_s = bounds.least_s

        pct = meter.pct(now_s=2.0)

        assert pct is not None
        assert pct / 100 >= least_s - 1e-6

    def test_has_those_in_it_that_join_on_the_same_port(self, port: int, server: Listening) -> None:
        """As granian's processes do, each with a socket of its own."""
        meter = watch(port)
        with listening(port) as more:
            more.do("burn")
            meter.pct(now_s=1.0)
            bounds = Bounds(more.pid)
            let_work(more.pid)
            least_s = bounds.least_s

            pct = meter.pct(now_s=2.0)

        assert pct is not None
        assert pct / 100 >= least_s - 1e-6

    def test_begins_anew_when_told_to(self, port: int, server: Listening) -> None:
        """What was spent before the first buyer is no load."""
        server.do("burn")
        meter = watch(port)
        let_work(server.pid)
        bounds = Bounds(server.pid)
        meter.begin(now_s=1.0)
        let_work(server.pid, spend_s=0.01)

        pct = meter.pct(now_s=2.0)

        assert pct is not None
        assert pct / 100 <= bounds.most_s + 1e-6

    def test_of_too_short_a_time_is_left_to_the_next(self, port: int, server: Listening) -> None:
        """The system counts in ticks: one of them in a millisecond would be 1,000 %."""
        server.do("burn")
        meter = watch(port)
        bounds = Bounds(server.pid)
        let_work(server.pid)
        least_s = bounds.least_s

        short = meter.pct(now_s=SHORTEST_SPAN_S / 2)
        pct = meter.pct(now_s=1.0)

        assert short is None
        assert pct is not None
        assert pct / 100 >= least_s - 1e-6


class TestRestart:
    """A server that goes during a run, and comes back."""

    def test_is_survived(self, port: int, server: Listening) -> None:
        """Found again, with a gap in between and nothing below zero."""
        server.do("burn")
        meter = watch(port)
        let_work(server.pid)
        server.kill()  # and not waited for: what is left of it still has a number
        gone = meter.pct(now_s=1.0)
        with listening(port) as again:
            again.do("burn")

            found = meter.pct(now_s=2.0)
            let_work(again.pid)
            pct = meter.pct(now_s=3.0)

        assert (gone, found) == (None, None)
        assert pct is not None
        assert pct > 0

    def test_that_is_through_within_the_second_leaves_one_gap(
        self, port: int, server: Listening
    ) -> None:
        """Who comes is looked for at once."""
        meter = watch(port)
        server.kill()
        with listening(port):
            gap, pct = meter.pct(now_s=1.0), meter.pct(now_s=2.0)

        assert gap is None
        assert pct is not None

    def test_that_leaves_a_worker_with_the_socket_finds_it(
        self, port: int, server: Listening
    ) -> None:
        """The socket is the same one; who held it first is gone."""
        heir = psutil.Process(server.do("heir"))
        try:
            meter = watch(port)
            server.kill()
            meter.pct(now_s=1.0)
            let_work(heir.pid)

            pct = meter.pct(now_s=2.0)
        finally:
            heir.kill()

        assert pct is not None
        assert pct > 0

    def test_of_one_worker_leaves_no_gap(self, port: int, server: Listening) -> None:
        """The others are still measured."""
        worker = psutil.Process(server.do("bare worker"))
        meter = watch(port)
        worker.kill()

        pct = meter.pct(now_s=1.0)

        assert pct is not None
        assert pct >= 0


class TestNotMeasured:
    """Absent, never zero."""

    def test_where_nobody_listens(self, port: int) -> None:
        """A port of this machine."""
        assert watch(port).pct(now_s=1.0) is None

    def test_where_the_target_is_elsewhere(self, port: int, server: Listening) -> None:
        """Even if somebody here listens on a port of that number."""
        assert watch(port, addresses=ELSEWHERE).pct(now_s=1.0) is None

    def test_of_a_process_of_somebody_else(self, port: int, server: Listening) -> None:
        """Whose sockets may not be looked at."""
        server.do("hide")
        command = [sys.executable, "-c", PEEK, str(port)]

        peeked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

        assert (peeked.stdout, peeked.stderr) == ("None\n", "")

    def test_of_the_process_that_measures(self) -> None:
        """The load generator is below it."""
        with socket.create_server(("127.0.0.1", 0)) as own:
            assert watch(own.getsockname()[1]).pct(now_s=1.0) is None


class TestCost:
    """The whole machine is looked at now and then, never every second."""

    @pytest.fixture
    def walks(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Note each walk through all processes."""
        found: list[str] = []
        walk = psutil.net_connections

        def noted(kind: str) -> object:
            found.append(kind)
            return walk(kind)

        monkeypatch.setattr(psutil, "net_connections", noted)
        return found

    def test_who_was_found_is_not_looked_for_again(
        self, port: int, server: Listening, walks: list[str]
    ) -> None:
        """Ten seconds, one walk."""
        meter = watch(port)

        figures = [meter.pct(now_s=float(second)) for second in range(1, 11)]

        assert None not in figures
        assert len(walks) == 1

    def test_who_is_not_there_is_not_looked_for(self, port: int, walks: list[str]) -> None:
        """The kernel says in a line that nobody listens."""
        meter = watch(port)

        for second in range(1, 11):
            meter.pct(now_s=float(second))

        assert walks == []

    def test_another_machine_is_not_looked_for(
        self, port: int, server: Listening, walks: list[str]
    ) -> None:
        """Even if somebody here listens on a port of that number."""
        watch(port, addresses=ELSEWHERE).pct(now_s=10.0)

        assert walks == []


class TestHere:
    """Which addresses are this machine's."""

    @pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1"])
    def test_loopback_is(self, address: str) -> None:
        """Each of them."""
        assert is_here([address])

    def test_those_of_its_network_cards_are(self) -> None:
        """By whatever name the target is called."""
        cards = psutil.net_if_addrs().values()
        own = [one.address for card in cards for one in card if one.family == socket.AF_INET]

        assert all(is_here([address, *ELSEWHERE]) for address in own)

    def test_others_are_not(self) -> None:
        """Nor is a target that leads nowhere."""
        assert not is_here(ELSEWHERE)
        assert not is_here([])
