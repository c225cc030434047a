"""Runs of virtual buyers, what was measured each second, and who is there to supervise."""

from typing import Any

from django.conf import settings as site
from django.db import models
from django.db.models import Q
from django.utils import timezone

from loadlab import states


class Run(models.Model):
    """One execution of one scenario with fixed settings.

    Note [One run at a time]
        `slot` is 1 while a run is active and NULL afterwards, and it is unique: the database
        itself refuses a second active run, whichever process asks.
    """

    class State(models.TextChoices):
        """The life of a run; `loadlab.states` says which moves are legal."""

        REQUESTED = states.REQUESTED, "Waiting for a worker"
        STARTING = states.STARTING, "Starting"
        RUNNING = states.RUNNING, "Running"
        STOPPING = states.STOPPING, "Stopping"
        FINISHED = states.FINISHED, "Finished"
        STOPPED = states.STOPPED, "Stopped"
        ABORTED = states.ABORTED, "Aborted"
        FAILED = states.FAILED, "Failed"

    ACTIVE = states.ACTIVE

    # Settings that every scenario has; those that only some have are in `settings`.
    COLUMNS = ("user_count", "think_time_s", "duration_s", "capacity")

    scenario = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=State, default=State.REQUESTED)
    slot = models.PositiveSmallIntegerField(null=True, default=1, unique=True, editable=False)
    user_count = models.PositiveIntegerField("virtual users")
    think_time_s = models.FloatField("think time, s")
    duration_s = models.PositiveIntegerField("duration, s")
    capacity = models.PositiveIntegerField("rehearsal stock, places")
    settings = models.JSONField(
        default=dict, help_text="What else the scenario lets people set, by the field's name."
    )
    price = models.PositiveIntegerField(default=0, help_text="Of one place, in minor units.")
    currency = models.CharField(max_length=3, default="EUR")
    max_per_purchase = models.PositiveSmallIntegerField(default=10)
    shape_from = models.BigIntegerField(
        null=True, help_text="The real vacancy whose capacity, price and limit it took."
    )
    abort_after_s = models.PositiveIntegerField(
        null=True, help_text="Seconds in a row beyond the budget that end it. Empty: none do."
    )
    sabotage = models.CharField(
        max_length=20, blank=True, help_text="How its stock was broken on purpose, to test us."
    )
    target = models.CharField(max_length=300, help_text="Base URL that the load goes to.")
    fingerprint = models.CharField(
        max_length=64, help_text="Equal for runs that may be compared: same load, same machine."
    )
    environment = models.JSONField(default=dict, help_text="Server, database, machine, versions.")
    requested_by = models.ForeignKey(
        site.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    requested_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, help_text="When the first buyer may start.")
    ended_at = models.DateTimeField(null=True)
    stop_requested_at = models.DateTimeField(null=True)
    worker = models.CharField(max_length=100, blank=True, help_text="Who supervises it.")
    lease_until = models.DateTimeField(
        null=True, help_text="When others may take the supervisor for dead."
    )
    reason = models.CharField(max_length=500, blank=True, help_text="Why it ended as it did.")
    reason_sentence = models.JSONField(
        null=True, help_text="The same as text and values; see `loadlab.sentence`."
    )
    vacancy_id = models.BigIntegerField(null=True, help_text="Its rehearsal stock, while it runs.")
    summary = models.JSONField(null=True, help_text="Totals and the table, once it ended.")
    verdicts = models.JSONField(null=True, help_text="What the run may claim, with reasons.")
    comparison = models.JSONField(null=True, help_text="Figures beside those of the baseline.")

    class Meta:
        """Newest first; the guard of one active run is in the database."""

        ordering = ("-id",)
        permissions = (("start_run", "Can start and stop runs"),)
        constraints = (
            models.CheckConstraint(
                name="run_slot_taken_exactly_while_active",
                # The first half asks for NULL by name: `slot = 1` alone would be neither true nor
                # false then, and a CHECK refuses only what is false.
                condition=Q(
                    slot__isnull=False,
                    slot=1,
                    state__in=states.ACTIVE,
                )
                | Q(slot__isnull=True, state__in=states.ENDED),
            ),
            models.CheckConstraint(
                name="run_settings_positive",
                condition=Q(user_count__gte=1, duration_s__gte=1, capacity__gte=1)
                & Q(think_time_s__gte=0, max_per_purchase__gte=1),
            ),
            models.CheckConstraint(
                name="run_aborts_after_some_time",
                condition=Q(abort_after_s=None) | Q(abort_after_s__gte=1),
            ),
        )

    def __str__(self) -> str:
        """Say number and scenario, as people do."""
        return f"Run {self.pk}: {self.scenario}"

    @property
    def values(self) -> dict[str, Any]:
        """Everything that was set for this run, by the name of the scenario's field."""
        columns = {name: getattr(self, name) for name in self.COLUMNS}
        return {**columns, **self.settings}

    @property
    def is_active(self) -> bool:
        """Whether it still waits, runs or is being stopped."""
        return self.state in self.ACTIVE


