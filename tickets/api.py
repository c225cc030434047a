"""Selling over HTTP. The short form answers scripts that predate this API."""

import re
import uuid
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import HeaderEx, P, Path, QueryEx, Router

from tickets import selectors, services, till
from tickets.auth import KeyWithScope, key_or_open
from tickets.models import CODE_ALPHABET, CODE_LENGTH, Purchase
from tickets.schemas import (
    AdmissionOut,
    BuyerIn,
    CancelIn,
    ConfirmIn,
    HoldIn,
    HoldOut,
    PurchaseIn,
    PurchaseOut,
    PurchasePage,
    ShortIn,
    ShortOut,
)
from tickets.selectors import Client
from tickets.services import PurchaseNotFound, TicketNotFound
from tickets.tally import ATTEMPTS
from tickets.wishes import Confirmation, HoldNotFound, HoldOrder, Order, Sale, SaleRefusal
from vacancy import services as stock
from vacancy.answers import JSON, Answer
from vacancy.lanes import READS

router = Router(tags=["selling"])
holding = Router(tags=["holds"])
door = Router(tags=["check-in"])
short_form = Router(tags=["short form"])
_JSON = "application/json"
_PREFIX = "/api/v1"  # where ticketsite.api puts these routers
_PRIVATE = {"Cache-Control": "no-store"}
MAX_PAGE = 200
_KEY_SHAPE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")


class IdempotencyKeyMissing(SaleRefusal):
    """A purchase without an idempotency key could not be retried safely."""

    code = "idempotency-key-missing"


class CursorMalformed(SaleRefusal):
    """The cursor is not one that this API gave out."""

    code = "malformed-request"


class IdempotencyKeyMalformed(SaleRefusal):
    """The header is there, but it is not a key."""

    code = "malformed-request"


def idempotency_key(header: str | None) -> str:
    """Read the Idempotency-Key header, quoted (RFC 8941 string) or bare.

    Raises:
        IdempotencyKeyMissing: absent or empty.
        IdempotencyKeyMalformed: longer than 255 characters, or not printable ASCII.
    """
    key = (header or "").strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if not key:
        raise IdempotencyKeyMissing(
            "Send an Idempotency-Key header, fresh for each purchase and the same for each retry."
        )
    if not _KEY_SHAPE.fullmatch(key):
        raise IdempotencyKeyMalformed(
            "An idempotency key is 1 to 255 printable ASCII characters without outer spaces."
        )
    return key


RequiredKey = HeaderEx[
    str | None, P(alias="Idempotency-Key", description="Required; 1 to 255 characters.")
]
OptionalKey = HeaderEx[
    str | None, P(alias="Idempotency-Key", description="Optional here; needs an API key.")
]


@router.post(
    "/purchases", response={201: PurchaseOut}, auth=KeyWithScope("buy"), summary="Buy places"
)
async def create_purchase(
    request: HttpRequest, payload: PurchaseIn, key: RequiredKey = None
) -> HttpResponse:
    """Sell the places at once, or refuse. A repeat of the same key gets the same answer."""
    client: Client = request.auth  # type: ignore[attr-defined]  # set by ninja's auth
    order = Order(
        vacancy_id=payload.vacancy,
        qty=payload.qty,
        client=client,
        buyer_name=payload.buyer.name,
        buyer_email=payload.buyer.email,
        idempotency_key=idempotency_key(key),
    )
    sale = await ATTEMPTS.watch(till.sell(order), client=client)
    return _sold(request, sale)


def _sold(request: HttpRequest, sale: Sale) -> HttpResponse:
    body = PurchaseOut.of(sale).model_dump_json()
    location = f"{_PREFIX}/purchases/{sale.id}"
    return Answer(body.encode(), status=201, headers=(JSON, (b"location", location.encode())))


@router.get("/purchases", response=PurchasePage, auth=KeyWithScope("buy"), summary="Your purchases")
async def list_purchases(
    request: HttpRequest,
    limit: QueryEx[int, P(ge=1, le=MAX_PAGE)] = 50,
    cursor: QueryEx[str | None, P(max_length=100)] = None,
) -> HttpResponse:
    """List this key's purchases, newest first, a page at a time."""
    client: Client = request.auth  # type: ignore[attr-defined]
    after = _read_cursor(cursor) if cursor is not None else None
    page = await READS.run(_page_json, client, limit, after)
    return HttpResponse(page, content_type=_JSON, headers=_PRIVATE)


def _page_json(client: Client, limit: int, after: selectors.Cursor | None) -> str:
    rows = selectors.purchases_of_client(client=client, after=after, limit=limit + 1)
    purchases = [PurchaseOut.build(row, _codes(row)) for row in rows[:limit]]
    more = _write_cursor(rows[limit - 1]) if len(rows) > limit else None
    return PurchasePage(purchases=purchases, next=more).model_dump_json()


