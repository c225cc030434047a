"""Starting with wrong settings: one sentence that names the setting, and no traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECRET = "a-secret-for-tests-with-more-than-32-characters"


@pytest.fixture
def start(tmp_path):
    """Start the site in production, with some settings changed (None: not set at all)."""
    good = {
        "TICKETSITE_ENV": "production",
        "SECRET_KEY": SECRET,
        "ALLOWED_HOSTS": "tickets.example.org",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'site.sqlite3'}",
    }

    def run(**changes: str | None) -> subprocess.CompletedProcess[str]:
        merged = {"PATH": os.environ["PATH"], **good, **changes}
        return subprocess.run(
            [sys.executable, "manage.py", "check"],
            cwd=ROOT,
            env={name: value for name, value in merged.items() if value is not None},
            capture_output=True,
            text=True,
        )

    return run


def test_good_production_settings_start(start):
    result = start()

    assert result.returncode == 0, result.stderr


def test_good_production_settings_with_postgresql_and_workers_start(start):
    result = start(DATABASE_URL="postgres://site:word@db.example.org:5432/site", API_WORKERS="4")

    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("SECRET_KEY", None),
        ("SECRET_KEY", "short"),
        ("DEBUG", "true"),
        ("DEBUG", "perhaps"),
        ("ALLOWED_HOSTS", None),
        ("ALLOWED_HOSTS", " , "),
        ("TICKETSITE_OPEN_SHORT_FORM", "on"),
        ("TICKETSITE_ENV", "staging"),
        ("API_WORKERS", "2"),
        ("API_WORKERS", "0"),
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("API_PORT", "0"),
        ("LOG_FORMAT", "xml"),
        ("DATABASE_URL", "tickets.sqlite3"),
        ("DATABASE_URL", "oracle://site:word@db.example.org/site"),
        ("DATABASE_URL", "postgres://site:word@db.example.org:port/site"),
        ("REDIS_URL", "cache.example.org"),
        ("LOADLAB_TARGET", "api:8001"),
        ("LOADLAB_TARGET", "ftp://api.example.org"),
        ("LOADLAB_ALLOWED_TARGETS", "http://api.example.org, nowhere"),
        ("LOADLAB_MAX_USERS", "0"),
        ("LOADLAB_MASTER_BIND", "10.0.0.5:70000"),
        ("TICKETSITE_RATE_LIMIT", "fast"),
        ("CSRF_TRUSTED_ORIGINS", "tickets.example.org"),
        ("LOADLAB_MAX_DURATION_S", "a minute"),
    ],
)
def test_wrong_setting_stops_the_start_with_a_sentence(start, setting, value):
    result = start(**{setting: value})

    assert result.returncode == 1
    assert result.stderr.startswith("ticketsite cannot start: ")
    assert setting in result.stderr
    assert "Traceback" not in result.stderr


def test_sentence_keeps_passwords_to_itself(start):
    result = start(DATABASE_URL="oracle://site:hunter22@db.example.org/site", SECRET_KEY="hunter33")

    assert "hunter" not in result.stderr


def test_environment_that_is_not_named_is_production(start):
    result = start(TICKETSITE_ENV=None, SECRET_KEY=None)

    assert "SECRET_KEY" in result.stderr


def test_development_starts_with_nothing_set(start):
    result = start(TICKETSITE_ENV="development", SECRET_KEY=None, ALLOWED_HOSTS=None)

    assert result.returncode == 0, result.stderr
