"""Places for sale and the ledger of every way their counters moved that was not a sale."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

models.CharField.register_lookup(Length)


class Vacancy(models.Model):
    """One kind of place for sale: an event's category, with a capacity.

    Always `available + held + sold = capacity`, none below 0: the database itself refuses a row
    that says otherwise, whoever writes it.
    """

    class State(models.TextChoices):
        """Where a vacancy stands; only `on_sale` sells."""

        DRAFT = "draft", _("Draft")
        ON_SALE = "on_sale", _("On sale")
        PAUSED = "paused", _("Paused")
        CLOSED = "closed", _("Closed")

    name = models.CharField(max_length=200)
    venue = models.CharField(max_length=200, blank=True)
    starts_at = models.DateTimeField(null=True, blank=True, help_text="When the event begins.")
    on_sale_from = models.DateTimeField(
        null=True, blank=True, help_text="Empty: as soon as it is put on sale."
    )
    on_sale_until = models.DateTimeField(
        null=True, blank=True, help_text="That instant excluded. Empty: until it is closed."
    )
    price = models.PositiveIntegerField(
        default=0, help_text="In minor units: 2500 is 25.00 in a currency with cents."
    )
    currency = models.CharField(max_length=3, default="EUR", help_text="ISO 4217 code, as EUR.")
    max_per_purchase = models.PositiveSmallIntegerField(default=10)
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    close_when_sold_out = models.BooleanField(
        default=False,
        help_text="Closes the sale with the last place, so that a cancellation sells nothing "
        "until somebody reopens it. The ledger says when.",
    )
    is_default = models.BooleanField(
        "default", default=False, help_text="The one that is meant when a request names none."
    )
    is_rehearsal = models.BooleanField("rehearsal", default=False, editable=False)
    capacity = models.PositiveIntegerField()
    initial_capacity = models.PositiveIntegerField(
        editable=False, help_text="What it began with; the ledger has every change since."
    )
    available = models.PositiveIntegerField(editable=False)
    held = models.PositiveIntegerField(default=0, editable=False)
    sold = models.PositiveIntegerField(default=0, editable=False)
    fence = models.PositiveIntegerField(
        default=0, editable=False, help_text="Raised, it stops every sale decided on before."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        """Constraints are the last word on stock; see the class docstring."""

        verbose_name_plural = "vacancies"
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                name="vacancy_counters_not_negative",
                condition=Q(capacity__gte=0, available__gte=0, held__gte=0, sold__gte=0),
            ),
            models.CheckConstraint(
                name="vacancy_counters_add_up",
                condition=Q(capacity=F("available") + F("held") + F("sold")),
            ),
            models.CheckConstraint(
                name="vacancy_max_per_purchase_positive", condition=Q(max_per_purchase__gte=1)
            ),
            models.CheckConstraint(
                name="vacancy_state_known",
                condition=Q(state__in=("draft", "on_sale", "paused", "closed")),
            ),
            models.CheckConstraint(
                name="vacancy_currency_three_letters", condition=Q(currency__length=3)
            ),
            models.CheckConstraint(
                name="vacancy_sale_ends_after_it_begins",
                condition=Q(on_sale_from=None)
                | Q(on_sale_until=None)
                | Q(on_sale_from__lt=F("on_sale_until")),
            ),
            models.CheckConstraint(
                name="vacancy_rehearsal_is_never_default",
                condition=Q(is_default=False) | Q(is_rehearsal=False),
            ),
            models.UniqueConstraint(
                name="vacancy_one_default", fields=["is_default"], condition=Q(is_default=True)
            ),
        )

    def __str__(self) -> str:
        """Name it so that two events with the same category can be told apart."""
        return (
            f"{self.name}, {self.venue} (#{self.pk})" if self.venue else f"{self.name} (#{self.pk})"
        )


class StockMovement(models.Model):
    """One line of the append-only ledger: who moved how many places, when and why."""

    class Kind(models.TextChoices):
        """What moved the counters; `state` moves none, but stops or starts the sale."""

        CAPACITY = "capacity", _("Capacity")
        RELEASED = "released", _("Hold released")
        EXPIRED = "expired", _("Hold expired")
        CANCELLED = "cancelled", _("Purchase cancelled")
        STATE = "state", _("State")

    vacancy = models.ForeignKey(Vacancy, on_delete=models.CASCADE, related_name="movements")
    kind = models.CharField(max_length=10, choices=Kind)
    qty = models.IntegerField(
        help_text="Places that became available, or no longer are if below 0."
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    reason = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        """A movement moves something and says why."""

        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                name="stockmovement_moves_something",
                condition=(Q(kind="state") & Q(qty=0)) | (~Q(kind="state") & ~Q(qty=0)),
            ),
            models.CheckConstraint(
                name="stockmovement_kind_known",
                condition=Q(kind__in=("capacity", "released", "expired", "cancelled", "state")),
            ),
            models.CheckConstraint(
                name="stockmovement_gives_back_only",
                condition=Q(kind__in=("capacity", "state")) | Q(qty__gt=0),
            ),
            models.CheckConstraint(name="stockmovement_says_why", condition=~Q(reason="")),
        )

    def __str__(self) -> str:
        """Say the change and the reason."""
        if self.kind == self.Kind.STATE:
            return f"Vacancy {self.vacancy_id}: {self.reason}"
        return f"{self.qty:+d} on vacancy {self.vacancy_id}: {self.reason}"
