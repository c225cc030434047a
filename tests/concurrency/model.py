"""A box office in plain Python: what the real one must agree with, counted and never moved.

Nothing here is taken from the product. Counters are not stored: they follow from the lists of
holds and purchases, which is the other way round than in the database.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NamedTuple


@dataclass
class Held:
    """Places somebody has a claim on."""

    vacancy: int
    qty: int
    expires_at: datetime
    status: str = "active"


@dataclass
class Bought:
    """Places somebody has."""

    vacancy: int
    qty: int
    status: str = "confirmed"
    admitted: bool = False


@dataclass
class Stock:
    """One vacancy: what an operator sets."""

    capacity: int
    most: int  # places in one purchase
    until: datetime
    closes: bool  # when it is sold out
    state: str = "on_sale"


class Wish(NamedTuple):
    """Buy or hold `qty` places of a vacancy, or confirm a hold."""

    what: Literal["buy", "hold", "confirm"]
    vacancy: int = 0
    qty: int = 0
    seconds: int = 0
    hold: str = ""


@dataclass
class BoxOffice:
    """All vacancies, holds and purchases, by the names that the real ones gave them."""

    stocks: dict[int, Stock]
    holds: dict[str, Held] = field(default_factory=dict)
    purchases: dict[str, Bought] = field(default_factory=dict)

    def held(self, vacancy: int) -> int:
        """Count the places that are held."""
        mine = (hold for hold in self.holds.values() if hold.vacancy == vacancy)
        return sum(hold.qty for hold in mine if hold.status == "active")

    def sold(self, vacancy: int) -> int:
        """Count the places that are sold."""
        mine = (sale for sale in self.purchases.values() if sale.vacancy == vacancy)
        return sum(sale.qty for sale in mine if sale.status == "confirmed")

    def available(self, vacancy: int) -> int:
        """Count what is left."""
        return self.stocks[vacancy].capacity - self.held(vacancy) - self.sold(vacancy)

    def counters(self, vacancy: int) -> tuple[int, int, int, int, str]:
        """Return capacity, available, held, sold and the state."""
        stock = self.stocks[vacancy]
        left, held, sold = self.available(vacancy), self.held(vacancy), self.sold(vacancy)
        return stock.capacity, left, held, sold, stock.state

    # ---------------------------------------------------------------------- several at once

    def decide(self, wishes: list[Wish], now: datetime) -> list[str]:
        """Say what each wish comes to, by name; `serve` then makes it so with the real ids."""
        outcomes = [""] * len(wishes)
        for vacancy in self.stocks:
            mine = [at for at, wish in enumerate(wishes) if self.meant(wish) == vacancy]
            group = [wishes[at] for at in mine]
            told = self._decide_for(vacancy, group, now)
            if "SoldOut" in told and any(self._expired(vacancy, now)):
                self.sweep(now, only=vacancy)
                told = self._decide_for(vacancy, group, now)
            for at, outcome in zip(mine, told, strict=True):
                outcomes[at] = outcome
        return outcomes

    def meant(self, wish: Wish) -> int:
        """Return the vacancy that a wish is about."""
        return self.holds[wish.hold].vacancy if wish.what == "confirm" else wish.vacancy

    def _decide_for(self, vacancy: int, wishes: list[Wish], now: datetime) -> list[str]:
        left, told = self.available(vacancy), []
        for wish in wishes:
            if wish.what == "confirm":
                told.append(self.why_not_confirmed(wish.hold, now) or "Sale")
                continue
            refusal = self._why_not(vacancy, wish.qty, left, now)
            left -= 0 if refusal else wish.qty
            told.append(refusal or ("Sale" if wish.what == "buy" else "Held"))
        return told

    def _why_not(self, vacancy: int, qty: int, left: int, now: datetime) -> str | None:
        stock = self.stocks[vacancy]
        if stock.state != "on_sale" or now >= stock.until:
            return "NotOnSale"
        if qty > stock.most:
            return "OverPurchaseLimit"
        return "SoldOut" if qty > left else None

    def why_not_confirmed(self, name: str, now: datetime) -> str | None:
        """Say why a hold cannot become a purchase, or cannot be released."""
        hold = self.holds[name]
        ended = {"confirmed": "HoldConfirmed", "released": "HoldReleased", "expired": "HoldExpired"}
        if hold.status in ended:
            return ended[hold.status]
        return "HoldExpired" if now >= hold.expires_at else None

    def serve(self, wishes: list[Wish], names: list[str | None], now: datetime) -> None:
        """Write down what was granted, under the names that the real one gave; None: refused."""
        moved = set()
        for wish, name in zip(wishes, names, strict=True):
            if name is None:
                continue
            vacancy = self.meant(wish)
            moved.add(vacancy)
            if wish.what == "hold":
                until = now + timedelta(seconds=wish.seconds)
                self.holds[name] = Held(vacancy, wish.qty, until)
                continue
            qty = wish.qty
            if wish.what == "confirm":
                self.holds[wish.hold].status, qty = "confirmed", self.holds[wish.hold].qty
            self.purchases[name] = Bought(vacancy, qty)
        for vacancy in moved:
            self._close_if_sold_out(vacancy)

    def _close_if_sold_out(self, vacancy: int) -> None:
        stock = self.stocks[vacancy]
        if stock.closes and stock.state == "on_sale" and self.sold(vacancy) == stock.capacity:
            stock.state = "closed"

    # ------------------------------------------------------------------------ one at a time

    def _expired(self, vacancy: int, now: datetime) -> Iterator[Held]:
        for hold in self.holds.values():
            if hold.vacancy == vacancy and hold.status == "active" and now >= hold.expires_at:
                yield hold

    def sweep(self, now: datetime, *, only: int | None = None) -> None:
        """Take back every hold whose time is over."""
        for vacancy in self.stocks if only is None else [only]:
            for hold in self._expired(vacancy, now):
                hold.status = "expired"

    def release(self, name: str, now: datetime) -> str | None:
        """Give a hold back; return the refusal, if any. A second time changes nothing."""
        if self.holds[name].status == "released":
            return None
        refusal = self.why_not_confirmed(name, now)
        if refusal is None:
            self.holds[name].status = "released"
        return refusal

    def cancel(self, name: str) -> str | None:
        """Take a purchase back; return the refusal, if any. A second time changes nothing."""
        sale = self.purchases[name]
        if sale.status == "cancelled":
            return None
        if sale.admitted:
            return "AlreadyCheckedIn"
        sale.status = "cancelled"
        return None

    def admit(self, name: str) -> str | None:
        """Let the first person of a purchase in; return the refusal, if any."""
        sale = self.purchases[name]
        if sale.status == "cancelled":
            return "PurchaseCancelled"
        if sale.admitted:
            return "AlreadyCheckedIn"
        sale.admitted = True
        return None

    def change_capacity(self, vacancy: int, by: int) -> str | None:
        """Add places, or remove them; return the refusal, if any."""
        if self.available(vacancy) + by < 0:
            return "CapacityTooLow"
        self.stocks[vacancy].capacity += by
        return None

    def switch(self, vacancy: int, to: str) -> bool:
        """Move to a state; say whether that was a move that is allowed."""
        allowed = {
            "paused": {"on_sale"},
            "on_sale": {"paused", "closed"},
            "closed": {"on_sale", "paused"},
        }
        possible = self.stocks[vacancy].state in allowed[to]
        if possible:
            self.stocks[vacancy].state = to
        return possible