class RunSecond(models.Model):
    """One second of a run as the generator saw it: all names and outcomes together."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="seconds")
    seq = models.PositiveIntegerField(help_text="0 is the first second.")
    ended_at = models.DateTimeField(help_text="By the generator's clock.")
    elapsed_s = models.FloatField(help_text="From the first buyer to the end of this second.")
    user_count = models.PositiveIntegerField()
    request_count = models.PositiveIntegerField()
    in_flight = models.PositiveIntegerField(help_text="Requests without an answer at its end.")
    p50_ms = models.FloatField(null=True)
    p95_ms = models.FloatField(null=True)
    p99_ms = models.FloatField(null=True)
    max_ms = models.FloatField(null=True)
    cpu_pct = models.FloatField(help_text="Generator's processor time, of one core.")
    lag_ms = models.FloatField(help_text="How late the generator's own timer woke.")
    cpu_wait_pct = models.FloatField(
        null=True,
        help_text="Time that the generator wanted a processor and got none. Empty: not known here.",
    )
    server_cpu_pct = models.FloatField(
        null=True,
        help_text="Of one core, all processes that serve the target. Empty: not measured.",
    )
    lost_count = models.PositiveIntegerField(default=0, help_text="Reports dropped so far.")
    asked_count = models.PositiveIntegerField(
        default=0, help_text="Arrivals planned in this second; 0 in a closed loop."
    )
    begun_count = models.PositiveIntegerField(default=0, help_text="Arrivals that began in it.")
    dropped_count = models.PositiveIntegerField(
        default=0, help_text="Arrivals of this second that could not start: too many under way."
    )
    late_p99_ms = models.FloatField(null=True, help_text="Real minus planned start of arrivals.")
    late_max_ms = models.FloatField(null=True)
    late_histogram = models.TextField(blank=True, help_text="As in Sample; empty: no arrivals.")
    worker_count = models.PositiveSmallIntegerField(
        default=1, help_text="Generator processes whose report is in this second."
    )

    class Meta:
        """A second exists once: a repeated report changes nothing."""

        ordering = ("run", "seq")
        constraints = (
            models.UniqueConstraint(name="runsecond_once", fields=["run", "seq"]),
            models.CheckConstraint(
                name="runsecond_percentiles_exactly_with_requests",
                condition=Q(request_count=0, p95_ms__isnull=True)
                | Q(request_count__gt=0, p95_ms__isnull=False),
            ),
            models.CheckConstraint(
                name="runsecond_server_cpu_not_negative",
                condition=Q(server_cpu_pct=None) | Q(server_cpu_pct__gte=0),
            ),
        )

    def __str__(self) -> str:
        """Say which second of which run."""
        return f"Run {self.run_id}, second {self.seq}"


class Sample(models.Model):
    """Summary of one second of one run for one request name and outcome."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="samples")
    seq = models.PositiveIntegerField()
    name = models.CharField(max_length=60, help_text="As POST /purchase.")
    outcome = models.CharField(max_length=10)
    count = models.PositiveIntegerField()
    sum_ms = models.FloatField(help_text="For the exact mean.")
    p50_ms = models.FloatField()
    p95_ms = models.FloatField()
    p99_ms = models.FloatField()
    max_ms = models.FloatField()
    histogram = models.TextField(help_text="HDR histogram in µs, V2 compressed, base64.")
    # Sums over the answers that said where their time went (Server-Timing).
    timed_count = models.PositiveIntegerField(default=0, help_text="Answers that said so.")
    timed_ms = models.FloatField(default=0, help_text="As the buyer saw them, from sending on.")
    server_ms = models.FloatField(default=0, help_text="Inside the server: queue, db and rest.")
    queue_ms = models.FloatField(default=0, help_text="Of that, waiting for a turn.")
    db_ms = models.FloatField(default=0, help_text="Of that, work in the database.")

    class Meta:
        """One row for each second, name and outcome; only outcomes that are defined."""

        ordering = ("run", "seq", "name", "outcome")
        constraints = (
            models.UniqueConstraint(name="sample_once", fields=["run", "seq", "name", "outcome"]),
            models.CheckConstraint(name="sample_not_empty", condition=Q(count__gte=1)),
            models.CheckConstraint(
                name="sample_outcome_known",
                condition=Q(
                    outcome__in=("read", "bought", "sold_out", "refused", "fault", "unknown")
                ),
            ),
        )

    def __str__(self) -> str:
        """Say what was counted where."""
        return f"{self.count} × {self.name} {self.outcome} in second {self.seq}"


