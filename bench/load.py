"""Load from wrk: one request repeated over some connections for some seconds."""

import json
import os
import shutil
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

from bench import latencies

SCRIPT = Path(__file__).with_name("request.lua")
TIMEOUT_S = 30  # longer than any answer that is waited for here; a longer one is counted as lost
MARK = "\nresult "


class NoDriver(Exception):
    """wrk is not there and cannot be installed; the message says what to do."""


@dataclass(frozen=True)
class Request:
    """What every connection sends again and again; `keyed`: each with an idempotency key."""

    path: str
    method: str = "GET"
    body: str | None = None
    key: str | None = None
    keyed: bool = False

    def arguments(self) -> list[str]:
        """Spell it as request.lua reads it."""
        found = {"method": self.method}
        if self.body is not None:
            found |= {"body": self.body, "type": "application/json"}
        if self.key is not None:
            found["authorization"] = f"Bearer {self.key}"
        if self.keyed:
            found["run"] = uuid.uuid4().hex[:12]
        return [f"{name}={value}" for name, value in found.items()]


@dataclass(frozen=True)
class Answers:
    """What came back: `refused` had a status of 400 or above, `lost` no answer at all."""

    count: int
    refused: int
    lost: int
    duration_s: float
    latencies_us: latencies.Counts

    @property
    def per_s(self) -> float:
        """Answers per second."""
        return self.count / self.duration_s


def ensure_driver() -> str:
    """Return the path of wrk, installing Debian's package where that is possible.

    Raises:
        NoDriver: with what to type.
    """
    if (found := shutil.which("wrk")) is None:
        if shutil.which("apt-get") is None or os.geteuid() != 0:
            raise NoDriver(
                "The load comes from wrk, which is not on this machine: install it "
                "(Debian and Ubuntu: sudo apt-get install wrk; macOS: brew install wrk)."
            )
        for words in (["update", "-q"], ["install", "-y", "-q", "--no-install-recommends", "wrk"]):
            subprocess.run(["apt-get", *words], stdout=subprocess.DEVNULL)
        found = shutil.which("wrk")
    if found is None:
        raise NoDriver("wrk is not on this machine, and apt-get could not install it.")
    return found


def attack(base: str, request: Request, *, seconds: int, connection_count: int) -> Answers:
    """Send `request` as fast as the answers come, and return what came back."""
    words = [ensure_driver(), "-t", "1", "-c", str(connection_count), "-d", f"{seconds}s"]
    words += ["--timeout", f"{TIMEOUT_S}s", "-s", str(SCRIPT), base + request.path, "--"]
    done = subprocess.run([*words, *request.arguments()], capture_output=True, text=True)
    if MARK not in done.stdout:
        raise NoDriver(f"wrk gave no result: {done.stderr or done.stdout}")
    return read(done.stdout, connection_count=connection_count)


def read(output: str, *, connection_count: int) -> Answers:
    """Read what request.lua wrote at the end of wrk's output."""
    result = json.loads(output.partition(MARK)[2])
    count, late = result["requests"], result["timeouts"]
    cycle = latencies.cycle_us(
        duration_us=result["duration_us"], request_count=count, connection_count=connection_count
    )
    return Answers(
        count=count,
        refused=result["refused"],
        lost=result["broken"] + late,
        duration_s=result["duration_us"] / 1e6,
        latencies_us=latencies.measured(
            dict(result["latency"]), cycle=cycle, sample_count=count - late
        ),
    )
