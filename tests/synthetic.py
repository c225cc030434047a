"""A finished run with plausible seconds, made in the database: an hour of load in a second.

python manage.py shell -c "from tests.synthetic import store_run; print(store_run().pk)"
"""

from datetime import UTC, datetime, timedelta
from math import sin
from typing import Any

from loadlab.models import Run, RunSecond, Sample

BEGUN = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
RATE = 200
SPIKE_MS = 2345.0  # in one second alone: whoever averages loses it
SPIKE_AT, LOST_AT = 1234, 2000  # the lost second's report never came


def store_run(*, duration_s: int = 3600, begun: datetime = BEGUN, **fields: Any) -> Run:
    """Store a run that ramps up, sells out after a third, and has a short storm of faults.

    A site that runs forgets what ended long ago: there, let it have `begun` lately.
    """
    row: dict[str, Any] = {
        "scenario": "baseline",
        "state": Run.State.FINISHED,
        "slot": None,
        "user_count": 100,
        "think_time_s": 0.5,
        "duration_s": duration_s,
        "capacity": 1000,
        "target": "http://127.0.0.1:8001",
        "fingerprint": "synthetic",
        "environment": {"server": "granian", "shared_host": True},
        "started_at": begun,
        "ended_at": begun + timedelta(seconds=duration_s),
    }
    run = Run.objects.create(**row | fields)
    seqs = [seq for seq in range(duration_s) if seq != LOST_AT]
    RunSecond.objects.bulk_create([_second(run, seq) for seq in seqs], batch_size=500)
    samples = [one for seq in seqs for one in _samples(run, seq)]
    Sample.objects.bulk_create(samples, batch_size=500)
    return run


def _counts(run: Run, seq: int) -> dict[str, int]:
    share = min(1.0, (seq + 1) / (run.duration_s * 0.05))
    total = max(4, int(RATE * share + 6 * sin(seq / 3)))
    half = total // 2
    sold_out = seq > run.duration_s / 3
    storm = run.duration_s / 2 < seq < run.duration_s / 2 + 20
    return {
        "read": half,
        "bought": 0 if sold_out else half,
        "sold_out": half if sold_out else 0,
        "fault": 9 if storm else 0,
    }


def _times(seq: int, scale: float = 1.0) -> dict[str, float]:
    wave = 1 + 0.2 * sin(seq / 7)
    top = SPIKE_MS if seq == SPIKE_AT else 20 * wave * scale
    p95 = top * 0.9 if seq == SPIKE_AT else 9 * wave * scale
    return {"p50_ms": 3 * wave * scale, "p95_ms": p95, "p99_ms": top, "max_ms": top * 1.2}


def _second(run: Run, seq: int) -> RunSecond:
    return RunSecond(
        run=run,
        seq=seq,
        ended_at=BEGUN + timedelta(seconds=seq + 1),
        elapsed_s=seq + 1,
        user_count=min(100, round(100 * (seq + 1) / (run.duration_s * 0.05))),
        request_count=sum(_counts(run, seq).values()),
        in_flight=2,
        cpu_pct=25 + 5 * sin(seq / 11),
        server_cpu_pct=120 + 20 * sin(seq / 9) if run.environment["shared_host"] else None,
        lag_ms=0.4,
        **_times(seq),
    )


def _samples(run: Run, seq: int) -> list[Sample]:
    return [
        Sample(
            run=run,
            seq=seq,
            name="GET /available" if outcome == "read" else "POST /purchase",
            outcome=outcome,
            count=count,
            sum_ms=count * 4,
            histogram="",
            timed_count=count,
            timed_ms=count * 4.0,
            server_ms=count * 3.0,
            queue_ms=count * 0.5,
            db_ms=count * 1.5,
            **_times(seq, 1.2 if outcome == "bought" else 0.8),
        )
        for outcome, count in _counts(run, seq).items()
        if count
    ]
