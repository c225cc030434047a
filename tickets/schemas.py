"""What the selling endpoints say and accept."""

import uuid
from datetime import datetime

from ninja import Field, Schema
from pydantic import ConfigDict

from tickets.models import Purchase
from vacancy.schemas import MAX_ID

MAX_QTY = 1000  # far above any limit per purchase; keeps nonsense out of the queue


class BuyerIn(Schema):
    """Who the places are for."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(default="", max_length=200, pattern=r"^[^\x00]*$", examples=["Ada Lovelace"])
    email: str = Field(
        default="",
        max_length=254,
        pattern=r"^$|^[^@\s\x00]+@[^@\s\x00]+$",
        examples=["ada@example.org"],
    )


class PurchaseIn(Schema):
    """What a buyer asks for."""

    model_config = ConfigDict(extra="forbid")

    vacancy: int = Field(ge=1, le=MAX_ID, strict=True, examples=[1])
    qty: int = Field(ge=1, le=MAX_QTY, strict=True, examples=[2])
    buyer: BuyerIn = BuyerIn()


class TicketOut(Schema):
    """One admission."""

    code: str = Field(examples=["7KQ2MZP4XHRD9TBWC5NA"])


class PurchaseOut(Schema):
    """A purchase as its own client sees it."""

    id: uuid.UUID
    vacancy: int = Field(examples=[1])
    qty: int = Field(examples=[2])
    status: Purchase.Status
    total: int = Field(description="Minor units of the currency.", examples=[9000])
    currency: str = Field(examples=["EUR"])
    tickets: list[TicketOut]
    created_at: datetime

    @classmethod
    def build(cls, purchase: Purchase, codes: list[str]) -> "PurchaseOut":
        """Put a purchase and the codes of its tickets into the documented shape."""
        return cls(
            id=purchase.pk,
            vacancy=purchase.vacancy_id,
            qty=purchase.qty,
            status=Purchase.Status(purchase.status),
            total=purchase.total,
            currency=purchase.currency,
            tickets=[TicketOut(code=code) for code in codes],
            created_at=purchase.created_at,
        )


class ShortIn(Schema):
    """The short form's whole body."""

    model_config = ConfigDict(extra="forbid")

    qty: int = Field(1, ge=1, le=MAX_QTY, strict=True, examples=[1])
    vacancy: int | None = Field(None, ge=1, le=MAX_ID, strict=True)


class ShortOut(Schema):
    """The short form's answer, always with status 200."""

    success: bool
    remaining: int = Field(description="Places left after this answer.", examples=[999])
    message: str = Field(examples=["Purchased 1."])
