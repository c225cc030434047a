"""What virtual buyers make of an answer."""

from types import SimpleNamespace
from typing import Any

import pytest

from loadlab.locustfiles.judges import (
    judge_done,
    judge_hold,
    judge_read,
    judge_repeat,
    judge_sale,
    judge_short_form,
)

ERRORS = {
    "refused": ConnectionRefusedError(),
    "reset": ConnectionResetError(),
    "timeout": TimeoutError(),
    None: None,
}


def answer(status: int, body: Any, error: Any = None) -> SimpleNamespace:
    """An answer as Locust's client gives it; no status and an error when there was none."""
    content = None if body is None else body.encode()
    return SimpleNamespace(status_code=status, content=content, error=ERRORS[error])


SHORT_FORM = [
    pytest.param(200, '{"success": true, "remaining": 5}', None, "bought", id="bought"),
    pytest.param(200, '{"success": true, "remaining": 0}', None, "bought", id="the last one"),
    pytest.param(200, '{"success": false, "remaining": 0}', None, "sold_out", id="sold out"),
    pytest.param(200, '{"success": false, "remaining": 3}', None, "refused", id="not enough"),
    pytest.param(200, "<html>", None, "fault", id="not JSON"),
    pytest.param(200, "", None, "fault", id="empty"),
    pytest.param(200, None, None, "fault", id="no body"),
    pytest.param(200, "[]", None, "fault", id="a list"),
    pytest.param(200, "{}", None, "fault", id="nothing said"),
    pytest.param(200, '{"success": false}', None, "fault", id="nothing said of the rest"),
    pytest.param(200, '{"success": false, "remaining": "0"}', None, "fault", id="text as number"),
    pytest.param(201, '{"success": true, "remaining": 5}', None, "fault", id="another success"),
    pytest.param(302, "", None, "fault", id="sent elsewhere"),
    pytest.param(401, "{}", None, "refused", id="not let in"),
    pytest.param(429, "{}", None, "refused", id="too many"),
    pytest.param(500, "{}", None, "fault", id="broken"),
    pytest.param(503, "{}", None, "fault", id="overloaded"),
    pytest.param(0, None, "refused", "fault", id="nobody listens: nothing was sold"),
    pytest.param(0, None, "reset", "unknown", id="cut off: it may have been sold"),
    pytest.param(0, None, "timeout", "unknown", id="no answer: it may have been sold"),
]
READ = [
    pytest.param(200, "{}", None, "read", id="read"),
    pytest.param(404, "{}", None, "refused", id="not there"),
    pytest.param(500, "{}", None, "fault", id="broken"),
    pytest.param(0, None, "timeout", "fault", id="no answer: nothing can have been sold"),
]
SALE = [
    pytest.param(201, '{"id": "a"}', None, "bought", id="bought"),
    pytest.param(409, '{"code": "sold-out"}', None, "sold_out", id="sold out"),
    pytest.param(409, '{"code": "not-on-sale"}', None, "refused", id="not on sale"),
    pytest.param(409, "<html>", None, "refused", id="a conflict of somebody else"),
    pytest.param(410, '{"code": "hold-expired"}', None, "refused", id="too late"),
    pytest.param(200, '{"id": "a"}', None, "fault", id="another success"),
    pytest.param(503, "{}", None, "fault", id="overloaded"),
    pytest.param(0, None, "refused", "fault", id="nobody listens"),
    pytest.param(0, None, "timeout", "unknown", id="no answer: it may have been sold"),
]
HOLD = [
    pytest.param(201, '{"id": "a"}', None, "read", id="held: nothing is sold yet"),
    pytest.param(409, '{"code": "sold-out"}', None, "sold_out", id="sold out"),
    pytest.param(0, None, "reset", "unknown", id="cut off"),
]
CHANGE = [
    pytest.param(204, "", None, "read", id="done"),
    pytest.param(404, "{}", None, "refused", id="not there"),
    pytest.param(500, "{}", None, "fault", id="broken"),
    pytest.param(0, None, "timeout", "unknown", id="no answer: it may have been done"),
]
REPEAT = [
    pytest.param("a", 201, '{"id": "a"}', "read", id="the same purchase"),
    pytest.param("a", 201, '{"id": "b"}', "fault", id="sold a second time"),
    pytest.param("a", 409, '{"code": "sold-out"}', "sold_out", id="forgotten"),
    pytest.param("", 201, '{"id": "b"}', "bought", id="sold at the second try"),
    pytest.param("", 409, '{"code": "sold-out"}', "sold_out", id="still sold out"),
]


@pytest.mark.parametrize(("status", "body", "error", "outcome"), SHORT_FORM)
def test_answer_to_a_short_purchase(status: int, body: Any, error: Any, outcome: str) -> None:
    """Bought, sold out, refused, broken, or not to be known."""
    assert judge_short_form(answer(status, body, error)) == outcome


@pytest.mark.parametrize(("status", "body", "error", "outcome"), READ)
def test_answer_to_a_look(status: int, body: Any, error: Any, outcome: str) -> None:
    """Looking buys nothing, so its end is never unknown."""
    assert judge_read(answer(status, body, error)) == outcome


@pytest.mark.parametrize(("status", "body", "error", "outcome"), SALE)
def test_answer_to_a_purchase(status: int, body: Any, error: Any, outcome: str) -> None:
    """The status says it, and for a conflict the problem's code."""
    assert judge_sale(answer(status, body, error)) == outcome


@pytest.mark.parametrize(("status", "body", "error", "outcome"), HOLD)
def test_answer_to_a_hold(status: int, body: Any, error: Any, outcome: str) -> None:
    """A hold is no sale, but it can meet an empty house."""
    assert judge_hold(answer(status, body, error)) == outcome


@pytest.mark.parametrize(("status", "body", "error", "outcome"), CHANGE)
def test_answer_to_a_change(status: int, body: Any, error: Any, outcome: str) -> None:
    """Cancelling and releasing sell nothing."""
    assert judge_done(answer(status, body, error)) == outcome


@pytest.mark.parametrize(("bought_id", "status", "body", "outcome"), REPEAT)
def test_answer_to_a_repeat(bought_id: str, status: int, body: str, outcome: str) -> None:
    """It must be the first answer again: another purchase is a place sold twice."""
    assert judge_repeat(bought_id)(answer(status, body)) == outcome
