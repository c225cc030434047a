"""The workloads that can be run. Adding one is one locustfile and one line here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """Limits that a run must keep."""

    p95_ms: float
    fault_pct: float
    p99_ms: float | None = None
    min_rate_per_s: float | None = None


@dataclass(frozen=True)
class Scenario:
    """A named workload with its defaults."""

    name: str
    title: str
    purpose: str  # one line, for the start page
    locustfile: str  # inside loadlab/locustfiles
    user_count: int
    think_time_s: float
    duration_s: int
    capacity: int
    budget: Budget


SCENARIOS = {
    "baseline": Scenario(
        name="baseline",
        title="Baseline",
        purpose="Half the users look, half buy, until 1,000 places are gone and after.",
        locustfile="baseline.py",
        user_count=100,
        think_time_s=0.5,
        duration_s=60,
        capacity=1000,
        # The published reference run keeps p95 under 500 ms with no HTTP failures.
        budget=Budget(p95_ms=500, fault_pct=1),
    )
}


def ceiling_per_s(*, user_count: int, think_time_s: float) -> float | None:
    """Return the requests per second that this load can never pass, whatever the server.

    A closed loop of N users who each pause Z seconds sends at most N / Z (Little's law with a
    latency of zero). None when there is no pause: then nothing but the server limits it.
    """
    return user_count / think_time_s if think_time_s > 0 else None
