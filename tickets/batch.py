"""What happens to a batch of wishes: looked at, decided on, written down, all or nothing."""

import logging
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from functools import cached_property
from typing import cast

from django.db import DatabaseError

from tickets import expiry, repeats
from tickets.models import Hold
from tickets.recording import Record
from tickets.wishes import (
    Answer,
    Confirmation,
    HoldConfirmed,
    HoldExpired,
    HoldNotFound,
    HoldReleased,
    Order,
    RepeatKey,
    SaleRefusal,
    Wish,
)
from vacancy import selectors as stock_rows
from vacancy import services as stock
from vacancy import trips
from vacancy.trips import Changed

TAKEN_BACK_AT_ONCE = 1000  # expired holds; more only if those were not enough

logger = logging.getLogger(__name__)


Which = tuple[int, bool]  # a vacancy, and whether it is wanted as rehearsal stock


class Batch:
    """Several wishes and their answers."""

    def __init__(
        self, wishes: Sequence[Wish], now: datetime, *, careful: bool, asks: bool = True
    ) -> None:
        """Do nothing yet. `careful`: hold every row from the first look on.

        `asks`: it may ask the database for what is not given, where `decide` is called by hand.
        """
        self.wishes = wishes
        self._now = now
        self._careful = careful
        self._asks = asks
        # A confirmation changes its hold's row, and whoever holds rows begins with the vacancy.
        self._hold_rows = careful or any(isinstance(wish, Confirmation) for wish in wishes)
        self._answers: dict[int, Answer] = {}
        self.record = Record(now)
        self.moving: list[stock.Granted] = []  # what is to be written, once it is decided

    @property
    def answers(self) -> list[Answer]:
        """What each is told once all is committed; complete before that begins."""
        return [self._answers[at] for at in range(len(self.wishes))]

    def serve(self) -> None:
        """Serve all; a bug that one of several runs into is no reason to refuse the others.

        Raises:
            Changed: nothing of this was kept; another try makes sense.
            django.db.DatabaseError: as named; nor was it then.
            vacancy.trips.CommitLost: as named.
        """
        try:
            with trips.for_good() if self._hold_rows else nullcontext():
                self._serve_all()
        except (DatabaseError, Changed):
            raise
        except Exception as error:
            if len(self.wishes) == 1:
                raise
            logger.exception("a batch of %d failed; serving one by one", len(self.wishes))
            raise Changed from error

    def _serve_all(self) -> None:
        if self._careful:
            repeats.forget_old(wishes=self.wishes, now=self._now)
        self.look_and_decide()
        if self.moving:
            self.record.end_holds()
            trip = trips.new_trip()
            self.record.write(trip)
            stock.places_take(trip, granted=self.moving, now=self._now)

    def look_and_decide(self) -> None:
        """Answer everybody by what is stored; nothing is written. Raises as `decide`."""
        groups = self.by_vacancy()
        vacancies = [
            stock.vacancy_for_sale(vacancy_id=pk, rehearsal=rehearsal, hold_row=self._hold_rows)
            for pk, rehearsal in groups
        ]
        # After the stock: see tickets.repeats, Note [A repeat gets the first answer].
        earlier = repeats.find(wishes=self.wishes, now=self._now)
        self.decide(groups, vacancies, earlier)

    def by_vacancy(self) -> dict[Which, list[int]]:
        """Refuse who wants what is not there; return the places of the others in the batch.

        In id order, so that two processes that hold rows cannot block each other.
        """
        groups: dict[Which, list[int]] = defaultdict(list)
        vacancies = _VacancyFinder(self.wishes)
        for at, wish in enumerate(self.wishes):
            try:
                groups[vacancies.find(wish), wish.bound_to is not None].append(at)
            except (stock.VacancyNotFound, HoldNotFound) as refusal:
                self._answers[at] = refusal
        return dict(sorted(groups.items()))

    def decide(
        self,
        groups: Mapping[Which, list[int]],
        vacancies: Sequence[stock.Vacancy | None],
        earlier: Mapping[RepeatKey, Answer],
    ) -> None:
        """Answer everybody in `groups`, with each one's vacancy as it was just read.

        Raises:
            Changed: places are short, and expired holds may sit on some.
        """
        for ((vacancy_id, _), places), vacancy in zip(groups.items(), vacancies, strict=True):
            group = _Group(
                vacancy_id, vacancy, self._now, hold_row=self._hold_rows, asks=self._asks
            )
            wishes = [self.wishes[at] for at in places]
            answers = group.decide(wishes, earlier, self.record)
            self._answers.update(zip(places, answers, strict=True))
            if group.granted and group.granted.moves_any:
                self.moving.append(group.granted)


