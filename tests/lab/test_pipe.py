"""The generator's pipe when nobody reads it: the load goes on, and what was lost is counted.

The pipe lives in Locust's process, patched by gevent, so each test starts one that is only that.
"""

import json
import os
import subprocess
import sys

import pytest

from loadlab import wire
from loadlab.generator import ROOT

SCRIPT = """
import json, os, sys, time
from gevent import monkey; monkey.patch_all()
import gevent
from loadlab import wire
from loadlab.locustfiles.pipe import Pipe
broken = []
pipe = Pipe(int(sys.argv[1]), on_broken=lambda: broken.append(1))
big = wire.Series("x" * 50_000, "read", 1, 1.0, "")
"""
FULL = """
longest_s = 0.0
for seq in range(400):
    begun = time.perf_counter()
    pipe.send(wire.Second(seq, 1.0, seq + 1.0, 1, 0, 0.0, 0.0, pipe.lost_count, [big]))
    gevent.sleep(0)
    longest_s = max(longest_s, time.perf_counter() - begun)
print(json.dumps([pipe.lost_count, longest_s]), flush=True)
sys.stdin.readline()  # somebody reads again
pipe.send(wire.Final(1.0, 0, 0, {}, 0, pipe.lost_count))
pipe.close()
"""
BROKEN = """
sys.stdin.readline()  # nobody will read from now on
for seq in range(3):
    pipe.send(wire.Second(seq, 1.0, seq + 1.0, 1, 0, 0.0, 0.0, 0, [big]))
    gevent.sleep(0.01)
print(json.dumps(len(broken)))
"""


@pytest.fixture
def process(request: pytest.FixtureRequest):
    """A process with the writing end of a pipe, and the reading end."""
    read_fd, write_fd = os.pipe()
    started = subprocess.Popen(
        [sys.executable, "-c", SCRIPT + request.param, str(write_fd)],
        env={"PYTHONPATH": str(ROOT)},
        pass_fds=(write_fd,),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    os.close(write_fd)
    reader = os.fdopen(read_fd, "rb")
    yield started, reader
    started.kill()
    started.communicate()
    if not reader.closed:
        reader.close()


@pytest.mark.parametrize("process", [FULL], indirect=True, ids=["full"])
def test_full_pipe_loses_whole_lines_and_counts_them(process) -> None:
    """400 lines of 50 kB; what is read afterwards is whole, in order, and has the last report."""
    started, reader = process
    lost_count, longest_s = json.loads(started.stdout.readline())
    started.stdin.write("\n")
    started.stdin.flush()

    lines = [wire.decode(raw) for raw in reader]

    seqs = [line.seq for line in lines if isinstance(line, wire.Second)]
    assert lost_count > 200
    assert len(seqs) + lost_count == 400
    assert seqs == sorted(seqs)
    final = lines[-1]
    assert isinstance(final, wire.Final)
    assert final.lost_count == lost_count
    assert longest_s < 5  # it did not wait for the reader, who was waiting for this very line


@pytest.mark.parametrize("process", [BROKEN], indirect=True, ids=["broken"])
def test_broken_pipe_is_told_once(process) -> None:
    """The supervisor is gone: the generator hears of it and can leave."""
    started, reader = process
    reader.close()
    started.stdin.write("\n")
    started.stdin.flush()

    assert json.loads(started.stdout.readline()) == 1
