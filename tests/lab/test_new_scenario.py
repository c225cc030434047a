"""The guide "Adding a scenario" is followed to the letter: one file, one entry."""

import re
from pathlib import Path

import pytest

from loadlab import scenarios
from loadlab.forms import StartForm
from loadlab.generator import ROOT
from loadlab.scenarios import SCENARIOS, Scenario
from tests.lab.generating import generate, load_of
from tests.lab.stub import stub


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scenario:
    """Do what the guide says, with the file elsewhere."""
    guide = (ROOT / "docs" / "lab.md").read_text().split("### Adding a scenario")[1]
    locustfile, entry = re.findall(r"```python\n(.*?)```", guide, flags=re.DOTALL)[:2]
    (tmp_path / "window_shoppers.py").write_text(locustfile)
    names = dict(vars(scenarios))
    exec(entry.replace('"window_shoppers.py"', repr(str(tmp_path / "window_shoppers.py"))), names)  # noqa: S102
    made: Scenario = names["WINDOW_SHOPPERS"]
    monkeypatch.setitem(SCENARIOS, made.name, made)
    return made


def test_it_runs(added: Scenario, tmp_path: Path) -> None:
    """Under its own names, and every request is counted."""
    with stub(tmp_path) as shop:
        load = load_of(added.name, shop.target, user_count=10, think_time_s=0.05, duration_s=2)
        heard = generate(load)

    assert heard.count() == len(shop.served) > 0
    assert {item.name for item in heard.series()} <= {
        "GET /available",
        "POST /holds",
        "DELETE /holds/{id}",
    }


@pytest.mark.django_db
def test_it_is_offered(added: Scenario) -> None:
    """The form has its settings without another line."""
    assert set(added.defaults()) <= set(StartForm(added).fields)