def _write_cursor(last: Purchase) -> str:
    micros = int(last.created_at.timestamp()) * 1_000_000 + last.created_at.microsecond
    return f"{micros:x}-{last.pk.hex}"


def _read_cursor(text: str) -> selectors.Cursor:
    """Read what `_write_cursor` wrote.

    Raises:
        CursorMalformed: it is none.
    """
    micros, _, pk = text.partition("-")
    try:
        seconds, rest = divmod(int(micros, 16), 1_000_000)
        at = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)
        return selectors.Cursor(at, uuid.UUID(pk))
    except (ValueError, OverflowError, OSError):
        raise CursorMalformed("This cursor was not given out by this API.") from None


@router.get(
    "/purchases/{purchase}",
    response=PurchaseOut,
    auth=KeyWithScope("buy"),
    summary="One of your purchases",
)
async def get_purchase(request: HttpRequest, purchase: Path[uuid.UUID]) -> HttpResponse:
    """Return a purchase of this key; another key's does not exist for it."""
    client: Client = request.auth  # type: ignore[attr-defined]
    body = await READS.run(_purchase_json, client, purchase)
    if body is None:
        raise PurchaseNotFound(f"There is no purchase {purchase} of this API key.")
    return HttpResponse(body, content_type=_JSON, headers=_PRIVATE)


def _purchase_json(client: Client, purchase_id: uuid.UUID) -> str | None:
    found = selectors.purchase_of_client(client=client, purchase_id=purchase_id)
    return PurchaseOut.build(found, _codes(found)).model_dump_json() if found else None


def _codes(purchase: Purchase) -> list[str]:
    return [ticket.code for ticket in purchase.tickets.all()]


@router.post(
    "/purchases/{purchase}/cancel",
    response=PurchaseOut,
    auth=KeyWithScope("buy"),
    summary="Cancel a purchase",
)
async def cancel_purchase(
    request: HttpRequest, purchase: Path[uuid.UUID], payload: CancelIn | None = None
) -> HttpResponse:
    """Give the places back, once; a repeat answers the same and changes nothing."""
    client: Client = request.auth  # type: ignore[attr-defined]
    reason = payload.reason if payload else ""
    body = await till.run(_cancel, client, purchase, reason)
    return HttpResponse(body, content_type=_JSON, headers=_PRIVATE)


def _cancel(client: Client, purchase_id: uuid.UUID, reason: str) -> str:
    cancelled = services.purchase_cancel(
        purchase_id=purchase_id, client=client, actor=None, reason=reason, now=timezone.now()
    )
    return PurchaseOut.build(cancelled, _codes(cancelled)).model_dump_json()


@holding.post("/holds", response={201: HoldOut}, auth=KeyWithScope("buy"), summary="Hold places")
async def create_hold(
    request: HttpRequest, payload: HoldIn, key: RequiredKey = None
) -> HttpResponse:
    """Keep places for some minutes, or refuse. They are sold only when the hold is confirmed."""
    client: Client = request.auth  # type: ignore[attr-defined]
    order = HoldOrder(
        vacancy_id=payload.vacancy,
        qty=payload.qty,
        client=client,
        seconds=payload.hold_seconds,
        buyer_name=payload.buyer.name,
        buyer_email=payload.buyer.email,
        idempotency_key=idempotency_key(key),
    )
    held = await till.hold(order)
    # As it was when it was made: a repeat gets the same answer.
    body = HoldOut.build(held.hold, purchase_id=None, now=held.hold.created_at).model_dump_json()
    location = f"{_PREFIX}/holds/{held.hold.pk}"
    return HttpResponse(body, status=201, content_type=_JSON, headers={"Location": location})


@holding.get(
    "/holds/{hold}", response=HoldOut, auth=KeyWithScope("buy"), summary="One of your holds"
)
async def get_hold(request: HttpRequest, hold: Path[uuid.UUID]) -> HttpResponse:
    """Return a hold of this key and what became of it."""
    client: Client = request.auth  # type: ignore[attr-defined]
    body = await READS.run(_hold_json, client, hold)
    if body is None:
        raise HoldNotFound(f"There is no hold {hold} of this API key.")
    return HttpResponse(body, content_type=_JSON, headers=_PRIVATE)


def _hold_json(client: Client, hold_id: uuid.UUID) -> str | None:
    found = selectors.hold_of_client(client=client, hold_id=hold_id)
    if found is None:
        return None
    hold, purchase_id = found
    return HoldOut.build(hold, purchase_id=purchase_id, now=timezone.now()).model_dump_json()


