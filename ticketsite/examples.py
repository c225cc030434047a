"""The examples of the OpenAPI document, by method and path.

A test sends each to the real API and compares what comes back, so none of them can grow old. Ids,
codes and instants stand for others of their kind.
"""

from typing import Any

PURCHASE_ID = "0190b3a4-7f11-4c5e-9d2b-1f0e6c1a2b3c"
HOLD_ID = "0190b3a5-11c0-4a7e-8f3d-5c2b9e0d4f61"
CODE = "7KQ2MZP4XHRD9TBWC5NA"
AT = "2031-04-01T10:00:03.250000Z"
IDEMPOTENCY_KEY = "5b1d7c1e-3f1f-4f8e-9d57-0c8f6f0f2a11"

VACANCY: dict[str, Any] = {
    "id": 1,
    "name": "Concert, floor standing",
    "venue": "Hall 1",
    "starts_at": "2031-05-01T19:00:00Z",
    "on_sale_from": None,
    "on_sale_until": None,
    "price": 4500,
    "currency": "EUR",
    "max_per_purchase": 10,
    "state": "on_sale",
    "capacity": 1000,
    "available": 987,
}
BUYER = {"name": "Ada Lovelace", "email": "ada@example.org"}
WANTED: dict[str, Any] = {"vacancy": 1, "qty": 2, "buyer": BUYER}
PURCHASE: dict[str, Any] = {
    "id": PURCHASE_ID,
    "vacancy": 1,
    "qty": 2,
    "status": "confirmed",
    "total": 9000,
    "currency": "EUR",
    "tickets": [{"code": CODE}, {"code": "M4T8WQ2BNXK6ZP3DRC7H"}],
    "created_at": AT,
}
HOLD: dict[str, Any] = {
    "id": HOLD_ID,
    "vacancy": 1,
    "qty": 2,
    "status": "active",
    "expires_at": "2031-04-01T10:10:03.250000Z",
    "total": 9000,
    "currency": "EUR",
    "purchase": None,
    "created_at": AT,
}
TICKET: dict[str, Any] = {
    "code": CODE,
    "status": "valid",
    "vacancy": 1,
    "vacancy_name": "Concert, floor standing",
    "purchase": PURCHASE_ID,
    "buyer_name": "Ada Lovelace",
    "checked_in_at": None,
}
_KEY = {"Idempotency-Key": IDEMPOTENCY_KEY}

EXAMPLES: dict[str, dict[str, Any]] = {
    "GET /health": {"answer": {"status": "ok"}},
    "GET /ready": {
        "answer": {
            "status": "ready",
            "checks": {
                "database": "ok",
                "migrations": "ok",
                "cache": "ok",
                "till": "ok",
                "channel_layer": "ok",
            },
        }
    },
    "GET /vacancies": {"answer": {"vacancies": [VACANCY]}},
    "GET /vacancies/{vacancy}": {"parameters": {"vacancy": 1}, "answer": VACANCY},
    "GET /available": {"parameters": {"vacancy": 1}, "answer": {"vacancy": 1, "qty": 987}},
    "POST /purchases": {"parameters": _KEY, "body": WANTED, "answer": PURCHASE},
    "GET /purchases": {
        "parameters": {"limit": 50},
        "answer": {"purchases": [PURCHASE], "next": None},
    },
    "GET /purchases/{purchase}": {"parameters": {"purchase": PURCHASE_ID}, "answer": PURCHASE},
    "POST /purchases/{purchase}/cancel": {
        "parameters": {"purchase": PURCHASE_ID},
        "body": {"reason": "Buyer fell ill"},
        "answer": {**PURCHASE, "status": "cancelled"},
    },
    "POST /holds": {"parameters": _KEY, "body": {**WANTED, "hold_seconds": 600}, "answer": HOLD},
    "GET /holds/{hold}": {"parameters": {"hold": HOLD_ID}, "answer": HOLD},
    "DELETE /holds/{hold}": {"parameters": {"hold": HOLD_ID}},
    "POST /holds/{hold}/confirm": {
        "parameters": {"hold": HOLD_ID, **_KEY},
        "body": {"buyer": BUYER},
        "answer": PURCHASE,
    },
    "GET /tickets/{code}": {"parameters": {"code": CODE}, "answer": TICKET},
    "POST /tickets/{code}/check-in": {
        "parameters": {"code": CODE},
        "answer": {
            **TICKET,
            "status": "checked_in",
            "checked_in_at": "2031-05-01T18:42:07.125000Z",
        },
    },
    "POST /purchase": {
        "parameters": _KEY,
        "body": {"qty": 1},
        "answer": {"success": True, "remaining": 999, "message": "Purchased 1."},
    },
    "POST /reserve": {
        "parameters": _KEY,
        "body": {"qty": 1},
        "answer": {"success": True, "remaining": 999, "message": "Reserved 1."},
    },
}
