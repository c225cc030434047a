"""The textbook purchase: what a careful Django developer writes before any load was measured.

One transaction a purchase, a conditional `F()` update, the purchase with its idempotency key and
its tickets; served by Django's own ASGI handler. It never sells a place twice either.
"""

from django.db import IntegrityError, transaction
from django.db.models import F
from django.http import HttpRequest
from django.urls import path
from ninja import NinjaAPI, Schema, Status
from ninja.security import HttpBearer

from tickets.models import ApiKey, Purchase, Ticket
from tickets.schemas import PurchaseIn, PurchaseOut
from tickets.selectors import key_digest
from vacancy.models import Vacancy

api = NinjaAPI(urls_namespace="textbook", docs_url=None, openapi_url=None)


class Refusal(Schema):
    """Why nothing was sold."""

    detail: str


class SoldOut(Exception):
    """Ends the transaction; nothing of it stays."""


class Key(HttpBearer):
    """An API key, looked up for each request."""

    def authenticate(self, request: HttpRequest, token: str) -> ApiKey | None:
        """Return the key's row, or None."""
        return ApiKey.objects.filter(digest=key_digest(token), revoked_at=None).first()


@api.get("/ready")
def ready(request: HttpRequest) -> bool:
    """Say whether the database answers."""
    return Vacancy.objects.exists()


@api.post("/purchases", response={201: PurchaseOut, 400: Refusal, 409: Refusal}, auth=Key())
def buy(request: HttpRequest, payload: PurchaseIn) -> Status[PurchaseOut] | Status[Refusal]:
    """Sell, or repeat the answer of the first request with this key."""
    client: ApiKey = request.auth  # type: ignore[attr-defined]  # set by ninja's auth
    key = request.headers.get("Idempotency-Key")
    if not key:
        return Status(400, Refusal(detail="Send an Idempotency-Key."))
    earlier = Purchase.objects.filter(client=client, idempotency_key=key)
    purchase = earlier.first()
    if purchase is None:
        try:
            purchase = _sell(client, key, payload)
        except SoldOut:
            return Status(409, Refusal(detail="Sold out."))
        except IntegrityError:  # a twin with the same key was faster
            purchase = earlier.get()
    codes = list(purchase.tickets.values_list("code", flat=True))
    return Status(201, PurchaseOut.build(purchase, codes))


@transaction.atomic
def _sell(client: ApiKey, key: str, payload: PurchaseIn) -> Purchase:
    on_sale = Vacancy.objects.filter(pk=payload.vacancy, state=Vacancy.State.ON_SALE)
    changed = on_sale.filter(available__gte=payload.qty).update(
        available=F("available") - payload.qty, sold=F("sold") + payload.qty
    )
    if not changed:
        raise SoldOut
    vacancy = Vacancy.objects.get(pk=payload.vacancy)
    purchase = Purchase.objects.create(
        vacancy=vacancy,
        client=client,
        qty=payload.qty,
        unit_price=vacancy.price,
        total=vacancy.price * payload.qty,
        currency=vacancy.currency,
        buyer_name=payload.buyer.name,
        buyer_email=payload.buyer.email,
        idempotency_key=key,
    )
    Ticket.objects.bulk_create([Ticket(purchase=purchase) for _ in range(payload.qty)])
    return purchase


urlpatterns = [path("textbook/", api.urls)]  # last: this closes the API
