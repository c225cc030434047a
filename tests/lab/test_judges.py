"""What virtual buyers make of an answer. They live in Locust's process, so one is started."""

import json
import subprocess
import sys
from typing import Any

import pytest

from loadlab.generator import ROOT

# Reads [judge, status, body, error] cases from stdin and writes their outcomes. The errors are
# made there: they must be what the patched process has.
SCRIPT = """
import json, sys
from types import SimpleNamespace
from loadlab.locustfiles import buyers

ERRORS = {"refused": ConnectionRefusedError(), "reset": ConnectionResetError(),
          "timeout": TimeoutError(), None: None}
print(json.dumps([
    getattr(buyers, judge)(SimpleNamespace(
        status_code=status, content=None if body is None else body.encode(), error=ERRORS[error]))
    for judge, status, body, error in json.load(sys.stdin)
]))
"""

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
CASES = [("judge_short_form", *case.values[:3]) for case in SHORT_FORM] + [
    ("judge_read", *case.values[:3]) for case in READ
]


@pytest.fixture(scope="module")
def judged() -> dict[str, str]:
    """Every case's outcome, from one process."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(CASES),
        env={
            "PYTHONPATH": str(ROOT),
            "LOADLAB_KEY": "k",
            "LOADLAB_USER_COUNT": "1",
            "LOADLAB_THINK_TIME_S": "0.5",
        },
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(map(repr, CASES), json.loads(done.stdout), strict=True))


@pytest.mark.parametrize(("status", "body", "error", "outcome"), SHORT_FORM)
def test_answer_to_a_purchase(
    judged: dict[str, str], status: int, body: Any, error: Any, outcome: str
) -> None:
    """Bought, sold out, refused, broken, or not to be known."""
    assert judged[repr(("judge_short_form", status, body, error))] == outcome


@pytest.mark.parametrize(("status", "body", "error", "outcome"), READ)
def test_answer_to_a_look(
    judged: dict[str, str], status: int, body: Any, error: Any, outcome: str
) -> None:
    """Looking buys nothing, so its end is never unknown."""
    assert judged[repr(("judge_read", status, body, error))] == outcome
