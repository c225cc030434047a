"""The floor: what a request costs before anything is sold.

Same body, schemas, auth, way in and server as a purchase, and nothing between: what is measured
above it is the price of selling.
"""

from datetime import UTC, datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import HeaderEx, P, QueryEx, Router

from tickets.auth import KeyWithScope
from tickets.schemas import PurchaseIn, PurchaseOut, TicketOut
from vacancy.answers import JSON, Answer, Ready
from vacancy.schemas import MAX_ID, AvailableOut

router = Router(tags=["bench"])
_AVAILABLE = Ready.of(
    AvailableOut(vacancy=1, qty=1000).model_dump_json().encode(),
    headers=((b"cache-control", b"max-age=1"),),
    vary="Authorization",
)
_MADE = datetime(2026, 1, 1, tzinfo=UTC)
_ID = UUID(int=1)


@router.post("/floor", response={201: PurchaseOut}, auth=KeyWithScope("buy"))
async def post_floor(
    request: HttpRequest,
    payload: PurchaseIn,
    key: HeaderEx[str | None, P(alias="Idempotency-Key")] = None,
) -> HttpResponse:
    """Answer as a purchase does, without one."""
    answer = PurchaseOut(
        id=_ID,
        vacancy=payload.vacancy,
        qty=payload.qty,
        status="confirmed",
        total=4500 * payload.qty,
        currency="EUR",
        tickets=[TicketOut(code="7KQ2MZP4XHRD9TBWC5NA")] * payload.qty,
        created_at=_MADE,
    )
    location = b"/api/v1/purchases/%b" % str(_ID).encode()
    body = answer.model_dump_json().encode()
    return Answer(body, status=201, headers=(JSON, (b"location", location)))


@router.get("/floor", response=AvailableOut)
async def get_floor(
    request: HttpRequest, vacancy: QueryEx[int | None, P(ge=1, le=MAX_ID)] = None
) -> HttpResponse:
    """Answer as `GET /available` does, without looking anything up."""
    return _AVAILABLE.to(request)
