"""docs/api.md, followed to the letter: every command is run, every answer is as it is shown."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from tests.api.test_openapi import differences, kind_of
from tests.site import ROOT, Site

GUIDE = ROOT / "docs" / "api.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
CURSOR = re.compile(r"[0-9a-f]+-[0-9a-f]{32}")
# Shown for what they say, and not to be the same elsewhere.
CHANGING = {"ratelimit", "ratelimit-policy", "etag", "location"}


@dataclass
class Step:
    """One command and what the page says it prints, if it says so."""

    command: str
    kind: str = ""
    shown: str = ""


def steps() -> list[Step]:
    """Read the page: each command with the block behind it."""
    found: list[Step] = []
    for kind, text in BLOCK.findall(GUIDE.read_text()):
        if kind == "sh":
            found.append(Step(text))
        else:
            found[-1].kind, found[-1].shown = kind, text
    return found


class Reader:
    """Somebody who types the commands, with the values that they got in place of the shown ones."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.mine = {"http://127.0.0.1:8001": site.api, ".venv/bin/python": sys.executable}
        self.exports = ""

    def follow(self, step: Step) -> None:
        """Run one command and compare."""
        command = self.translate(step.command)
        done = subprocess.run(
            ["bash", "-euc", self.exports + command],
            env=self.site.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, (command, done.stderr)
        if command.startswith("export "):
            self.exports += command
        if step.kind == "text":
            self.learn(step.shown.strip(), done.stdout.strip())
        elif step.kind == "http":
            self.compare(step, done.stdout)

    def translate(self, text: str) -> str:
        """Put what was learned in place of what is shown."""
        for shown, real in self.mine.items():
            text = text.replace(shown, real)
        return text

    def compare(self, step: Step, printed: str) -> None:
        """See that status, headers and body are as shown, and learn the ids."""
        status, headers, body = parse(step.shown)
        real_status, real_headers, real_body = parse(printed)
        assert real_status == status, printed
        for name, value in headers.items():
            assert name in real_headers, printed
            if name in CHANGING:
                self.learn(value, real_headers[name])
            else:
                assert real_headers[name] == value
        if body is not None:
            assert differences(body, real_body) == [], printed
            self.learn_from(body, real_body)

    def learn(self, shown: str, real: str) -> None:
        """Remember that this stands for that; an address also teaches its id."""
        self.mine[shown] = real
        if shown.startswith("/"):
            self.mine[shown.rpartition("/")[2]] = real.rpartition("/")[2]

    def learn_from(self, shown: Any, real: Any) -> None:
        """Go through two bodies of the same shape; what was learned before must still hold."""
        if isinstance(shown, dict) and isinstance(real, dict):
            for key, value in shown.items():
                self.learn_from(value, real[key])
        elif isinstance(shown, list):
            for one, other in zip(shown, real, strict=True):
                self.learn_from(one, other)
        elif isinstance(shown, str) and (kind_of(shown) != "text" or CURSOR.fullmatch(shown)):
            assert self.mine.setdefault(shown, real) == real


def parse(text: str) -> tuple[int, dict[str, str], Any]:
    """Read what `curl -i` prints: status, headers in lower case, body if it is JSON."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    first, *lines = head.strip().splitlines()
    headers = dict(line.split(": ", 1) for line in lines)
    status = int(first.split()[1])
    readable = body.strip().startswith(("{", "["))
    return (
        status,
        {name.lower(): value for name, value in headers.items()},
        json.loads(body) if readable else None,
    )


def test_page_shows_the_whole_way() -> None:
    """From the key to the door, each call with its answer."""
    commands = "\n".join(step.command for step in steps())

    for path in ("create_api_key", "/vacancies", "/available", "/purchases", "/holds", "/confirm",
                 "/cancel", "cursor=", "/tickets/", "/check-in", "/problems/"):  # fmt: skip
        assert path in commands
    assert all(step.kind for step in steps() if "curl" in step.command)


def test_every_command_does_what_the_page_says(site: Site) -> None:
    """One after the other, as an integrator would type them."""
    if shutil.which("curl") is None:
        pytest.skip("the commands of docs/api.md need curl")
    reader = Reader(site)

    for step in steps():
        reader.follow(step)
