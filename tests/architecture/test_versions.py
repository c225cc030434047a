"""One version number, wherever it is written."""

import re
import tomllib
from pathlib import Path

import ticketsite

ROOT = Path(__file__).resolve().parents[2]


def test_project_table_has_the_version_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["version"] == ticketsite.__version__


def test_changelog_tells_of_this_version():
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)

    assert ticketsite.__version__ in headings
