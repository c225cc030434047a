"""`make run` as a newcomer meets it: starts, says what it is, refuses plainly, ends completely."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.site import (
    PATIENCE_S,
    ROOT,
    Site,
    alive,
    descendants,
    locust_processes,
    running_site,
    site_environment,
    wait_for,
)

SEEDED = (
    "SELECT * FROM auth_user ORDER BY id",
    "SELECT * FROM tickets_apikey ORDER BY id",
    "SELECT * FROM vacancy_vacancy ORDER BY id",
)


def try_to_start(environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Start and expect a refusal."""
    return subprocess.run(
        [sys.executable, "deploy/run.py"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port: int = listener.getsockname()[1]
        yield port


@pytest.fixture(scope="module")
def unused_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which nothing was started yet."""
    return site_environment(tmp_path_factory.mktemp("unused"))


class TestRefusal:
    """What stops the start, in one sentence and before anything runs."""

    @pytest.mark.parametrize("variable", ["PORT", "API_PORT"])
    def test_taken_port_is_named(
        self, unused_environment: dict[str, str], taken_port: int, variable: str
    ) -> None:
        """Which port, and which variable chooses another."""
        refused = try_to_start({**unused_environment, variable: str(taken_port)})

        assert refused.returncode == 1
        assert refused.stderr.count("\n") == 1
        assert f"Port {taken_port}" in refused.stderr
        assert f"{variable}=" in refused.stderr

    def test_same_port_twice_is_refused(self, unused_environment: dict[str, str]) -> None:
        """Two servers cannot share one port."""
        same = {**unused_environment, "API_PORT": unused_environment["PORT"]}

        refused = try_to_start(same)

        assert refused.returncode == 1
        assert "different ports" in refused.stderr

    def test_production_is_refused(self, unused_environment: dict[str, str]) -> None:
        """Demo data has no business in production."""
        production = {
            **unused_environment,
            "TICKETSITE_ENV": "production",
            "SECRET_KEY": "x" * 40,
            "ALLOWED_HOSTS": "tickets.example.org",
        }

        refused = try_to_start(production)

        assert refused.returncode == 1
        assert "for development" in refused.stderr


class TestRunningSite:
    """What is there once it says so."""

    def test_printed_line_buys_a_ticket(self, site: Site) -> None:
        """The curl line of the banner is typed as it stands, and works."""
        lines = site.log.read_text().splitlines()
        curl = next(line.strip() for line in lines if line.strip().startswith("curl "))

        done = subprocess.run(
            ["bash", "-c", curl.replace("curl ", "curl --silent --write-out ' %{http_code}' ", 1)],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )

        assert done.stdout.endswith(" 201"), done.stdout + done.stderr
        assert '"tickets":[{"code":' in done.stdout

    def test_banner_tells_how_to_get_in(self, site: Site) -> None:
        """Addresses, login and key."""
        banner = site.log.read_text()

        for words in (f"{site.web}/admin/", f"{site.api}/api/v1", site.password, site.key):
            assert words in banner

    def test_login_of_the_banner_opens_the_admin(self, site: Site) -> None:
        """The operator gets to the dashboard."""
        with site.operator() as client:
            assert client.get("/admin/").status_code == 200

    def test_demo_has_three_vacancies_and_a_default_of_a_thousand(self, site: Site) -> None:
        """Two on sale, one still a draft."""
        every = site.rows("SELECT state, capacity, is_default FROM vacancy_vacancy ORDER BY id")
        rows = every[:3]  # other tests add some

        assert [state for state, _, _ in rows] == ["on_sale", "on_sale", "draft"]
        assert [capacity for _, capacity, default in rows if default] == [1000]

    def test_seeding_again_changes_nothing(self, site: Site) -> None:
        """A second start finds everything there."""
        before = [site.rows(query) for query in SEEDED]

        again = site.manage("seed_demo")

        assert again.returncode == 0
        assert [site.rows(query) for query in SEEDED] == before

    @pytest.mark.parametrize("role", ["web", "api"])
    def test_role_is_ready(self, site: Site, role: str) -> None:
        """Both answer for every part by name."""
        base = site.web if role == "web" else site.api

        checks = httpx.get(f"{base}/api/v1/ready", timeout=20).json()["checks"]

        assert set(checks.values()) == {"ok"}
        assert {"database", "migrations", "cache", "channel_layer"} <= set(checks)

    def test_worker_is_healthy(self, site: Site) -> None:
        """The health probe of the worker role finds its heartbeat."""
        assert site.manage("loadworker", "--check").returncode == 0

    def test_api_role_serves_no_admin(self, site: Site) -> None:
        """Buyers' port shows buyers' things."""
        assert httpx.get(f"{site.api}/admin/", timeout=20).status_code == 404


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("farewell", [signal.SIGINT, signal.SIGHUP], ids=str)
def test_leaving_ends_every_process_the_load_generator_included(
    tmp_path: Path, farewell: signal.Signals
) -> None:
    """Ctrl-C in the middle of a run: nothing is left, and the ports are free again."""
    with running_site(tmp_path) as site:
        with site.operator() as client:
            Site.post(client, "/admin/loadlab/run/add/", **SMALL_BUT_LONG)
        generators: list[psutil.Process] = wait_for(
            lambda: locust_processes(site.process.pid), what="the generator"
        )
        below = descendants(site.process.pid)

        site.process.send_signal(farewell)
        site.process.wait(timeout=PATIENCE_S)

        assert len(below) >= 4
        wait_for(lambda: not alive([*below, *generators]), what="all to end")


SMALL_BUT_LONG = {
    "scenario": "baseline",
    "user_count": "10",
    "think_time_s": "0.5",
    "duration_s": "120",
    "capacity": "50",
}


@pytest.mark.usefixtures("backend")
def test_role_that_dies_takes_the_others_along(tmp_path: Path) -> None:
    """Half a site is worse than none: the launcher says which role ended, and ends."""
    with running_site(tmp_path) as site:
        worker = next(p for p in descendants(site.process.pid) if "loadworker" in p.cmdline())

        worker.kill()

        assert site.process.wait(timeout=PATIENCE_S) == 1
        assert "worker role ended by itself" in site.log.read_text()


def test_environment_of_the_suite_is_isolated(site: Site) -> None:
    """Tests never touch the database of the checkout."""
    assert str(ROOT / "var") not in site.environment["DATABASE_URL"]
    assert os.environ["TICKETSITE_VAR"] != str(ROOT / "var")
