"""A second web role beside the site's own, that a test may kill and start again."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.site import ROOT, Site, end, free_port, wait_for


class WebRole:
    """Serves the site's pages at `url`, at the same one after each start."""

    def __init__(self, site: Site) -> None:
        """Choose a port; nothing is started yet."""
        self._site = site
        self._port = free_port()
        self._process: subprocess.Popen[str] | None = None
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(self._port)]
        self._process = subprocess.Popen(
            [*command, "ticketsite.asgi:application"],
            cwd=ROOT,
            env=self._site.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        wait_for(lambda: self._site.answers(self._port), what="the second web role")

    def kill(self) -> None:
        """Let it die on the spot, without a farewell to its sockets."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def end(self) -> None:
        """End what is left of it."""
        if self._process is not None:
            end(self._process)


@contextmanager
def restarting_web_role(site: Site) -> Iterator[WebRole]:
    """Start it; at the end it is gone."""
    web = WebRole(site)
    try:
        web.start()
        yield web
    finally:
        web.end()
