"""The OpenAPI snapshot follows the code, and a difference is noticed."""

import json

import pytest
from django.core.management import CommandError, call_command


def test_snapshot_in_docs_is_what_the_api_says():
    call_command("export_openapi", check=True)


def test_check_accepts_what_was_just_written(tmp_path):
    path = tmp_path / "openapi.json"

    call_command("export_openapi", path=path)

    call_command("export_openapi", path=path, check=True)


def test_check_refuses_a_changed_snapshot(tmp_path):
    path = tmp_path / "openapi.json"
    call_command("export_openapi", path=path)
    path.write_text(path.read_text().replace("/purchases", "/orders"))

    with pytest.raises(CommandError, match=r"is not what the API says of itself"):
        call_command("export_openapi", path=path, check=True)


def test_check_refuses_a_missing_snapshot_and_writes_none(tmp_path):
    path = tmp_path / "openapi.json"

    with pytest.raises(CommandError):
        call_command("export_openapi", path=path, check=True)

    assert not path.exists()


def test_written_snapshot_is_sorted_and_ends_with_a_newline(tmp_path):
    path = tmp_path / "openapi.json"

    call_command("export_openapi", path=path)

    text = path.read_text()
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
