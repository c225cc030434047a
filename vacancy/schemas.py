"""What the stock endpoints say and accept."""

from datetime import datetime

from ninja import Field, Schema

from vacancy.models import Vacancy

MAX_ID = 2**63 - 1  # the database's integer; anything above cannot be an id


def read_id(text: str) -> int | None:
    """Read an id from an address; None if it is none, or larger than any the database knows."""
    if not text.isdecimal() or len(text) > len(str(MAX_ID)):
        return None
    number = int(text)
    return number if number <= MAX_ID else None


class VacancyOut(Schema):
    """A vacancy as a buyer's software sees it."""

    id: int = Field(examples=[1])
    name: str = Field(examples=["Concert, floor standing"])
    venue: str = Field(examples=["Hall 1"])
    starts_at: datetime | None
    on_sale_from: datetime | None
    on_sale_until: datetime | None = Field(description="That instant excluded.")
    price: int = Field(description="Per place, in minor units of the currency.", examples=[4500])
    currency: str = Field(examples=["EUR"])
    max_per_purchase: int = Field(examples=[10])
    state: Vacancy.State
    capacity: int = Field(examples=[1000])
    available: int = Field(description="At most one second old.", examples=[987])


class VacancyList(Schema):
    """What is on sale now."""

    vacancies: list[VacancyOut]


class AvailableOut(Schema):
    """How many places of one vacancy are free."""

    vacancy: int = Field(examples=[1])
    qty: int = Field(description="At most one second old.", examples=[1000])
