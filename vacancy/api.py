"""Stock over HTTP: what is for sale and how much is left."""

from typing import NamedTuple, Protocol

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import P, Path, QueryEx, Router, Schema

from vacancy import selectors
from vacancy.answers import Ready
from vacancy.fresh import Fresh
from vacancy.lanes import READS
from vacancy.schemas import MAX_ID, AvailableOut, VacancyList, VacancyOut
from vacancy.services import VacancyNotFound

router = Router(tags=["stock"])
MAX_AGE_S = 1.0
RENEW_AFTER_S = 0.75

# A cache between us and the buyers must not give strangers what a bound key sees: Vary says so.
_SHARED = ((b"cache-control", b"max-age=1"),)


class Caller(Protocol):
    """Whoever asks; `vacancy_id` is the only vacancy they may see, or None for all real ones."""

    vacancy_id: int | None


class _Seen(NamedTuple):
    """One vacancy in each way it is asked for."""

    whole: Ready
    free: Ready
    alone: Ready  # in a list, for a key that sees nothing else


def _list_now() -> Ready:
    found = selectors.vacancies_on_sale(now=timezone.now())
    rows = [VacancyOut.from_orm(vacancy) for vacancy in found]
    return _ready(VacancyList(vacancies=rows))


def _one_now(key: tuple[int | None, int | None]) -> _Seen | None:
    vacancy_id, only = key
    vacancy = selectors.vacancy_visible(vacancy_id=vacancy_id, only=only)
    if vacancy is None:
        return None
    whole = VacancyOut.from_orm(vacancy)
    free = AvailableOut(vacancy=vacancy.pk, qty=vacancy.available)
    return _Seen(_ready(whole), _ready(free), _ready(VacancyList(vacancies=[whole])))


def _ready(schema: Schema) -> Ready:
    return Ready.of(schema.model_dump_json().encode(), headers=_SHARED, vary="Authorization")


async def _load_list(_key: None) -> Ready:
    return await READS.run(_list_now)


async def _load_one(key: tuple[int | None, int | None]) -> _Seen | None:
    return await READS.run(_one_now, key)


# Kept as ready-made bytes: an on-sale is mostly people looking at the same few numbers.
_list: Fresh[None, Ready] = Fresh(_load_list, max_age_s=MAX_AGE_S, renew_after_s=RENEW_AFTER_S)
_one: Fresh[tuple[int | None, int | None], _Seen | None] = Fresh(
    _load_one, max_age_s=MAX_AGE_S, renew_after_s=RENEW_AFTER_S
)


def forget_everything() -> None:
    """Drop what is cached in this process."""
    _list.clear()
    _one.clear()


@router.get("/vacancies", response=VacancyList, summary="What is on sale now")
async def list_vacancies(request: HttpRequest) -> HttpResponse:
    """List the vacancies on sale at this moment, in id order."""
    caller: Caller = request.auth  # type: ignore[attr-defined]  # set by ninja's auth
    if caller.vacancy_id is not None:
        return (await _visible(None, caller)).alone.to(request)
    return (await _list.get(None)).to(request)


@router.get("/vacancies/{vacancy}", response=VacancyOut, summary="One vacancy")
async def get_vacancy(request: HttpRequest, vacancy: Path[int]) -> HttpResponse:
    """Return one vacancy; paused and closed ones too, so that a shop can say why."""
    return (await _visible(vacancy, request.auth)).whole.to(request)  # type: ignore[attr-defined]


@router.get("/available", response=AvailableOut, summary="How many places are free")
async def get_available(
    request: HttpRequest, vacancy: QueryEx[int | None, P(ge=1, le=MAX_ID)] = None
) -> HttpResponse:
    """Return the free places of one vacancy, or of the default one when none is named."""
    return (await _visible(vacancy, request.auth)).free.to(request)  # type: ignore[attr-defined]


async def _visible(vacancy_id: int | None, caller: Caller) -> _Seen:
    found = await _one.get((vacancy_id, caller.vacancy_id))
    if found is None:
        raise VacancyNotFound(
            "There is no default vacancy."
            if vacancy_id is None
            else f"There is no vacancy {vacancy_id}."
        )
    return found
