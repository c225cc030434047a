"""A shop that buys from the running site, so that its pages have something to show."""

import uuid

import httpx

from tests.site import Site


def buy(site: Site, *, vacancy: int = 1, qty: int = 1, name: str = "Ada Lovelace") -> list[str]:
    """Buy places and return the codes of the tickets."""
    answer = httpx.post(
        f"{site.api}/api/v1/purchases",
        json={
            "vacancy": vacancy,
            "qty": qty,
            "buyer": {"name": name, "email": "ada@example.org"},
        },
        headers={
            "Authorization": f"Bearer {site.key}",
            "Idempotency-Key": f'"{uuid.uuid4()}"',
        },
        timeout=60,
    )
    assert answer.status_code == 201, answer.text
    return [ticket["code"] for ticket in answer.json()["tickets"]]


def hold(site: Site, *, vacancy: int = 1, qty: int = 1, seconds: int = 120) -> None:
    """Hold places for a while."""
    answer = httpx.post(
        f"{site.api}/api/v1/holds",
        json={"vacancy": vacancy, "qty": qty, "hold_seconds": seconds},
        headers={
            "Authorization": f"Bearer {site.key}",
            "Idempotency-Key": f'"{uuid.uuid4()}"',
        },
        timeout=60,
    )
    assert answer.status_code == 201, answer.text
