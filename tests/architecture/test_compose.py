"""The container files are right as far as that can be told without an engine."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ticketsite.config import Config

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
ONE_SHOT = {"migrate"}
NOT_IN_PRODUCTION = {"DEBUG", "TICKETSITE_OPEN_SHORT_FORM"}
BUILD_TOOLS = re.compile(r"\b(gcc|g\+\+|build-essential|make|apt-get|pip|uv)\b")


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return loaded


def services() -> dict[str, Any]:
    found: dict[str, Any] = compose()["services"]
    return found


def long_running() -> list[str]:
    return sorted(set(services()) - ONE_SHOT)


def procfile() -> dict[str, str]:
    lines = (ROOT / "Procfile").read_text().splitlines()
    pairs = (line.split(":", 1) for line in lines if line.strip() and not line.startswith("#"))
    return {role.strip(): command.strip() for role, command in pairs}


def validate(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    return subprocess.run([*command, str(path)], capture_output=True, text=True)


def shell_command(service: dict[str, Any]) -> str:
    """Return what a role's `sh -c` executes; `$$` is how compose writes a plain dollar."""
    shell, flag, script = service["command"]
    assert [shell, flag] == ["sh", "-c"]
    return str(script).removeprefix("exec ").replace("$$", "$")


def final_stage() -> str:
    """Return the instructions after the last FROM, without comments."""
    text = (ROOT / "Dockerfile").read_text()
    last = re.split(r"^FROM ", text, flags=re.MULTILINE)[-1]
    return "\n".join(line for line in last.splitlines() if not line.startswith("#"))


def test_compose_file_fits_the_compose_specification():
    result = validate(COMPOSE)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("healthcheck:", "helthcheck:"), ("restart: unless-stopped", "restart: [sometimes]")],
)
def test_broken_copy_does_not_fit(tmp_path, right, wrong):
    text = COMPOSE.read_text()
    assert right in text
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(text.replace(right, wrong))

    result = validate(broken)

    assert result.returncode == 1, result.stdout


def test_all_expected_services_are_there():
    assert set(services()) == {
        "migrate",
        "web",
        "api",
        "worker",
        "locust-worker",
        "postgres",
        "redis",
    }


# locust-worker serves nobody who could ask; a process that ends is started again.
@pytest.mark.parametrize("name", [one for one in long_running() if one != "locust-worker"])
def test_long_running_service_has_a_health_check(name):
    assert services()[name]["healthcheck"]["test"][0] == "CMD"


def test_procfile_names_the_three_roles():
    assert list(procfile()) == ["web", "api", "worker"]


@pytest.mark.parametrize("role", ["web", "api", "worker"])
def test_role_runs_what_the_procfile_says(role):
    assert shell_command(services()[role]) == procfile()[role]


@pytest.mark.parametrize("role", ["web", "api", "worker"])
def test_role_waits_for_migration_and_stores(role):
    assert services()[role]["depends_on"] == {
        "migrate": {"condition": "service_completed_successfully"},
        "postgres": {"condition": "service_healthy"},
        "redis": {"condition": "service_healthy"},
    }


@pytest.mark.parametrize("role", ["web", "api", "worker"])
def test_role_has_every_variable_its_command_uses(role):
    used = set(re.findall(r"\$(\w+)", procfile()[role]))

    assert used <= set(services()[role]["environment"])


def test_ports_are_bound_to_this_machine_only():
    ports = [port for service in services().values() for port in service.get("ports", [])]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_load_processes_are_reached_inside_the_private_network_only():
    """Locust's protocol knows no password: neither side publishes its port."""
    assert "ports" not in services()["locust-worker"]
    assert "ports" not in services()["worker"]
    assert services()["locust-worker"]["profiles"] == ["load"]


@pytest.mark.parametrize("name", ["SECRET_KEY", "ALLOWED_HOSTS", "POSTGRES_PASSWORD"])
def test_missing_secret_stops_compose_with_a_sentence(name):
    uses = re.findall(r"\$\{" + name + r"[^}]*\}", COMPOSE.read_text())

    assert uses
    assert all(re.fullmatch(r"\$\{\w+:\?set \w+ in \.env [^}]+\}", use) for use in uses)


def test_load_runs_may_reach_the_api_by_its_inner_name():
    environment = services()["worker"]["environment"]

    assert environment["LOADLAB_TARGET"] == "http://api:8001"
    assert environment["ALLOWED_HOSTS"].endswith(",api")


def test_image_does_not_run_as_root():
    users = re.findall(r"^USER (\S+)", final_stage(), flags=re.MULTILINE)

    assert users
    assert users[-1] not in {"root", "0"}


def test_final_stage_has_no_build_tools():
    assert not BUILD_TOOLS.findall(final_stage())


def test_image_starts_the_web_role_unless_told_otherwise():
    command = final_stage().splitlines()[-1]

    assert procfile()["web"] in command


def test_image_installs_the_hash_locked_set():
    text = (ROOT / "Dockerfile").read_text()

    assert "--require-hashes -r requirements/run.txt" in text


def test_everything_the_image_runs_passes_dockerignore():
    allowed = re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), flags=re.MULTILINE)
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench"}

    files = {"manage.py", "Procfile", "requirements/run.txt", "templates", "locale"}
    assert packages | files == set(allowed)


@pytest.mark.parametrize("role", ["web", "api", "worker"])
def test_every_setting_reaches_the_role(role):
    """What somebody writes into .env and compose does not pass on would have no effect."""
    settings = {str(field.alias) for field in Config.model_fields.values()}

    assert settings - NOT_IN_PRODUCTION - {"TICKETSITE_VAR"} <= set(services()[role]["environment"])
