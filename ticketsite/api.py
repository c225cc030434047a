"""The NinjaAPI object and the table from errors to answers.

Exception
├── vacancy.services.StockRefusal        404, 409 or 422 by its code
│   ├── VacancyNotFound                  not-found
│   ├── NotOnSale                        not-on-sale
│   ├── SoldOut                          sold-out (NotThatMany)
│   ├── OverPurchaseLimit                limit-per-purchase (NotThatMany)
│   └── CapacityTooLow                   (admin only)
├── tickets.wishes.SaleRefusal           by its code
│   ├── IdempotencyKeyReused             idempotency-key-reused
│   ├── RequestInFlight                  request-in-flight
│   ├── HoldNotFound                     not-found
│   ├── HoldExpired                      hold-expired
│   ├── HoldReleased                     hold-released
│   ├── HoldConfirmed                    hold-confirmed
│   ├── OutcomeUnknown                   overloaded
│   ├── tickets.services.PurchaseNotFound    not-found
│   ├── tickets.services.TicketNotFound      not-found
│   ├── tickets.services.AlreadyCheckedIn    already-checked-in
│   ├── tickets.services.PurchaseCancelled   purchase-cancelled
│   ├── tickets.api.IdempotencyKeyMissing    idempotency-key-missing
│   ├── tickets.api.IdempotencyKeyMalformed  malformed-request
│   └── tickets.api.CursorMalformed      malformed-request
├── tickets.auth.AuthRefusal             by its code
│   ├── Unauthenticated                  unauthenticated
│   └── Forbidden                        forbidden
├── vacancy.lanes.LaneFull               overloaded
├── ninja.errors.ValidationError         invalid-request, with the fields
├── ninja.errors.HttpError               by its status
└── anything else                        internal-error (ticketsite.lean)
"""

from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from ninja import NinjaAPI
from ninja.errors import HttpError, Throttled, ValidationError
from ninja.openapi.schema import OpenAPISchema

from tickets.api import door, holding, short_form
from tickets.api import router as selling
from tickets.auth import AuthRefusal, optional_key
from tickets.wishes import SaleRefusal
from ticketsite import __version__
from ticketsite.health import router as health
from ticketsite.openapi import Document
from ticketsite.problems import CODE_FOR_STATUS, problem
from ticketsite.rates import KeyLimit
from vacancy.answers import Answer
from vacancy.api import router as stock
from vacancy.lanes import LaneFull
from vacancy.services import StockRefusal

PREFIX = "/api/v1"
MOST_ERRORS_TOLD = 20  # or a body of nonsense would be answered with several times its size


class Api(NinjaAPI):
    """NinjaAPI with a whole OpenAPI document, and less work for each request."""

    def create_temporal_response(self, request: HttpRequest) -> HttpResponse:
        """Return what Ninja fills if an endpoint does not: see Note [Light objects]."""
        return Answer()

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        """Return the document of `ticketsite.openapi`."""
        if path_prefix is None:
            path_prefix = self.get_root_path(path_params or {})
        return Document(self, path_prefix)


api = Api(
    title="ticketsite",
    version=__version__,
    description=(
        "A box office that never sells a place twice. Buying needs an API key, "
        "`Authorization: Bearer …`, and an `Idempotency-Key` that makes retries safe."
    ),
    auth=optional_key,
    throttle=KeyLimit(),
    docs_url="/docs",
    docs_decorator=require_safe,
    urls_namespace="api-1",
)
api.add_router("", health)
api.add_router("", stock)
api.add_router("", selling)
api.add_router("", holding)
api.add_router("", door)
api.add_router("", short_form)


@api.exception_handler(StockRefusal)
def _stock_refusal(request: HttpRequest, refusal: StockRefusal) -> HttpResponse:
    available = getattr(refusal, "available", None)
    extensions = {} if available is None else {"available": available}
    return problem(refusal.code, str(refusal), **extensions)


@api.exception_handler(SaleRefusal)
def _sale_refusal(request: HttpRequest, refusal: SaleRefusal) -> HttpResponse:
    checked_in_at = getattr(refusal, "checked_in_at", None)
    extensions = {} if checked_in_at is None else {"checked_in_at": checked_in_at.isoformat()}
    return problem(refusal.code, str(refusal), **extensions)


@api.exception_handler(AuthRefusal)
def _auth_refusal(request: HttpRequest, refusal: AuthRefusal) -> HttpResponse:
    return problem(refusal.code, str(refusal))


@api.exception_handler(LaneFull)
def _lane_full(request: HttpRequest, refusal: LaneFull) -> HttpResponse:
    return problem(refusal.code, str(refusal))


@api.exception_handler(OperationalError)
@api.exception_handler(InterfaceError)
def _database_away(request: HttpRequest, error: Exception) -> HttpResponse:
    return problem("overloaded", "The database does not answer at the moment.")


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    fields = [
        {"field": _field(tuple(item["loc"])), "message": item["msg"]}
        for item in error.errors[:MOST_ERRORS_TOLD]
    ]
    sentence = "; ".join(f"{item['field']}: {item['message']}" for item in fields)
    return problem("invalid-request", sentence, errors=fields)


def _field(place: tuple[Any, ...]) -> str:
    """Name a field as the caller did: Ninja adds the name of our argument after `body`."""
    return ".".join(str(part) for part in (place[0], *place[2 if place[0] == "body" else 1 :]))


@api.exception_handler(Throttled)
def _rate_limited(request: HttpRequest, refusal: Throttled) -> HttpResponse:
    standing = request.standing  # type: ignore[attr-defined]  # left by the throttle
    return problem(
        "rate-limited",
        f"This API key may make {standing.quota} requests in {standing.window_s} s; "
        f"the next ones in {standing.reset_s} s.",
        retry_after_s=standing.reset_s,
    )


@api.exception_handler(HttpError)
def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    return problem(CODE_FOR_STATUS.get(error.status_code, "internal-error"), str(error))
