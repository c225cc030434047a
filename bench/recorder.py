"""What the load generator itself costs, and how many arrivals a second it holds.

    make bench-recorder

Plain Locust (FastHttpUser, no judging, no histograms) and ours send the same look to the same stub,
in turns, as fast as they can: the ratio of their rates is the price of our recording. Then an open
loop climbs until one in a hundred arrivals begins more than 5 ms after its plan.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median

from loadlab import percentiles
from loadlab.generator import ROOT
from tests.lab.generating import Heard, generate, load_of
from tests.lab.stub import stub

USERS = 10
SECONDS = 6
ROUNDS = 7  # of a pair each, for a machine that others use too: what counts is the median
RATES_PER_S = (500, 1000, 2000, 3000, 4000)
LATE_LIMIT_MS = 5.0

PLAIN = """
from locust import FastHttpUser, constant, task


class Plain(FastHttpUser):
    wait_time = constant(0)

    @task
    def look(self):
        self.client.get("/api/v1/available")
"""
OURS = """
from locust import task

from loadlab.locustfiles import journeys
from loadlab.locustfiles.buyers import Buyer


class Looking(Buyer):
    @task
    def look(self):
        journeys.browse(self)
"""
OPEN = """
from loadlab import timetable
from loadlab.locustfiles import journeys
from loadlab.locustfiles.crowd import Crowd


class Arriving(Crowd):
    mix = ((journeys.browse, 1),)

    def legs(self, chosen):
        rate_per_s, duration_s = map(chosen.number, ("target_rate_per_s", "duration_s"))
        return timetable.ramp(rate_per_s=rate_per_s, ramp_s=0, duration_s=duration_s)
"""


def main() -> None:
    """Measure, print, and write JSON beside it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = {**overhead(folder), **highest_rate(folder)}
    print(json.dumps(found, indent=2))


def overhead(folder: Path) -> dict[str, object]:
    """Compare the rates of plain Locust and ours, in turns; whoever was second is first next."""
    pairs = []
    for at in range(ROUNDS):
        turns = (plain_per_s, ours_per_s) if at % 2 == 0 else (ours_per_s, plain_per_s)
        rates = {turn: turn(folder) for turn in turns}
        pairs.append((rates[plain_per_s], rates[ours_per_s]))
    ratios = [ours / plain for plain, ours in pairs]
    return {
        "plain_per_s": [round(plain) for plain, _ in pairs],
        "ours_per_s": [round(ours) for _, ours in pairs],
        "ratios": [round(ratio, 3) for ratio in ratios],
        "median_ratio": round(median(ratios), 3),
    }


def plain_per_s(folder: Path) -> float:
    """Return the rate of a plain FastHttpUser, counted by the stub."""
    file = _written(folder, "plain.py", PLAIN)
    with stub(folder) as shop:
        # fmt: off
        command = [
            sys.executable, "-m", "locust", "-f", str(file), "--host", shop.target,
            "--headless", "--only-summary",
            "-u", str(USERS), "-r", str(USERS), "-t", f"{SECONDS}s",
        ]
        # fmt: on
        subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, check=True)
    return _steady_per_s([one.read_at for one in shop.served])


def ours_per_s(folder: Path) -> float:
    """Return the rate of our buyers with the same look and no think time."""
    file = str(_written(folder, "ours.py", OURS))
    with stub(folder) as shop:
        load = load_of(
            "baseline", shop.target, user_count=USERS, think_time_s=0, duration_s=SECONDS
        )
        generate(replace(load, locustfile=file))
    return _steady_per_s([one.read_at for one in shop.served])


def _steady_per_s(moments: list[float]) -> float:
    """Count the middle: neither the start nor the end of a process is load."""
    begin, end = min(moments) + 1, max(moments) - 1
    return sum(begin <= moment < end for moment in moments) / (end - begin)


def highest_rate(folder: Path) -> dict[str, object]:
    """Climb until arrivals are late."""
    file = str(_written(folder, "open.py", OPEN))
    held, steps = 0, []
    for rate in RATES_PER_S:
        with stub(folder) as shop:
            load = load_of("rush", shop.target, target_rate_per_s=rate, duration_s=SECONDS)
            heard = generate(replace(load, locustfile=file))
        late_ms, achieved = _lateness_ms(heard), heard.last.begun_count / SECONDS
        steps.append({"asked": rate, "achieved": round(achieved), "late_p99_ms": round(late_ms, 2)})
        if late_ms >= LATE_LIMIT_MS or heard.last.dropped_count:
            break
        held = rate
    return {"open_loop": steps, "held_per_s": held}


def _lateness_ms(heard: Heard) -> float:
    found = percentiles.read(percentiles.merge(one.late for one in heard.seconds if one.late))
    return found.p99_ms if found else 0.0


def _written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


if __name__ == "__main__":
    main()
