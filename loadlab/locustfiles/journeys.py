"""What buyers do, step by step; the same for users of a closed loop and arrivals of an open one."""

import json
import uuid
from collections.abc import Callable

from loadlab.locustfiles.asking import Answer, Ask, Visitor
from loadlab.locustfiles.attach import reporter
from loadlab.locustfiles.judges import (
    judge_done,
    judge_hold,
    judge_read,
    judge_repeat,
    judge_sale,
    judge_short_form,
)

Journey = Callable[[Visitor], None]

API = "/api/v1"
HOLD_S = 60  # a buyer who walks away keeps others from these places for so long
LOOK = Ask("GET", f"{API}/available", "GET /available", judge_read)
BUY_SHORT = Ask(
    "POST", f"{API}/purchase", "POST /purchase", judge_short_form, body=json.dumps({"qty": 1})
)


def browse(visitor: Visitor) -> None:
    """Look how many places are left, and leave."""
    visitor.ask(LOOK)


def buy_short(visitor: Visitor) -> None:
    """Buy one place through the short form, as the published reference run does."""
    visitor.ask(BUY_SHORT)


def buy(visitor: Visitor) -> None:
    """Buy one place."""
    visitor.ask(_purchase(_new_key()))


def buy_and_retry(visitor: Visitor) -> None:
    """Buy one place and send the same again, as software does that lost the answer."""
    key = _new_key()
    first = visitor.ask(_purchase(key))
    again = judge_repeat(_id_in(first) if first.outcome == "bought" else "")
    visitor.ask(_purchase(key)._replace(name="POST /purchases (retry)", judge=again))


def buy_and_cancel(visitor: Visitor) -> None:
    """Buy one place and think better of it."""
    bought = visitor.ask(_purchase(_new_key()))
    if bought.outcome == "bought":
        path = f"{API}/purchases/{_id_in(bought)}/cancel"
        visitor.ask(Ask("POST", path, "POST /purchases/{id}/cancel", judge_done))


def hold_and_confirm(visitor: Visitor) -> None:
    """Put a place aside, then pay for it."""
    held = visitor.ask(_hold())
    if held.outcome == "read":
        path = f"{API}/holds/{_id_in(held)}/confirm"
        key = _new_key()
        visitor.ask(Ask("POST", path, "POST /holds/{id}/confirm", judge_sale, body="", key=key))


def hold_and_release(visitor: Visitor) -> None:
    """Put a place aside, then give it back."""
    held = visitor.ask(_hold())
    if held.outcome == "read":
        path = f"{API}/holds/{_id_in(held)}"
        visitor.ask(Ask("DELETE", path, "DELETE /holds/{id}", judge_done))


def hold_and_abandon(visitor: Visitor) -> None:
    """Put a place aside and never come back: the hold expires by itself."""
    visitor.ask(_hold())


# Of a hundred buyers; mostly people who look.
MIXED: tuple[tuple[Journey, int], ...] = (
    (browse, 50),
    (buy, 25),
    (hold_and_confirm, 10),
    (hold_and_release, 3),
    (hold_and_abandon, 2),
    (buy_and_retry, 5),
    (buy_and_cancel, 5),
)


def _purchase(key: str) -> Ask:
    return Ask("POST", f"{API}/purchases", "POST /purchases", judge_sale, _places(), key)


def _hold() -> Ask:
    body = _places(hold_seconds=HOLD_S)
    return Ask("POST", f"{API}/holds", "POST /holds", judge_hold, body, _new_key())


def _places(**more: int) -> str:
    return json.dumps({"vacancy": reporter().chosen.vacancy_id, "qty": 1, **more})


def _new_key() -> str:
    return uuid.uuid4().hex


def _id_in(answer: Answer) -> str:
    found: str = json.loads(answer.content)["id"]
    return found