@holding.delete(
    "/holds/{hold}", response={204: None}, auth=KeyWithScope("buy"), summary="Release a hold"
)
async def delete_hold(request: HttpRequest, hold: Path[uuid.UUID]) -> HttpResponse:
    """Give the places back before the time is over; a repeat changes nothing."""
    client: Client = request.auth  # type: ignore[attr-defined]
    await till.run(_release, client, hold)
    return HttpResponse(status=204)


def _release(client: Client, hold_id: uuid.UUID) -> None:
    services.hold_release(hold_id=hold_id, client=client, now=timezone.now())


@holding.post(
    "/holds/{hold}/confirm",
    response={201: PurchaseOut},
    auth=KeyWithScope("buy"),
    summary="Buy what is held",
)
async def confirm_hold(
    request: HttpRequest,
    hold: Path[uuid.UUID],
    payload: ConfirmIn | None = None,
    key: RequiredKey = None,
) -> HttpResponse:
    """Turn the hold into a purchase at the price of when it was held."""
    client: Client = request.auth  # type: ignore[attr-defined]
    buyer = payload.buyer if payload else BuyerIn()
    confirmation = Confirmation(
        hold_id=hold,
        client=client,
        buyer_name=buyer.name,
        buyer_email=buyer.email,
        idempotency_key=idempotency_key(key),
    )
    sale = await ATTEMPTS.watch(till.confirm(confirmation), client=client)
    return _sold(request, sale)


@door.get(
    "/tickets/{code}",
    response=AdmissionOut,
    auth=KeyWithScope("check_in"),
    summary="Look a ticket up",
)
async def get_ticket(request: HttpRequest, code: Path[str]) -> HttpResponse:
    """Return a ticket by its code, in capitals or not, with hyphens or without."""
    client: Client = request.auth  # type: ignore[attr-defined]
    body = await READS.run(_ticket_json, client, _plain(code))
    if body is None:
        raise TicketNotFound(f"There is no ticket {_plain(code)}.")
    return HttpResponse(body, content_type=_JSON, headers=_PRIVATE)


def _ticket_json(client: Client, code: str) -> str | None:
    ticket = selectors.ticket_at_door(client=client, code=code)
    return AdmissionOut.build(ticket).model_dump_json() if ticket else None


@door.post(
    "/tickets/{code}/check-in",
    response=AdmissionOut,
    auth=KeyWithScope("check_in"),
    summary="Admit one person",
)
async def check_in(request: HttpRequest, code: Path[str]) -> HttpResponse:
    """Use the ticket, once: a second time is refused and says when the first was."""
    client: Client = request.auth  # type: ignore[attr-defined]
    body = await till.run(_check_in, client, _plain(code))
    return HttpResponse(body, content_type=_JSON, headers=_PRIVATE)


def _check_in(client: Client, code: str) -> str:
    ticket = services.ticket_check_in(code=code, client=client, now=timezone.now())
    return AdmissionOut.build(ticket).model_dump_json()


def _plain(code: str) -> str:
    """Read a code as people type it; what cannot be part of one is left out.

    One letter too many is kept: a longer code is another one, and there is no such ticket.
    """
    return "".join(letter for letter in code.upper() if letter in CODE_ALPHABET)[: CODE_LENGTH + 1]


@short_form.post("/purchase", response=ShortOut, auth=key_or_open, summary="Buy, short form")
async def short_purchase(
    request: HttpRequest, payload: ShortIn, key: OptionalKey = None
) -> HttpResponse:
    """Buy on the default (or named) vacancy; refusals come with status 200 too."""
    return await _short(request, payload, key, "/purchase", "Purchased")


@short_form.post("/reserve", response=ShortOut, auth=key_or_open, summary="Buy, older short form")
async def short_reserve(
    request: HttpRequest, payload: ShortIn, key: OptionalKey = None
) -> HttpResponse:
    """Do the same as `/purchase`, under the name that older load scripts call."""
    return await _short(request, payload, key, "/reserve", "Reserved")


async def _short(
    request: HttpRequest, payload: ShortIn, key: str | None, path: str, done: str
) -> HttpResponse:
    caller = request.auth  # type: ignore[attr-defined]
    client = caller if isinstance(caller, Client) else None
    # Without a client there is nobody whose repeat it could be.
    repeatable = idempotency_key(key) if client and key is not None else None
    order = Order(
        vacancy_id=payload.vacancy,
        qty=payload.qty,
        client=client,
        idempotency_key=repeatable,
        path=path,
    )
    try:
        sale = await ATTEMPTS.watch(till.sell(order), client=client)
    except stock.StockRefusal as refusal:
        answer = ShortOut(
            success=False, remaining=getattr(refusal, "available", 0), message=str(refusal)
        )
    else:
        answer = ShortOut(success=True, remaining=sale.remaining, message=f"{done} {payload.qty}.")
    return Answer(answer.model_dump_json().encode())
