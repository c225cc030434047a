"""What an answer means: bought, read, sold out, refused, a fault, or nobody knows."""

import json
from collections.abc import Callable
from typing import Any


def judge_read(response: Any) -> str:
    """Judge a look: without an answer nothing can have happened, so that is a fault."""
    if response.status_code == 200:
        return "read"
    return "refused" if 400 <= response.status_code < 500 else "fault"


def judge_done(response: Any) -> str:
    """Judge a change that sells nothing: done as asked (`read`), refused, broken, or unknown."""
    if 200 <= response.status_code < 300:
        return "read"
    return _otherwise(response)


def judge_hold(response: Any) -> str:
    """Judge a hold: places kept sell nothing yet, but there may be none left to keep."""
    if response.status_code == 409 and _says(response, "code") == "sold-out":
        return "sold_out"
    return judge_done(response)


def judge_sale(response: Any) -> str:
    """Judge a purchase or the confirmation of a hold."""
    if response.status_code == 201:
        return "bought"
    if response.status_code == 409 and _says(response, "code") == "sold-out":
        return "sold_out"
    return _otherwise(response)


def judge_repeat(bought_id: str) -> Callable[[Any], str]:
    """Judge a purchase sent again: the answer must be the one of the first time, and no sale.

    Without an id the first time sold nothing as far as the buyer knows; then it may do so now.
    """

    def judge(response: Any) -> str:
        outcome = judge_sale(response)
        if outcome != "bought" or not bought_id:
            return outcome
        return "read" if _says(response, "id") == bought_id else "fault"

    return judge


def judge_short_form(response: Any) -> str:
    """Judge an answer of the short form, which says everything with status 200."""
    if response.status_code != 200:
        return _otherwise(response)
    try:
        answer = json.loads(response.content)
        if answer["success"]:
            return "bought"
        return "sold_out" if answer["remaining"] < 1 else "refused"
    except (ValueError, KeyError, TypeError):
        return "fault"


def _otherwise(response: Any) -> str:
    if response.status_code == 0:
        # No answer. Refused at the door is a fault; anything later may have been done.
        return "fault" if isinstance(response.error, ConnectionRefusedError) else "unknown"
    return "refused" if 400 <= response.status_code < 500 else "fault"


def _says(response: Any, name: str) -> Any:
    try:
        return json.loads(response.content)[name]
    except (ValueError, KeyError, TypeError):
        return None
