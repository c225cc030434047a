"""Why stock stays as it is: refusals with stable codes and sentences for people."""

from typing import ClassVar


class StockRefusal(Exception):
    """An expected refusal: nothing was changed. `code` is stable, the message is for people."""

    code: ClassVar[str]


class VacancyNotFound(StockRefusal):
    """No such vacancy, or not one that this caller may see."""

    code = "not-found"


class NotOnSale(StockRefusal):
    """The vacancy is a draft, paused, closed or outside its sale window."""

    code = "not-on-sale"


class NotThatMany(StockRefusal):
    """Fewer places can be had than were asked for; `available` says how many are left."""

    def __init__(self, message: str, *, available: int) -> None:
        """Keep the number beside the sentence."""
        super().__init__(message)
        self.available = available


class SoldOut(NotThatMany):
    """Fewer places are available than were asked for."""

    code = "sold-out"

    @classmethod
    def of(cls, *, qty: int, available: int) -> "SoldOut":
        """Word the usual refusal."""
        return cls(f"{qty} asked for, {available} available.", available=available)


class OverPurchaseLimit(NotThatMany):
    """More places were asked for than one purchase may have."""

    code = "limit-per-purchase"


class CapacityTooLow(StockRefusal):
    """Capacity would go below what is sold or held."""

    code = "capacity-too-low"
