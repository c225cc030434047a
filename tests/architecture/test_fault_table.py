"""Every row of the fault table names a test, and every test it names exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "faults.md").read_text()
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(?:(\w+)::)?(\w+)`", PAGE)
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ")][1:]
FAILURES = (
    "server killed",
    "asked to leave",
    "database gone",
    "database restarted",
    "disk full",
    "pool exhausted",
    "redis gone",
    "queue full",
    "client hangs up",
    "clock jumps forward",
    "clock jumps back",
)


def functions_of(path: Path) -> set[str]:
    """Return the names of the test functions of a file, those in classes too."""
    nodes = ast.walk(ast.parse(path.read_text()))
    functions = (n for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return {function.name for function in functions if function.name.startswith("test_")}


@pytest.mark.parametrize(("file", "_class", "name"), NAMED)
def test_named_test_exists(file: str, _class: str, name: str) -> None:
    """A test that is renamed takes the page along."""
    assert name in functions_of(ROOT / file)


def test_every_row_names_a_test() -> None:
    """No promise without a proof."""
    unproven = [row for row in ROWS if not re.search(r"`tests/[\w/]+\.py::\w+", row)]

    assert ROWS
    assert unproven == []


@pytest.mark.parametrize("failure", FAILURES)
def test_failure_has_a_row(failure: str) -> None:
    """What an operator fears is on the page."""
    assert any(failure in row.lower() for row in ROWS)
