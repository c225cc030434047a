"""The two commands that supervise runs, at the moments when they are told to leave."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rich.console import Console

from loadlab.management.commands import loadrun, loadworker
from loadlab.models import LabWorker

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.fixture
def _handlers_come_back() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_handlers_come_back")
class TestWorker:
    """Works for ever, and leaves when told."""

    @pytest.fixture(autouse=True)
    def _impatience(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(loadworker, "IDLE_S", 0.01)
        monkeypatch.setattr(loadworker, "SEEN_EVERY_S", 0.01)

    @pytest.mark.parametrize("number", SIGNALS)
    def test_leaves_on_a_signal_and_says_good_bye(
        self, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        """Whatever a platform or a terminal sends."""
        monkeypatch.setattr(loadworker, "_work_once", lambda *_: os.kill(os.getpid(), number))

        call_command("loadworker")

        assert not LabWorker.objects.exists()

    def test_survives_whatever_happens_to_a_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Who else would end that run when its lease has lapsed?"""
        calls = []

        def work(*_: Any) -> None:
            calls.append(1)
            if len(calls) > 2:
                os.kill(os.getpid(), signal.SIGTERM)
            raise KeyError("rush")

        monkeypatch.setattr(loadworker, "_work_once", work)

        call_command("loadworker")

        assert len(calls) == 3

    def test_check_fails_when_nobody_works_here(self) -> None:
        """For a health probe."""
        with pytest.raises(CommandError, match="No worker on this host"):
            call_command("loadworker", "--check")


def test_interrupt_only_counts() -> None:
    """A signal handler runs in the middle of a query, so it must not make one: no database here."""
    ctrl_c = loadrun._CtrlC(Console(quiet=True))
    before = (ctrl_c.must_stop(), ctrl_c.must_leave())

    ctrl_c.note(signal.SIGINT, None)
    once = (ctrl_c.must_stop(), ctrl_c.must_leave())
    ctrl_c.note(signal.SIGINT, None)

    assert before == (False, False)
    assert once == (True, False)
    assert ctrl_c.must_leave()
