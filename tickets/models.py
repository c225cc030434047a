"""Everything a client owns: keys, holds, purchases and the tickets inside them."""

import time
import uuid
from os import urandom

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tickets.fields import PlainAutoField

CODE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # no 0/O, no 1/I: people read codes aloud
CODE_LENGTH = 20  # 32 ** 20 = 100 bits: not to be guessed
NAME_LENGTH = 100  # of an API key's name


_CODE_OF_BYTE = bytes(ord(CODE_ALPHABET[byte % 32]) for byte in range(256))


def new_code() -> str:
    """Return a ticket code of 100 random bits."""
    return urandom(CODE_LENGTH).translate(_CODE_OF_BYTE).decode()


def new_id() -> uuid.UUID:
    """Return a UUID of version 7 (RFC 9562, 5.7): 48 bits of Unix time in ms, 74 random bits.

    Rows that are made together lie together in the index, however many there are: a random id
    would touch another page of it with every sale.
    """
    bits = int.from_bytes(urandom(10))
    ms = time.time_ns() // 1_000_000
    return uuid.UUID(
        int=(ms & (1 << 48) - 1) << 80
        | 7 << 76
        | (bits >> 62 & 0xFFF) << 64
        | 2 << 62
        | bits & (1 << 62) - 1
    )


class ApiKey(models.Model):
    """A client: the buyer's software, known by a key of which only the hash is stored."""

    name = models.CharField(max_length=NAME_LENGTH)
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


