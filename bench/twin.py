"""The product's paths, but the short form's purchase is an empty POST.

Same body, schemas, auth and rate limit; nothing is sold. What the reference run takes longer than
this is what selling takes.
"""

from django.http import HttpRequest, HttpResponse
from django.urls import path
from ninja import HeaderEx, P

from tickets.auth import key_or_open
from tickets.schemas import ShortIn, ShortOut
from ticketsite.api import PREFIX, Api
from ticketsite.rates import KeyLimit
from ticketsite.urls import urlpatterns as product
from vacancy.answers import Answer

empty = Api(throttle=KeyLimit(), urls_namespace="bench-twin", docs_url=None, openapi_url=None)


@empty.post("/purchase", response=ShortOut, auth=key_or_open)
async def purchase(
    request: HttpRequest,
    payload: ShortIn,
    key: HeaderEx[str | None, P(alias="Idempotency-Key")] = None,
) -> HttpResponse:
    """Answer as a sale does, without one."""
    answer = ShortOut(success=True, remaining=999, message=f"Purchased {payload.qty}.")
    return Answer(answer.model_dump_json().encode())


urlpatterns = [path(f"{PREFIX[1:]}/", empty.urls), *product]
