"""Everything a client owns: keys, purchases and the tickets inside them."""

import secrets
import uuid

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

CODE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # no 0/O, no 1/I: people read codes aloud
CODE_LENGTH = 20  # 32 ** 20 = 100 bits: not to be guessed


def new_code() -> str:
    """Return a ticket code of 100 random bits."""
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))


class ApiKey(models.Model):
    """A client: the buyer's software, known by a key of which only the hash is stored."""

    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, editable=False, help_text="To recognise it by.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.CharField(
        max_length=100, default="buy", help_text="Separated by spaces: buy, check_in."
    )
    vacancy = models.ForeignKey(
        "vacancy.Vacancy",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        help_text="If set, the key sees this vacancy and nothing else.",
    )
    is_demo = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        """Only a SHA-256 digest in hexadecimal may stand where the key would."""

        verbose_name = "API key"
        verbose_name_plural = "API keys"
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(name="apikey_digest_is_sha256", condition=Q(digest__length=64)),
        )

    def __str__(self) -> str:
        """Show enough to tell two keys of one name apart."""
        return f"{self.name} ({self.prefix}…)"


class Purchase(models.Model):
    """A sale of `qty` places to one buyer."""

    class Status(models.TextChoices):
        """What became of it."""

        CONFIRMED = "confirmed", "Confirmed"
        CANCELLED = "cancelled", "Cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    vacancy = models.ForeignKey(
        "vacancy.Vacancy", on_delete=models.PROTECT, related_name="purchases"
    )
    client = models.ForeignKey(
        ApiKey, on_delete=models.PROTECT, null=True, related_name="purchases"
    )
    qty = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=10, choices=Status, default=Status.CONFIRMED)
    unit_price = models.PositiveIntegerField(help_text="Minor units, as it was when sold.")
    total = models.PositiveBigIntegerField(help_text="Minor units.")
    currency = models.CharField(max_length=3)
    buyer_name = models.CharField(max_length=200, blank=True)
    buyer_email = models.CharField(max_length=254, blank=True)
    # NULL is outside the unique constraint, "" would not be.
    idempotency_key = models.CharField(max_length=255, null=True, editable=False)  # noqa: DJ001
    request_hash = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """One purchase for one idempotency key of one client, whatever the code does."""

        ordering = ("-created_at", "id")
        constraints = (
            models.CheckConstraint(name="purchase_qty_positive", condition=Q(qty__gte=1)),
            models.CheckConstraint(
                name="purchase_total_is_qty_times_price",
                condition=Q(total=F("qty") * F("unit_price")),
            ),
            models.CheckConstraint(
                name="purchase_status_known", condition=Q(status__in=("confirmed", "cancelled"))
            ),
            models.UniqueConstraint(
                name="purchase_once_per_idempotency_key",
                fields=["client", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
            ),
        )
        indexes = (models.Index(name="purchase_newest_first", fields=["-created_at"]),)

    def __str__(self) -> str:
        """Name it by its id, which buyers quote."""
        return f"Purchase {self.pk}"


class Ticket(models.Model):
    """One admission inside a purchase."""

    purchase = models.ForeignKey(Purchase, on_delete=models.CASCADE, related_name="tickets")
    code = models.CharField(max_length=CODE_LENGTH, unique=True, default=new_code)

    class Meta:
        """Tickets are listed in the order they were issued."""

        ordering = ("id",)

    def __str__(self) -> str:
        """Show it in groups of five, as it is printed."""
        return "-".join(self.code[at : at + 5] for at in range(0, len(self.code), 5))
