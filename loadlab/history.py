"""Reads across runs: what a run is compared with, two runs side by side, and how runs developed."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, QuerySet

from loadlab import comparison as comparing
from loadlab import states
from loadlab.models import Baseline, Noise, Run, RunEvent, Sample
from loadlab.profiles import Buckets, Profile, buckets

SETTINGS = (
    "scenario",
    "user_count",
    "think_time_s",
    "duration_s",
    "capacity",
    "price",
    "max_per_purchase",
    "target",
)


def baseline_of(*, fingerprint: str) -> Baseline | None:
    """Return what runs of this fingerprint are compared with, if anything."""
    return Baseline.objects.select_related("run").filter(fingerprint=fingerprint).first()


def noise_of(*, fingerprint: str) -> comparing.Noise | None:
    """Return how much identical runs of this fingerprint differ, if it was measured."""
    stored = Noise.objects.filter(fingerprint=fingerprint).first()
    return comparing.Noise(stored.run_count, stored.spread) if stored else None


def profile_of(*, run_id: int, duration_s: int) -> Profile:
    """Return a run's latency histograms by second, without the tail after its planned end."""
    encoded: dict[int, list[str]] = defaultdict(list)
    rows = Sample.objects.filter(run=run_id, seq__lt=duration_s)
    for seq, histogram in rows.values_list("seq", "histogram"):
        encoded[seq].append(histogram)
    last = max(encoded, default=-1)
    empty: Buckets = {}
    return Profile.of(
        [buckets(encoded[seq]) if seq in encoded else empty for seq in range(last + 1)]
    )


def profiles_of(*, run_ids: Sequence[int]) -> list[Profile]:
    """Return the profiles of those of these runs that still exist."""
    runs = Run.objects.filter(pk__in=run_ids).order_by("pk").values_list("pk", "duration_s")
    return [profile_of(run_id=pk, duration_s=duration_s) for pk, duration_s in runs]


def compared_with(*, baseline: Baseline, run_ids: Sequence[int]) -> comparing.Comparison | None:
    """Compare runs with a baseline, and with the identical runs it was measured beside.

    None if one of them is too short.
    """
    stored = Noise.objects.filter(fingerprint=baseline.fingerprint).first()
    beside = stored.run_ids if stored and baseline.run_id in stored.run_ids else []
    references = [pk for pk in beside or [baseline.run_id] if pk not in run_ids]
    return comparing.compare(
        baseline=profiles_of(run_ids=references or [baseline.run_id]),
        these=profiles_of(run_ids=run_ids),
        noise=comparing.Noise(stored.run_count, stored.spread) if stored else None,
    )


def comparison(*, run_a: int, run_b: int) -> dict[str, Any] | None:
    """Return two runs side by side as plain data, or None if one of them does not exist.

    `judged` says whether they may be compared at all: same fingerprint, both finished and
    valid. Unlike runs are shown, with what differs, and never judged.
    """
    found = {run.pk: run for run in Run.objects.filter(pk__in=(run_a, run_b))}
    if run_a not in found or run_b not in found:
        return None
    a, b = found[run_a], found[run_b]
    alike = bool(a.fingerprint) and a.fingerprint == b.fingerprint
    judged = alike and is_valid(a) and is_valid(b)
    compared = None
    if judged:
        [before], [after] = profiles_of(run_ids=[a.pk]), profiles_of(run_ids=[b.pk])
        noise = noise_of(fingerprint=a.fingerprint)
        compared = comparing.compare(baseline=[before], these=[after], noise=noise)
    return {
        "run_a": a.pk,
        "run_b": b.pk,
        "same_fingerprint": alike,
        "judged": judged,
        "settings": settings_that_differ(a, b),
        "comparison": compared.as_json() if compared else None,
    }


def events_of(*, run_id: int) -> list[tuple[RunEvent, dict[str, Any]]]:
    """Return what was noted of a run, in order, each with its stored sentence."""
    rows = RunEvent.objects.filter(run=run_id)
    return [(row, {"text": row.text, "params": row.params}) for row in rows]


def to_compare_with(*, run_id: int, fingerprint: str, limit: int = 8) -> list[Run]:
    """Return what a run may be laid beside: the newest of its like first, then others."""
    others = Run.objects.exclude(pk=run_id).filter(slot=None).exclude(started_at=None)
    alike = list(others.filter(fingerprint=fingerprint)[:limit]) if fingerprint else []
    return alike + list(others.exclude(pk__in=[run.pk for run in alike])[:limit])


def comparable(*, limit: int) -> list[Run]:
    """Return the newest runs that ended and had buyers."""
    return list(Run.objects.filter(slot=None).exclude(started_at=None)[:limit])


def likely_pair(*, runs: Sequence[Run]) -> tuple[int | None, int | None]:
    """Return what somebody would most likely compare: the newest run with its baseline.

    Without a baseline it is the run of its kind before it, else simply the one before it.
    """
    if len(runs) < 2:
        return None, None
    newest, *others = runs
    baseline = baseline_of(fingerprint=newest.fingerprint) if newest.fingerprint else None
    if baseline is not None and baseline.run_id != newest.pk:
        return baseline.run_id, newest.pk
    alike = (run.pk for run in others if newest.fingerprint == run.fingerprint != "")
    return next(alike, others[0].pk), newest.pk


def trend(*, fingerprint: str, limit: int = 40) -> list[Run]:
    """Return the newest finished runs of one fingerprint that have figures, oldest first."""
    found = Run.objects.filter(fingerprint=fingerprint, state=states.FINISHED, sabotage="")
    return list(found.exclude(summary=None).order_by("-pk")[:limit])[::-1]


def trends(*, limit: int = 6) -> list[dict[str, Any]]:
    """Return the fingerprints with the most recent runs: how many runs, and the newest of each."""
    groups = Run.objects.filter(state=states.FINISHED).exclude(fingerprint="").order_by()
    found = groups.values("fingerprint").annotate(count=Count("pk"), newest=Max("pk"))
    rows = list(found.filter(count__gte=2).order_by("-newest")[:limit])
    newest = Run.objects.in_bulk([row["newest"] for row in rows])
    return [{**row, "run": newest[row["newest"]]} for row in rows]


def is_valid(run: Run) -> bool:
    """Say whether a run was judged to be valid."""
    outcomes = {one["kind"]: one["outcome"] for one in run.verdicts or []}
    return outcomes.get("validity") == "pass"


def settings_that_differ(a: Run, b: Run) -> list[dict[str, Any]]:
    """Return each setting and each part of the environment in which two runs differ."""
    left = {name: getattr(a, name) for name in SETTINGS} | a.environment
    right = {name: getattr(b, name) for name in SETTINGS} | b.environment
    names = [*left, *(name for name in right if name not in left)]
    return [
        {"name": name, "a": left.get(name), "b": right.get(name)}
        for name in names
        if left.get(name) != right.get(name)
    ]


def runs(
    *,
    scenario: str = "",
    state: str = "",
    fingerprint: str = "",
    since: datetime | None = None,
    valid_only: bool = False,
) -> QuerySet[Run]:
    """Return runs, newest first, with who asked for them; each filter that is given narrows it."""
    wanted = {"scenario": scenario, "state": state, "fingerprint": fingerprint}
    found = Run.objects.select_related("requested_by", "baseline")
    found = found.filter(**{name: value for name, value in wanted.items() if value})
    if since is not None:
        found = found.filter(requested_at__gte=since)
    if valid_only:
        found = found.filter(pk__in=[run.pk for run in found if is_valid(run)])
    return found
