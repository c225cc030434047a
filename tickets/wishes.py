"""What clients ask the till for, what they are answered, and what they are refused."""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, NamedTuple

from django.utils.functional import cached_property  # needs no lock, and each sale reads two

from tickets.models import Hold, Purchase
from tickets.selectors import Client
from vacancy.services import Move


class SaleRefusal(Exception):
    """An expected refusal: nothing was sold. `code` is stable, the message is for people."""

    code: ClassVar[str]


class IdempotencyKeyReused(SaleRefusal):
    """The key was used before, for another request."""

    code = "idempotency-key-reused"


class RequestInFlight(SaleRefusal):
    """The first request with this key is still running."""

    code = "request-in-flight"


class HoldNotFound(SaleRefusal):
    """No such hold, or another client's."""

    code = "not-found"


class HoldExpired(SaleRefusal):
    """The hold's time was over before it was confirmed."""

    code = "hold-expired"


class HoldReleased(SaleRefusal):
    """The hold was given back by its client."""

    code = "hold-released"


class HoldConfirmed(SaleRefusal):
    """The hold has become a purchase already."""

    code = "hold-confirmed"


class OutcomeUnknown(SaleRefusal):
    """The database vanished in the middle of a COMMIT and did not come back to be asked.

    The only error after which something may have been sold. A repeat with the same idempotency
    key finds out.
    """

    code = "overloaded"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """One request that moves places. `idempotency_key` None: not repeatable (short form)."""

    client: Client | None  # None: anonymous, short form only
    buyer_name: str = ""
    buyer_email: str = ""
    idempotency_key: str | None = None

    move: ClassVar[Move]

    @property
    def scope(self) -> str:
        """Method and path: the same key may stand for another request elsewhere."""
        raise NotImplementedError

    @property
    def bound_to(self) -> int | None:
        """The only vacancy that this client's key sees, if it is such a key."""
        return self.client.vacancy_id if self.client else None

    @cached_property
    def repeat_key(self) -> "RepeatKey | None":
        """What makes two requests the same one, or None if it cannot be repeated."""
        if self.client is None or self.idempotency_key is None:
            return None
        return (self.idempotency_key, self.client.key_id, self.scope)

    @cached_property
    def request_hash(self) -> str:
        """Fingerprint of what was asked, to tell a repeat from another request."""
        return hashlib.sha256(repr(self._asked()).encode()).hexdigest()

    def _asked(self) -> tuple[object, ...]:
        return (self.buyer_name, self.buyer_email)


RepeatKey = tuple[str, int, str]  # idempotency key, client, scope


@dataclass(frozen=True, kw_only=True)
class Order(Wish):
    """Sell `qty` places."""

    vacancy_id: int | None  # None: the one the key is bound to, or else the default one
    qty: int
    path: str = "/purchases"

    move = Move.SELL

    @property
    def scope(self) -> str:
        """One of the three ways to buy."""
        return f"POST {self.path}"

    def _asked(self) -> tuple[object, ...]:
        return (self.vacancy_id, self.qty, *super()._asked())


@dataclass(frozen=True, kw_only=True)
class HoldOrder(Order):
    """Keep `qty` places for `seconds`."""

    seconds: int
    path: str = "/holds"

    move = Move.HOLD

    def _asked(self) -> tuple[object, ...]:
        return (self.seconds, *super()._asked())


@dataclass(frozen=True, kw_only=True)
class Confirmation(Wish):
    """Turn a hold into a purchase; a buyer named here replaces the one named with the hold."""

    hold_id: uuid.UUID

    move = Move.CONFIRM

    @property
    def scope(self) -> str:
        """The hold is part of the path."""
        return f"POST /holds/{self.hold_id}/confirm"


class Sale(NamedTuple):
    """What was sold, as its buyer is told; `remaining` counts the places available after it."""

    id: uuid.UUID
    vacancy_id: int
    qty: int
    total: int  # minor units
    currency: str
    created_at: datetime
    codes: list[str]
    remaining: int

    @classmethod
    def of(cls, row: Purchase) -> "Sale":
        """Tell of a stored purchase what was told when it was made."""
        codes = [ticket.code for ticket in row.tickets.all()]
        total, left = row.total, row.remaining or 0
        return cls(
            row.pk, row.vacancy_id, row.qty, total, row.currency, row.created_at, codes, left
        )


@dataclass(frozen=True)
class Held:
    """What was held."""

    hold: Hold


Answer = Sale | Held | Exception
