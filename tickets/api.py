"""Selling over HTTP. The short form answers scripts that predate this API."""

import re
import uuid

from django.http import HttpRequest, HttpResponse
from ninja import HeaderEx, P, Path, Router

from tickets import selectors, till
from tickets.auth import KeyWithScope, key_or_open
from tickets.schemas import PurchaseIn, PurchaseOut, ShortIn, ShortOut
from tickets.selectors import Client
from tickets.services import Order, SaleRefusal
from vacancy import services as stock
from vacancy.lanes import READS

router = Router(tags=["selling"])
short_form = Router(tags=["short form"])
_JSON = "application/json"
_KEY_SHAPE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")


class IdempotencyKeyMissing(SaleRefusal):
    """A purchase without an idempotency key could not be retried safely."""

    code = "idempotency-key-missing"


class IdempotencyKeyMalformed(SaleRefusal):
    """The header is there, but it is not a key."""

    code = "malformed-request"


class PurchaseNotFound(SaleRefusal):
    """No such purchase, or another client's."""

    code = "not-found"


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


@router.post(
    "/purchases", response={201: PurchaseOut}, auth=KeyWithScope("buy"), summary="Buy places"
)
async def create_purchase(
    request: HttpRequest,
    payload: PurchaseIn,
    key: HeaderEx[
        str | None, P(alias="Idempotency-Key", description="Required; 1 to 255 characters.")
    ] = None,
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
    sale = await till.sell(order)
    body = PurchaseOut.build(sale.purchase, sale.codes).model_dump_json()
    location = f"{request.path}/{sale.purchase.pk}"
    return HttpResponse(body, status=201, content_type=_JSON, headers={"Location": location})


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
    return HttpResponse(body, content_type=_JSON, headers={"Cache-Control": "no-store"})


def _purchase_json(client: Client, purchase_id: uuid.UUID) -> str | None:
    found = selectors.purchase_of_client(client=client, purchase_id=purchase_id)
    if found is None:
        return None
    codes = [ticket.code for ticket in found.tickets.all()]
    return PurchaseOut.build(found, codes).model_dump_json()


OptionalKey = HeaderEx[
    str | None, P(alias="Idempotency-Key", description="Optional here; needs an API key.")
]


@short_form.post("/purchase", response=ShortOut, auth=key_or_open, summary="Buy, short form")
async def short_purchase(
    request: HttpRequest, payload: ShortIn, key: OptionalKey = None
) -> HttpResponse:
    """Buy on the default (or named) vacancy; refusals come with status 200 too."""
    return await _short(request, payload, key, "Purchased")


@short_form.post("/reserve", response=ShortOut, auth=key_or_open, summary="Buy, older short form")
async def short_reserve(
    request: HttpRequest, payload: ShortIn, key: OptionalKey = None
) -> HttpResponse:
    """Do the same as `/purchase`, under the name that older load scripts call."""
    return await _short(request, payload, key, "Reserved")


async def _short(
    request: HttpRequest, payload: ShortIn, key: str | None, done: str
) -> HttpResponse:
    caller = request.auth  # type: ignore[attr-defined]
    client = caller if isinstance(caller, Client) else None
    # Without a client there is nobody whose repeat it could be.
    repeatable = idempotency_key(key) if client and key is not None else None
    order = Order(
        vacancy_id=payload.vacancy, qty=payload.qty, client=client, idempotency_key=repeatable
    )
    try:
        sale = await till.sell(order)
    except stock.StockRefusal as refusal:
        answer = ShortOut(
            success=False, remaining=getattr(refusal, "available", 0), message=str(refusal)
        )
    else:
        answer = ShortOut(success=True, remaining=sale.remaining, message=f"{done} {payload.qty}.")
    return HttpResponse(answer.model_dump_json(), content_type=_JSON)
