"""What is measured is what runs: the commands of the bench and of the Procfile are the same."""

import pytest

from bench.servers import API, COMMANDS, SERVERS, chosen_server, command
from bench.site import ROOT


def procfile_line(role: str) -> str:
    [line] = [
        line for line in (ROOT / "Procfile").read_text().splitlines() if line.startswith(f"{role}:")
    ]
    return line.partition(": ")[2]


def test_the_api_role_is_measured_as_the_procfile_starts_it():
    assert COMMANDS[chosen_server()].replace("$APP", API.path) == procfile_line("api")


@pytest.mark.parametrize("name", SERVERS)
def test_every_name_in_a_command_is_filled_in(name):
    words = command(name, API, port=8123, process_count=2)

    assert words[0].endswith(f"/{name}")
    assert words[-1] == API.path
    assert "8123" in words
    assert not [word for word in words if "$" in word]