class RunEvent(models.Model):
    """Something that happened to a run, with the words for it; see `loadlab.sentence`."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    kind = models.CharField(max_length=20)
    text = models.CharField(max_length=300)
    params = models.JSONField(default=dict)

    class Meta:
        """In the order in which they were noted."""

        ordering = ("run", "id")
        constraints = (
            models.CheckConstraint(name="runevent_says_something", condition=~Q(text="")),
        )

    def __str__(self) -> str:
        """Say what happened to which run."""
        return f"Run {self.run_id}: {self.kind}"


class Baseline(models.Model):
    """The run that later runs of the same fingerprint are compared with."""

    fingerprint = models.CharField(max_length=64, unique=True)
    # PROTECT: what others were compared with must not vanish under them.
    run = models.OneToOneField(Run, on_delete=models.PROTECT, related_name="baseline")
    set_at = models.DateTimeField()
    set_by = models.ForeignKey(
        site.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        """Newest first; one for each fingerprint, which the database itself keeps."""

        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(name="baseline_has_fingerprint", condition=~Q(fingerprint="")),
        )

    def __str__(self) -> str:
        """Say which run it is."""
        return f"Baseline: run {self.run_id}"


class Noise(models.Model):
    """How much identical runs of one fingerprint differed: measured, never assumed."""

    fingerprint = models.CharField(max_length=64, unique=True)
    run_count = models.PositiveIntegerField(help_text="Identical runs that it was measured with.")
    run_ids = models.JSONField(default=list, help_text="Which they were.")
    spread = models.JSONField(help_text="By metric: standard deviation between the runs.")
    measured_at = models.DateTimeField()

    class Meta:
        """One for each fingerprint: the newest measurement counts. One run has no spread."""

        ordering = ("-id",)
        verbose_name_plural = "noise"
        constraints = (
            models.CheckConstraint(name="noise_needs_two_runs", condition=Q(run_count__gte=2)),
        )

    def __str__(self) -> str:
        """Say how it was measured."""
        return f"Noise of {self.run_count} runs"


class LabWorker(models.Model):
    """A process that claims runs, and when it was last heard of."""

    name = models.CharField(max_length=100, unique=True)
    seen_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True, help_text="When it last took a run.")

    class Meta:
        """Most recently heard of first."""

        ordering = ("-seen_at",)

    def __str__(self) -> str:
        """Show host and process id."""
        return self.name
