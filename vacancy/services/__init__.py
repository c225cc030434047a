"""Every write of stock: one room for callers, a file for what belongs together."""

from vacancy.models import Vacancy
from vacancy.services.changes import capacity_change, close, pause, put_on_sale, state_change
from vacancy.services.errors import (
    CapacityTooLow,
    NotOnSale,
    NotThatMany,
    OverPurchaseLimit,
    SoldOut,
    StockRefusal,
    VacancyNotFound,
)
from vacancy.services.making import vacancy_add, vacancy_create
from vacancy.services.places import (
    GivenBack,
    Granted,
    Move,
    Wish,
    fence_raise,
    look,
    places_give_back,
    places_grant,
    places_move,
    places_take,
    vacancy_for_sale,
)
from vacancy.services.rehearsal import (
    rehearsal_close,
    rehearsal_counter_break,
    vacancy_create_rehearsal,
    vacancy_delete_rehearsal,
)

__all__ = [
    "CapacityTooLow",
    "GivenBack",
    "Granted",
    "Move",
    "NotOnSale",
    "NotThatMany",
    "OverPurchaseLimit",
    "SoldOut",
    "StockRefusal",
    "Vacancy",
    "VacancyNotFound",
    "Wish",
    "capacity_change",
    "close",
    "fence_raise",
    "look",
    "pause",
    "places_give_back",
    "places_grant",
    "places_move",
    "places_take",
    "put_on_sale",
    "rehearsal_close",
    "rehearsal_counter_break",
    "state_change",
    "vacancy_add",
    "vacancy_create",
    "vacancy_create_rehearsal",
    "vacancy_delete_rehearsal",
    "vacancy_for_sale",
]
