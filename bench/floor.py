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
from vacancy.schemas import MAX_ID, AvailableOut

router = Router(tags=["bench"])
_JSON = "application/json"
_AVAILABLE = AvailableOut(vacancy=1, qty=1000).model_dump_json().encode()
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
    location = f"/api/v1/purchases/{_ID}"
    body = answer.model_dump_json()
    return HttpResponse(body, status=201, content_type=_JSON, headers={"Location": location})


@router.get("/floor", response=AvailableOut)
async def get_floor(
    request: HttpRequest, vacancy: QueryEx[int | None, P(ge=1, le=MAX_ID)] = None
) -> HttpResponse:
    """Answer as `GET /available` does, without looking anything up."""
    headers = {"Cache-Control": "max-age=1", "Vary": "Authorization"}
    return HttpResponse(_AVAILABLE, content_type=_JSON, headers=headers)
