"""Master and workers: several generator processes as one."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from loadlab.generator import ROOT, Generator
from tests.lab.generating import Heard, generate, load_of, stop_once
from tests.lab.stub import stub
from tests.site import alive, free_port


def workers_of(generator: Generator) -> list[psutil.Process]:
    """The processes that send."""
    found = []
    for process in psutil.Process().children(recursive=True):
        if process.is_running() and os.getpgid(process.pid) == generator.pid:
            found.append(process)
    return [process for process in found if "--worker" in process.cmdline()]


@pytest.mark.parametrize("worker_count", [2, 4])
def test_several_processes_count_as_one(tmp_path: Path, worker_count: int) -> None:
    """To the last request; each second has the reports of all."""
    load = {"user_count": 40, "duration_s": 3, "worker_count": worker_count}
    with stub(tmp_path, delay_s=0.01) as shop:
        heard = generate(load_of("baseline", shop.target, **load))

    last = heard.last
    assert heard.count() == last.started_count == last.ended_count == len(shop.served)
    assert [second.worker_count for second in heard.seconds[:3]] == [worker_count] * 3
    assert [second.seq for second in heard.seconds] == list(range(len(heard.seconds)))
    assert last.workers_lost == 0


def test_timetable_is_shared_and_not_repeated(tmp_path: Path) -> None:
    """Two processes bring the buyers that one would have brought."""
    load = {"target_rate_per_s": 40.0, "ramp_s": 1.0, "duration_s": 3}
    with stub(tmp_path) as shop:
        alone = generate(load_of("rush", shop.target, **load))
        shared = generate(load_of("rush", shop.target, worker_count=2, **load))

    assert shared.last.asked_count == alone.last.asked_count
    assert [one.asked_count for one in shared.seconds[:3]] == [
        one.asked_count for one in alone.seconds[:3]
    ]
    assert [event.kind for event in shared.events] == ["ramp_end"]


def test_killed_process_is_said_and_counted_and_the_run_goes_on(tmp_path: Path) -> None:
    """One of two dies after the second second."""
    killed: list[int] = []

    def kill_one(generator: Generator, heard: Heard) -> None:
        if len(heard.seconds) >= 2 and not killed:
            victim = workers_of(generator)[0]
            killed.append(victim.pid)
            victim.send_signal(signal.SIGKILL)

    load = {"user_count": 20, "duration_s": 9, "worker_count": 2}
    with stub(tmp_path, delay_s=0.01) as shop:
        heard = generate(load_of("baseline", shop.target, **load), each=kill_one)

    last = heard.last
    (event,) = heard.events
    assert (event.kind, event.params) == ("worker_lost", {"left": 1})
    assert last.workers_lost == 1
    assert last.elapsed_s >= 9
    assert [second.worker_count for second in heard.seconds][:2] == [2, 2]
    assert heard.seconds[-1].worker_count == 1
    # Of the dead one's last second nobody knows: the server may have served more, never less.
    assert heard.count() == last.ended_count <= len(shop.served)


def test_stop_reaches_every_process(tmp_path: Path) -> None:
    """The master is told and tells the others; all report before anybody leaves."""

    load = {"user_count": 20, "duration_s": 60, "worker_count": 2}
    with stub(tmp_path, delay_s=0.2) as shop:
        heard = generate(load_of("baseline", shop.target, **load), each=stop_once())

    assert heard.last.elapsed_s < 30
    assert heard.count() == heard.last.ended_count == len(shop.served)
    assert heard.last.workers_lost == 0


def test_master_is_bound_to_this_machine_alone(tmp_path: Path) -> None:
    """Locust's protocol knows no password."""
    bound: set[str] = set()
    look = _remember_listeners(bound)

    with stub(tmp_path) as shop:
        load = load_of("baseline", shop.target, user_count=4, duration_s=2, worker_count=2)
        generate(load, each=look)

    assert bound == {"127.0.0.1"}


def _remember_listeners(bound: set[str]) -> Callable[[Generator, Heard], None]:
    def look(generator: Generator, heard: Heard) -> None:
        if heard.seconds:
            master = psutil.Process(generator.pid)
            listening = [one for one in master.net_connections() if one.status == "LISTEN"]
            bound.update(one.laddr.ip for one in listening)

    return look


def test_nothing_is_left_of_any_process(tmp_path: Path) -> None:
    """Not even when the first one is killed and cannot tell the others."""
    seen: list[psutil.Process] = []

    def kill_master(generator: Generator, heard: Heard) -> None:
        if heard.seconds and not seen:
            seen.extend(workers_of(generator))
            os.kill(generator.pid, signal.SIGKILL)

    load = {"user_count": 4, "duration_s": 60, "worker_count": 2}
    with stub(tmp_path) as shop:
        heard = generate(load_of("baseline", shop.target, **load), each=kill_master)

    assert len(seen) == 2
    assert alive(seen) == []
    assert "killed by signal 9" in heard.ended


def test_processes_of_other_machines_come_to_the_master(tmp_path: Path) -> None:
    """They bring nothing but the code: file, target, settings and key come from the master."""
    address = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "locust", "-f", "-", "--worker", "--master-host", "127.0.0.1",
               "--master-port", address.split(":")[1]]  # fmt: skip
    load = {"user_count": 10, "duration_s": 2, "worker_count": 2}
    with stub(tmp_path) as shop:
        far = [subprocess.Popen(command, cwd=ROOT, env={}) for _ in range(2)]
        try:
            told = replace(load_of("baseline", shop.target, **load), master_bind=address)
            heard = generate(told)
            left = [process.wait(timeout=60) for process in far]
        finally:
            for process in far:
                process.kill()
                process.wait()

    assert heard.count() == heard.last.ended_count == len(shop.served) > 0
    assert heard.seconds[0].worker_count == 2
    assert left == [0, 0]