class Asked(models.Model):
    """What a hold and a purchase have in common: one client asked for places for one buyer.

    Note [Idempotency keys live on what they made]
        A request's idempotency key is stored on the row that the request made, under a unique
        constraint with the client and the scope (method and path). A repeat finds the row and is
        given the same answer; two that race meet at the constraint. There is no second table
        that could disagree with the first, and none to clean up: refusals leave no row, and a
        key that is older than a day gives way when it is used again (tickets.repeats).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    vacancy = models.ForeignKey(
        "vacancy.Vacancy",
        on_delete=models.PROTECT,
        related_name="%(class)ss",
        db_index=False,  # the index below begins with it
    )
    client = models.ForeignKey(
        ApiKey,
        on_delete=models.PROTECT,
        null=True,
        related_name="%(class)ss",
        db_index=False,  # so does that of the client's own pages
    )
    qty = models.PositiveSmallIntegerField()
    unit_price = models.PositiveIntegerField(help_text="Minor units, as it was when asked.")
    currency = models.CharField(max_length=3)
    buyer_name = models.CharField(max_length=200, blank=True)
    buyer_email = models.CharField(max_length=254, blank=True)
    # NULL is outside the unique constraint, "" would not be.
    idempotency_key = models.CharField(max_length=255, null=True, editable=False)  # noqa: DJ001
    request_scope = models.CharField(
        max_length=70, blank=True, editable=False, help_text="Method and path of the request."
    )
    request_hash = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """Shared columns, no table."""

        abstract = True


class Hold(Asked):
    """A claim on `qty` places until `expires_at`, that instant excluded."""

    class Status(models.TextChoices):
        """What became of it; an active one that is past its time has expired, swept or not."""

        ACTIVE = "active", _("Active")
        CONFIRMED = "confirmed", _("Confirmed")
        RELEASED = "released", _("Released")
        EXPIRED = "expired", _("Expired")

    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        """One hold for one idempotency key; a state of its own for each way it can end."""

        ordering = ("-created_at", "id")
        constraints = (
            models.CheckConstraint(name="hold_qty_positive", condition=Q(qty__gte=1)),
            models.CheckConstraint(
                name="hold_status_known",
                condition=Q(status__in=("active", "confirmed", "released", "expired")),
            ),
            models.CheckConstraint(
                name="hold_ended_exactly_when_not_active",
                condition=Q(status="active", ended_at__isnull=True)
                | (~Q(status="active") & Q(ended_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="hold_expires_after_it_begins", condition=Q(expires_at__gt=F("created_at"))
            ),
            models.UniqueConstraint(
                name="hold_once_per_idempotency_key",
                fields=["idempotency_key", "client", "request_scope"],
                condition=Q(idempotency_key__isnull=False),
            ),
        )
        indexes = (
            # What the sweep and the till look for; ended holds are not in it.
            models.Index(
                name="hold_active_by_expiry",
                fields=["vacancy", "expires_at"],
                condition=Q(status="active"),
            ),
            # What ends first, whatever it is for: operators watch it.
            models.Index(
                name="hold_active_ending", fields=["expires_at"], condition=Q(status="active")
            ),
            models.Index(name="hold_of_client_by_time", fields=["client", "created_at"]),
        )

    def __str__(self) -> str:
        """Name it by its id."""
        return f"Hold {self.pk}"


class Purchase(Asked):
    """A sale of `qty` places to one buyer."""

    class Status(models.TextChoices):
        """What became of it."""

        CONFIRMED = "confirmed", _("Confirmed")
        CANCELLED = "cancelled", _("Cancelled")

    status = models.CharField(max_length=10, choices=Status, default=Status.CONFIRMED)
    total = models.PositiveBigIntegerField(help_text="Minor units.")
    remaining = models.PositiveIntegerField(
        null=True,
        editable=False,
        help_text="Places that were available right after it, as its client was told.",
    )
    # Not a OneToOneField: every sale without a hold would have a line in its index.
    hold = models.ForeignKey(
        Hold,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="purchases",
        db_index=False,  # the constraint below has one
    )
    cancelled_at = models.DateTimeField(null=True, editable=False)
    cancelled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        db_index=False,
        help_text="Empty if its client did it.",
    )
    cancel_reason = models.CharField(max_length=200, blank=True, editable=False)

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
            models.CheckConstraint(
                name="purchase_cancelled_at_exactly_when_cancelled",
                condition=Q(status="confirmed", cancelled_at__isnull=True)
                | Q(status="cancelled", cancelled_at__isnull=False),
            ),
            models.UniqueConstraint(
                name="purchase_once_per_idempotency_key",
                # The key comes first, so that people can search by it alone.
                fields=["idempotency_key", "client", "request_scope"],
                condition=Q(idempotency_key__isnull=False),
            ),
            models.UniqueConstraint(
                name="purchase_once_per_hold",
                fields=["hold"],
                condition=Q(hold__isnull=False),
            ),
        )
        # Newest first is read backwards: at the left end of an index SQLite writes a third more
        # pages for a row than at its right (docs/speed.md).
        indexes = (
            models.Index(name="purchase_by_time", fields=["created_at"]),
            models.Index(name="purchase_of_client_by_time", fields=["client", "created_at"]),
            models.Index(name="purchase_of_vacancy_by_time", fields=["vacancy", "created_at"]),
            models.Index(
                name="purchase_cancelled",
                fields=["cancelled_at"],
                condition=Q(cancelled_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        """Name it by its id, which buyers quote, in every language."""
        return str(self.pk)


class Ticket(models.Model):
    """One admission inside a purchase."""

    id = PlainAutoField(primary_key=True)
    purchase = models.ForeignKey(Purchase, on_delete=models.CASCADE, related_name="tickets")
    code = models.CharField(max_length=CODE_LENGTH, unique=True, default=new_code)
    checked_in_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        """Tickets are listed in the order they were issued."""

        ordering = ("id",)

    def __str__(self) -> str:
        """Show it in groups of five, as it is printed."""
        return "-".join(self.code[at : at + 5] for at in range(0, len(self.code), 5))


class AttemptMinute(models.Model):
    """How many purchase attempts of one minute ended in one way; see tickets.tally."""

    class Outcome(models.TextChoices):
        """What became of an attempt, as the buyer was told."""

        BOUGHT = "bought", _("Bought")
        SOLD_OUT = "sold_out", _("Sold out")
        REFUSED = "refused", _("Refused")
        FAULT = "fault", _("Fault")

    minute = models.DateTimeField(help_text="Its beginning.")
    outcome = models.CharField(max_length=10, choices=Outcome)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        """One row for each minute and outcome, whichever process counted."""

        ordering = ("minute", "outcome")
        constraints = (
            models.UniqueConstraint(name="attemptminute_once", fields=["minute", "outcome"]),
            models.CheckConstraint(
                name="attemptminute_outcome_known",
                condition=Q(outcome__in=("bought", "sold_out", "refused", "fault")),
            ),
        )

    def __str__(self) -> str:
        """Say what was counted when."""
        return f"{self.count} × {self.outcome} in the minute of {self.minute:%H:%M}"
