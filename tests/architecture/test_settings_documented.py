"""Every setting is documented where people look for it, and nothing else is."""

import re
from pathlib import Path

import pytest

from ticketsite.config import Config

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = sorted(str(field.alias) for field in Config.model_fields.values())
COMPOSE_ONLY = {"POSTGRES_PASSWORD"}


def in_env_example() -> set[str]:
    text = (ROOT / ".env.example").read_text()
    return set(re.findall(r"^#?([A-Z][A-Z_]+)=", text, flags=re.MULTILINE))


def in_readme() -> set[str]:
    text = (ROOT / "README.md").read_text()
    table = text.split("\n## Settings\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `([A-Z_]+)` \|", table, flags=re.MULTILINE))


@pytest.mark.parametrize("setting", SETTINGS)
def test_setting_is_in_env_example_and_readme(setting):
    assert setting in in_env_example()
    assert setting in in_readme()


def test_env_example_names_no_setting_that_does_not_exist():
    assert in_env_example() - COMPOSE_ONLY == set(SETTINGS)


def test_readme_names_no_setting_that_does_not_exist():
    assert in_readme() == set(SETTINGS)


def test_compose_takes_nothing_from_the_environment_that_env_example_does_not_explain():
    compose = (ROOT / "docker-compose.yml").read_text()

    assert set(re.findall(r"(?<!\$)\$\{(\w+)", compose)) <= in_env_example()


@pytest.mark.parametrize("setting", ["PORT", "API_PORT", "API_WORKERS", "HOST"])
def test_default_in_readme_is_the_default(setting):
    (field,) = (field for field in Config.model_fields.values() if field.alias == setting)

    assert f"| `{setting}` | `{field.default}` |" in (ROOT / "README.md").read_text()
