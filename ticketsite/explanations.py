"""What each problem means and what to do about it: the text of the pages behind `type`.

In English, like the API's own sentences: whoever reads them writes a program.
"""

from typing import Any, NamedTuple


class Explanation(NamedTuple):
    """One page. `detail` and `members` are those of a body as the API really sends it."""

    cause: str
    remedy: str
    detail: str
    members: dict[str, Any] = {}  # noqa: RUF012  # never changed


EXPLANATIONS = {
    "sold-out": Explanation(
        "Fewer places are free than were asked for; `available` says how many. Nothing was sold "
        "and nothing was stored: the same idempotency key may be used again.",
        "Ask for at most `available` places, or offer another vacancy. Places can come back when "
        "a hold expires or a purchase is cancelled: look at `GET /available`, not more often than "
        "once a second.",
        "2 asked for, 1 available.",
        {"available": 1},
    ),
    "not-on-sale": Explanation(
        "The vacancy is paused or closed, or this moment is outside its sale window. Nothing was "
        "sold.",
        "Read `GET /vacancies/{id}`: `state`, `on_sale_from` and `on_sale_until` say why and "
        "until when. Repeat the request once it is on sale; retrying sooner changes nothing.",
        "Vacancy 1 is paused.",
    ),
    "limit-per-purchase": Explanation(
        "More places were asked for than one purchase of this vacancy may have.",
        "Ask for at most `max_per_purchase` places, as `GET /vacancies/{id}` tells.",
        "12 asked for, at most 10 in one purchase.",
        {"available": 987},
    ),
    "hold-expired": Explanation(
        "The hold ended at its `expires_at`, that instant excluded, and its places went back on "
        "sale. Nothing was sold.",
        "Make a new hold with a new idempotency key, if there are still places.",
        "The hold expired at 2031-05-01T19:10:00+00:00.",
    ),
    "hold-released": Explanation(
        "The hold was given back before, with `DELETE /holds/{id}`. Nothing was sold.",
        "Make a new hold with a new idempotency key, if there are still places.",
        "The hold was released.",
    ),
    "hold-confirmed": Explanation(
        "The hold has become a purchase already, so it cannot be released or confirmed again.",
        "Read `GET /holds/{id}`: `purchase` is the id of what was bought. To give the places back, "
        "cancel that purchase.",
        "The hold has become a purchase.",
    ),
    "already-checked-in": Explanation(
        "Somebody went in with this ticket; `checked_in_at` says when. A ticket admits once, and a "
        "purchase of which a ticket was used cannot be cancelled.",
        "At the door: do not admit a second person. Everywhere else: there is nothing to retry.",
        "This ticket was checked in before.",
        {"checked_in_at": "2031-05-01T18:42:07+00:00"},
    ),
    "purchase-cancelled": Explanation(
        "The purchase that this ticket belongs to was cancelled, and its place may have been sold "
        "again.",
        "Do not admit. Read `GET /tickets/{code}` for the purchase.",
        "The purchase of this ticket was cancelled.",
    ),
    "idempotency-key-missing": Explanation(
        "This call sells or holds places, and without the header `Idempotency-Key` a retry after "
        "a lost answer could do so twice.",
        "Send `Idempotency-Key`: a fresh random value for each thing you mean to do, such as a "
        "UUID, and the same one for each retry of it.",
        "Send an Idempotency-Key header, fresh for each purchase and the same for each retry.",
    ),
    "idempotency-key-reused": Explanation(
        "This key already stands for another request: the same key came before with another body. "
        "Nothing was sold by this one.",
        "Use a new key. If you meant to retry, send exactly the body of the first request.",
        "The idempotency key 'order-17' was used for another request.",
    ),
    "request-in-flight": Explanation(
        "A request with the same idempotency key is still being served, and five seconds were not "
        "enough. It may yet succeed.",
        "Wait as many seconds as `Retry-After` says and send the same request with the same key: "
        "you will get the answer of the first one. Never change the key, or you may buy twice.",
        "The first request with this idempotency key is still being served.",
    ),
    "rate-limited": Explanation(
        "This API key made more requests in this window than it may. The request was not looked "
        "at. `RateLimit-Policy` tells the limit (`q` requests in `w` seconds), `RateLimit` what is "
        "left of it (`r`) and when the next window begins (`t`, in seconds).",
        "Wait as many seconds as `Retry-After` says, then repeat the request with the same "
        "idempotency key. Slow down as `r` gets small instead of waiting for this answer.",
        "This API key may make 1000 requests in 1 s; the next ones in 1 s.",
    ),
    "overloaded": Explanation(
        "More requests wait than can be served soon, or the database does not answer. This one was "
        "turned away, or its outcome could not be learned; nothing is told as sold that is not.",
        "Wait as many seconds as `Retry-After` says, a little more each time, and send the same "
        "request with the same idempotency key. If the first one did sell, you get its answer.",
        "The till queue is full.",
    ),
    "not-ready": Explanation(
        "Only `GET /ready` says this: a part that this process needs is missing. `checks` names "
        "each part with `ok` or what is wrong.",
        "Send buyers to another process until this one answers 200. If all say so, look at the "
        "named part.",
        "migrations: 2 not applied: run manage.py migrate",
        {"checks": {"database": "ok", "migrations": "2 not applied: run manage.py migrate"}},
    ),
    "unauthenticated": Explanation(
        "No API key was sent where one is needed, or the one that was sent is unknown, revoked or "
        "expired. A wrong key is refused also where none is needed.",
        "Send `Authorization: Bearer <key>`. A revoked or expired key does not come back: ask the "
        "operator of this site for another.",
        "This API key is unknown, revoked or expired.",
    ),
    "forbidden": Explanation(
        "The API key is good, but it was not made for this: it lacks a scope.",
        "Use a key with the scope that `detail` names. Retrying with this key changes nothing.",
        "This API key lacks the scope 'check_in'.",
    ),
    "not-found": Explanation(
        "There is nothing at this address: no such path, or no such vacancy, hold, purchase or "
        "ticket that this key may see. What belongs to another key does not exist for yours.",
        "Check the path and the id. Do not retry.",
        "There is no vacancy 4711.",
    ),
    "method-not-allowed": Explanation(
        "The path exists, but not for this method.",
        "Use one of those that the header `Allow` names.",
        "PUT is not for this.",
    ),
    "malformed-request": Explanation(
        "The request cannot be read: the body is no JSON, or a header, the query or its encoding "
        "is malformed.",
        "Correct the program that sends it. Do not retry.",
        "Cannot parse request body",
    ),
    "body-too-large": Explanation(
        "The body has more than 64 KiB. The rest of it was not read.",
        "Send less. No call of this API needs as much.",
        "A body may have 65536 bytes.",
    ),
    "invalid-request": Explanation(
        "The request can be read, but a field is missing, unknown, or outside its limits. `errors` "
        "names each `field` by where it stands (`body.qty`, `query.vacancy`) with a `message`.",
        "Correct the fields that are named. Do not retry unchanged.",
        "body.qty: Input should be greater than or equal to 1",
        {
            "errors": [
                {"field": "body.qty", "message": "Input should be greater than or equal to 1"}
            ]
        },
    ),
    "internal-error": Explanation(
        "Something went wrong on our side that nobody foresaw. It was logged with the request id.",
        "Send the same request with the same idempotency key again, once. If it happens again, "
        "tell the operator of this site the value of `X-Request-ID`.",
        "Something went wrong here. It has been logged.",
    ),
}
