"""The crash tests' buyers: who is told to come again does, with the same key, and nobody else."""

import io
import json
import random
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.crash import buyers
from tests.crash.buyers import Crowd, Journal, Step

STEP = Step("visit-1", "buy", "POST", "/purchases", {"vacancy": 1, "qty": 1})


def problem(status: int, code: str) -> httpx.Response:
    """Answer as the API does."""
    kind = {"content-type": "application/problem+json"}
    return httpx.Response(status, headers=kind, text=json.dumps({"code": code}))


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Let a buyer ask a shop that gives these answers; return the journal and the keys seen."""
    monkeypatch.setattr(buyers, "BREATH_S", 0.0)
    monkeypatch.setattr(buyers, "IMPATIENT", 0.0)

    async def until_final(*answers: httpx.Response) -> tuple[list[tuple[str, Any]], list[str]]:
        left, keys = list(answers), []

        def shop(request: httpx.Request) -> httpx.Response:
            keys.append(request.headers["idempotency-key"])
            return left.pop(0)

        file = io.StringIO()
        async with httpx.AsyncClient(transport=httpx.MockTransport(shop)) as client:
            chance = random.Random(1)
            crowd = Crowd(client, ["http://shop"], [1], _Notes(file), "visit", 1, chance)
            await crowd.see_through(STEP)
        written = [json.loads(line) for line in file.getvalue().splitlines()]
        return [(one["event"], one.get("status")) for one in written[1:]], keys

    return until_final


class _Notes(Journal):
    """A journal without a disk."""

    def write(self, event: str, **facts: Any) -> None:
        self.file.write(json.dumps({"event": event, **facts}) + "\n")


BOUGHT = httpx.Response(201, json={"id": "4711"})


@pytest.mark.parametrize(
    ("status", "code"),
    [(429, "rate-limited"), (503, "overloaded"), (409, "request-in-flight")],
)
async def test_who_is_told_to_come_again_does_with_the_same_key(
    ask: Callable[..., Any], status: int, code: str
) -> None:
    """As often as it takes, and none of it is the last word."""
    told, keys = await ask(problem(status, code), problem(status, code), BOUGHT)

    assert told == [("not now", status), ("not now", status), ("bought", 201)]
    assert keys == ["visit-1"] * 3


async def test_refusal_is_the_last_word(ask: Callable[..., Any]) -> None:
    """Another 409 is not one that passes."""
    told, keys = await ask(problem(409, "sold-out"))

    assert told == [("sold out", 409)]
    assert len(keys) == 1


@pytest.mark.parametrize(
    "answer",
    [
        problem(422, "idempotency-key-reused"),
        problem(500, "internal-error"),
        httpx.Response(503, text="Service Unavailable"),
        httpx.Response(502, text="Bad Gateway"),
    ],
    ids=["422", "500", "503 of somebody else", "502"],
)
async def test_what_the_api_never_says_to_an_honest_buyer_is_a_fault(
    ask: Callable[..., Any], answer: httpx.Response
) -> None:
    """And a fault fails the comparison."""
    told, _ = await ask(answer)

    assert told == [("fault", answer.status_code)]