class _VacancyFinder:
    """Tells which vacancy a wish means; reads what several wishes need once."""

    def __init__(self, wishes: Sequence[Wish]) -> None:
        wanted = [wish.hold_id for wish in wishes if isinstance(wish, Confirmation)]
        self._holds = Hold.objects.only("vacancy", "client").in_bulk(wanted) if wanted else {}

    def find(self, wish: Wish) -> int:
        """Return its id, or raise why there is none."""
        if isinstance(wish, Confirmation):
            hold = self._holds.get(wish.hold_id)
            if hold is None or wish.client is None or hold.client_id != wish.client.key_id:
                raise HoldNotFound(f"There is no hold {wish.hold_id} of this API key.")
            return hold.vacancy_id
        named = wish.vacancy_id if isinstance(wish, Order) else None
        if wish.bound_to is not None and named not in {None, wish.bound_to}:
            raise stock.VacancyNotFound(f"There is no vacancy {named}.")
        found = named or wish.bound_to or self._default
        if found is None:
            raise stock.VacancyNotFound("There is no default vacancy.")
        return found

    @cached_property
    def _default(self) -> int | None:
        return stock_rows.default_vacancy_id()


class _Group:
    """The wishes for one vacancy within a batch, in order of arrival, and what stock there is."""

    def __init__(
        self,
        vacancy_id: int,
        vacancy: stock.Vacancy | None,
        now: datetime,
        *,
        hold_row: bool,
        asks: bool,
    ) -> None:
        """Do nothing yet. `hold_row`: the row is held, so expired holds may be taken back."""
        self.granted: stock.Granted | None = None  # once it is decided, if there is a vacancy
        self._vacancy_id = vacancy_id
        self._vacancy = vacancy
        self._now = now
        self._hold_row = hold_row
        self._asks = asks

    def decide(
        self, wishes: list[Wish], earlier: Mapping[RepeatKey, Answer], record: Record
    ) -> list[Answer]:
        """Say what each is to be told, and take down who is to get places."""
        vacancy = self._vacancy
        if vacancy is None:
            refusal = stock.VacancyNotFound(f"There is no vacancy {self._vacancy_id}.")
            return [refusal for _ in wishes]
        known = [earlier.get(wish.repeat_key) if wish.repeat_key else None for wish in wishes]
        fresh = [wish for wish, answer in zip(wishes, known, strict=True) if answer is None]
        decided = iter(self._decide_fresh(vacancy, fresh, record))
        return [next(decided) if answer is None else answer for answer in known]

    def _decide_fresh(
        self, vacancy: stock.Vacancy, wishes: list[Wish], record: Record
    ) -> list[Answer]:
        holds = self._holds(wishes)
        refused = [_why_not(wish, holds, self._now) for wish in wishes]
        able = [wish for wish, refusal in zip(wishes, refused, strict=True) if refusal is None]
        granted = self.granted = self._grant(vacancy, able, holds)
        outcomes = iter(
            [
                outcome
                if isinstance(outcome, stock.StockRefusal)
                else record.add(granted.vacancy, wish, _hold_of(wish, holds), remaining=outcome)
                for wish, outcome in zip(able, granted.outcomes, strict=True)
            ]
        )
        return [refusal or next(outcomes) for refusal in refused]

    def _holds(self, wishes: list[Wish]) -> dict[uuid.UUID, Hold]:
        wanted = [wish.hold_id for wish in wishes if isinstance(wish, Confirmation)]
        return Hold.objects.in_bulk(wanted) if wanted else {}

    def _grant(
        self, vacancy: stock.Vacancy, wishes: list[Wish], holds: dict[uuid.UUID, Hold]
    ) -> stock.Granted:
        asked = [stock.Wish(wish.move, _qty(wish, holds)) for wish in wishes]
        granted = stock.places_grant(vacancy=vacancy, wishes=asked, now=self._now)
        if not vacancy.held or not granted.lacks_any:
            return granted
        if not self._hold_row:
            expired = expiry.expired(vacancy_id=self._vacancy_id, now=self._now)
            if not self._asks or expired.exists():
                raise Changed  # the next try may take them back
            return granted
        while expiry.take_back_expired(
            vacancy_id=self._vacancy_id, now=self._now, limit=TAKEN_BACK_AT_ONCE
        ):
            vacancy.refresh_from_db(fields=("available", "held"))
            granted = stock.places_grant(vacancy=vacancy, wishes=asked, now=self._now)
            if not granted.lacks_any:
                break
        return granted


def _hold_of(wish: Wish, holds: dict[uuid.UUID, Hold]) -> Hold | None:
    return holds[wish.hold_id] if isinstance(wish, Confirmation) else None


def _qty(wish: Wish, holds: dict[uuid.UUID, Hold]) -> int:
    return wish.qty if isinstance(wish, Order) else holds[cast(Confirmation, wish).hold_id].qty


def _why_not(wish: Wish, holds: dict[uuid.UUID, Hold], now: datetime) -> SaleRefusal | None:
    """Say why a hold cannot be confirmed; its row is as it is, the vacancy's row is held."""
    if not isinstance(wish, Confirmation):
        return None
    hold = holds.get(wish.hold_id)
    if hold is None:
        return HoldNotFound(f"There is no hold {wish.hold_id} any more.")
    if hold.status == Hold.Status.CONFIRMED:
        return HoldConfirmed(f"Hold {hold.pk} has become a purchase already.")
    if hold.status == Hold.Status.RELEASED:
        return HoldReleased(f"Hold {hold.pk} was released.")
    if hold.status == Hold.Status.EXPIRED or now >= hold.expires_at:
        return HoldExpired(f"Hold {hold.pk} expired at {hold.expires_at.isoformat()}.")
    return None
