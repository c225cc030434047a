"""Stock over HTTP: what is for sale and how much is left."""

import hashlib
from typing import Protocol

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils import timezone
from ninja import P, Path, QueryEx, Router

from vacancy import selectors
from vacancy.fresh import Fresh
from vacancy.lanes import READS
from vacancy.schemas import MAX_ID, AvailableOut, VacancyList, VacancyOut
from vacancy.services import VacancyNotFound

router = Router(tags=["stock"])
MAX_AGE_S = 1.0

_JSON = "application/json"
# A cache between us and the buyers must not give strangers what a bound key sees.
_SHARED = {"Cache-Control": "max-age=1", "Vary": "Authorization"}


class Caller(Protocol):
    """Whoever asks; `vacancy_id` is the only vacancy they may see, or None for all real ones."""

    vacancy_id: int | None


async def _load_list(_key: None) -> bytes:
    found = await READS.run(selectors.vacancies_on_sale, now=timezone.now())
    rows = [VacancyOut.from_orm(vacancy) for vacancy in found]
    return VacancyList(vacancies=rows).model_dump_json().encode()


async def _load_one(key: tuple[int | None, int | None]) -> tuple[bytes, bytes] | None:
    vacancy_id, only = key
    vacancy = await READS.run(selectors.vacancy_visible, vacancy_id=vacancy_id, only=only)
    if vacancy is None:
        return None
    whole = VacancyOut.from_orm(vacancy).model_dump_json().encode()
    free = AvailableOut(vacancy=vacancy.pk, qty=vacancy.available).model_dump_json().encode()
    return whole, free


# Kept as ready-made bytes: an on-sale is mostly people looking at the same few numbers.
_list: Fresh[None, bytes] = Fresh(_load_list, max_age_s=MAX_AGE_S)
_one: Fresh[tuple[int | None, int | None], tuple[bytes, bytes] | None] = Fresh(
    _load_one, max_age_s=MAX_AGE_S
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
        whole, _ = await _visible(None, caller)
        return _cacheable(request, b'{"vacancies":[' + whole + b"]}")
    return _cacheable(request, await _list.get(None))


@router.get("/vacancies/{vacancy}", response=VacancyOut, summary="One vacancy")
async def get_vacancy(request: HttpRequest, vacancy: Path[int]) -> HttpResponse:
    """Return one vacancy; paused and closed ones too, so that a shop can say why."""
    whole, _ = await _visible(vacancy, request.auth)  # type: ignore[attr-defined]
    return _cacheable(request, whole)


@router.get("/available", response=AvailableOut, summary="How many places are free")
async def get_available(
    request: HttpRequest, vacancy: QueryEx[int | None, P(ge=1, le=MAX_ID)] = None
) -> HttpResponse:
    """Return the free places of one vacancy, or of the default one when none is named."""
    _, free = await _visible(vacancy, request.auth)  # type: ignore[attr-defined]
    return HttpResponse(free, content_type=_JSON, headers=_SHARED)


async def _visible(vacancy_id: int | None, caller: Caller) -> tuple[bytes, bytes]:
    found = await _one.get((vacancy_id, caller.vacancy_id))
    if found is None:
        raise VacancyNotFound(
            "There is no default vacancy."
            if vacancy_id is None
            else f"There is no vacancy {vacancy_id}."
        )
    return found


def _cacheable(request: HttpRequest, body: bytes) -> HttpResponse:
    """Answer with a weak ETag, or 304 if the caller has this version (RFC 9110, 13.1.2)."""
    tag = f'"{hashlib.sha1(body, usedforsecurity=False).hexdigest()}"'
    headers = {"ETag": f"W/{tag}", **_SHARED}
    asked = request.headers.get("If-None-Match", "")
    if asked.strip() == "*" or tag in {
        part.strip().removeprefix("W/") for part in asked.split(",")
    }:
        return HttpResponseNotModified(headers=headers)
    return HttpResponse(body, content_type=_JSON, headers=headers)
