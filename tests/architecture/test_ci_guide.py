"""docs/ci.md can be copied: its commands parse, its codes are the real ones."""

import re
import shlex

import pytest
import yaml
from django.core.management import load_command_class

from loadlab import verdict
from tests.site import ROOT

GUIDE = (ROOT / "docs" / "ci.md").read_text()
WORKFLOW = yaml.safe_load(
    re.findall(r"^```yaml\n(.*?)^```", GUIDE, flags=re.MULTILINE | re.DOTALL)[0]
)
COMMANDS = [line.strip() for line in re.findall(r"python (manage\.py loadrun [^|\n`]*)", GUIDE)]


@pytest.mark.parametrize("command", COMMANDS)
def test_command_is_understood(command: str) -> None:
    """Every flag exists, and takes what it is given."""
    parser = load_command_class("loadlab", "loadrun").create_parser("manage.py", "loadrun")

    assert parser.parse_args(shlex.split(command)[2:]).scenario == "baseline"


def test_guide_names_every_exit_code_and_no_other() -> None:
    """The table is what scripts are written from."""
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", GUIDE, flags=re.MULTILINE)}

    assert told == set(verdict.WORST_FIRST)


def test_workflow_runs_the_gate_and_its_negative_control() -> None:
    """A gate that was never seen to close is no gate."""
    [job] = WORKFLOW["jobs"].values()
    scripts = " ".join(step.get("run", "") for step in job["steps"])

    assert "--json result.json" in scripts
    assert "--sabotage || code=$?" in scripts
    assert f'"$code" -eq {verdict.EXIT_INTEGRITY}' in scripts


def test_workflow_has_what_loadrun_needs() -> None:
    """Development settings, so that no secret is asked for; the locked requirements."""
    [job] = WORKFLOW["jobs"].values()

    assert job["env"] == {"TICKETSITE_ENV": "development"}
    assert any("requirements/run.txt" in step.get("run", "") for step in job["steps"])
    assert (ROOT / "requirements" / "run.txt").exists()
