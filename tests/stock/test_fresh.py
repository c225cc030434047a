"""The second-old cache: one load for all who wait, and never an answer that is too old."""

import asyncio
from typing import Any

import pytest

from vacancy.fresh import MAX_KEYS, Fresh


class Source:
    """Something slow to ask: each load waits until the test lets it go."""

    def __init__(self) -> None:
        """Nothing was asked yet."""
        self.loads: list[asyncio.Future[Any]] = []

    async def load(self, key: str) -> Any:
        """Wait for the test's answer."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.loads.append(future)
        return await future

    async def asked(self, times: int) -> None:
        """Return once this many loads have begun."""
        for _ in range(100):
            if len(self.loads) >= times:
                return
            await asyncio.sleep(0)
        raise AssertionError(f"{len(self.loads)} loads, not {times}")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds under the test's control."""
    now = [100.0]
    monkeypatch.setattr("vacancy.fresh.time.monotonic", lambda: now[0])
    return now


@pytest.fixture
def source() -> Source:
    """Where values come from."""
    return Source()


@pytest.fixture
def cache(source: Source) -> Fresh[str, Any]:
    """A cache of one second."""
    return Fresh(source.load, max_age_s=1.0)


async def settle() -> None:
    """Let everything run that can run."""
    for _ in range(10):
        await asyncio.sleep(0)


class TestSharing:
    """One load for many."""

    async def test_all_who_wait_share_one_load(
        self, cache: Fresh[str, Any], source: Source
    ) -> None:
        """A thousand readers cost one query."""
        waiting = [asyncio.create_task(cache.get("a")) for _ in range(100)]
        await source.asked(1)
        source.loads[0].set_result("value")

        assert await asyncio.gather(*waiting) == ["value"] * 100
        assert len(source.loads) == 1

    async def test_other_keys_are_loaded_apart(
        self, cache: Fresh[str, Any], source: Source
    ) -> None:
        """A slow key keeps nobody else waiting."""
        slow, quick = asyncio.create_task(cache.get("a")), asyncio.create_task(cache.get("b"))
        await source.asked(2)
        source.loads[1].set_result("quick")

        assert await quick == "quick"
        assert not slow.done()
        slow.cancel()

    async def test_none_is_a_value(self, cache: Fresh[str, Any], source: Source) -> None:
        """What is not there is not asked for again at once."""
        first = asyncio.create_task(cache.get("a"))
        await source.asked(1)
        source.loads[0].set_result(None)
        await first

        assert await cache.get("a") is None
        assert len(source.loads) == 1

    async def test_cancelled_waiter_does_not_cancel_the_load(
        self, cache: Fresh[str, Any], source: Source
    ) -> None:
        """Neither the one who began it nor one who joined."""
        first, second, third = (asyncio.create_task(cache.get("a")) for _ in range(3))
        await source.asked(1)
        first.cancel()
        second.cancel()
        await settle()
        source.loads[0].set_result("value")

        assert await third == "value"
        assert len(source.loads) == 1

    async def test_load_that_all_left_is_kept_for_the_next(
        self, cache: Fresh[str, Any], source: Source
    ) -> None:
        """Work that was done is not done twice."""
        only = asyncio.create_task(cache.get("a"))
        await source.asked(1)
        only.cancel()
        source.loads[0].set_result("value")
        await settle()

        assert await cache.get("a") == "value"
        assert len(source.loads) == 1


class TestAge:
    """Never older than max_age_s."""

    async def test_value_is_kept_for_its_age_and_no_longer(
        self, cache: Fresh[str, Any], source: Source, clock: list[float]
    ) -> None:
        """The edge itself is too old."""
        first = asyncio.create_task(cache.get("a"))
        await source.asked(1)
        source.loads[0].set_result("old")
        await first
        clock[0] = 100.999
        kept = await cache.get("a")

        clock[0] = 101.0
        later = asyncio.create_task(cache.get("a"))
        await source.asked(2)
        source.loads[1].set_result("new")

        assert kept == "old"
        assert await later == "new"

    async def test_age_counts_from_the_begin_of_the_load(
        self, cache: Fresh[str, Any], source: Source, clock: list[float]
    ) -> None:
        """When in between the database was read, nobody knows."""
        first = asyncio.create_task(cache.get("a"))
        await source.asked(1)
        clock[0] = 100.8
        source.loads[0].set_result("old")
        await first

        clock[0] = 101.2
        later = asyncio.create_task(cache.get("a"))
        await source.asked(2)
        source.loads[1].set_result("new")

        assert await later == "new"

    async def test_load_that_takes_too_long_is_not_joined(
        self, cache: Fresh[str, Any], source: Source, clock: list[float]
    ) -> None:
        """What it brings may have been read before this caller's last second."""
        stuck = asyncio.create_task(cache.get("a"))
        await source.asked(1)

        clock[0] = 101.0
        later = asyncio.create_task(cache.get("a"))
        await source.asked(2)
        source.loads[1].set_result("new")
        await later
        source.loads[0].set_result("old")

        assert (await stuck, await later) == ("old", "new")
        assert await cache.get("a") == "new"

    async def test_load_that_is_overtaken_leaves_the_newer_one_alone(
        self, cache: Fresh[str, Any], source: Source, clock: list[float]
    ) -> None:
        """An old load that ends first does not end the sharing of the newer one."""
        stuck = asyncio.create_task(cache.get("a"))
        await source.asked(1)
        clock[0] = 101.0
        second = asyncio.create_task(cache.get("a"))
        await source.asked(2)
        source.loads[0].set_result("old")
        await stuck

        third = asyncio.create_task(cache.get("a"))
        await settle()
        source.loads[1].set_result("new")

        assert (await second, await third) == ("new", "new")
        assert len(source.loads) == 2


class TestRenewal:
    """Read anew while it is good, so that nobody waits."""

    @pytest.fixture
    async def cache(self, source: Source, clock: list[float]) -> Fresh[str, Any]:
        """A cache of one second, with a value from the second 100 on; renewed after 0.75."""
        cache: Fresh[str, Any] = Fresh(source.load, max_age_s=1.0, renew_after_s=0.75)
        first = asyncio.create_task(cache.get("a"))
        await source.asked(1)
        source.loads[0].set_result("old")
        await first
        return cache

    async def test_nobody_waits_in_a_steady_stream(
        self, cache: Fresh[str, Any], source: Source, clock: list[float]
    ) -> None:
        """One load for all of them, and then its value."""
        clock[0] = 100.75
        meanwhile = [await cache.get("a") for _ in range(3)]
        await source.asked(2)
        source.loads[1].set_result("new")
        await settle()
        clock[0] = 101.4

        assert meanwhile == ["old"] * 3
        assert await cache.get("a") == "new"
        assert len(source.loads) == 2

    async def test_young_value_is_left_alone(
        self, cache: Fresh[str, Any], source: Source, clock: list[float]
    ) -> None:
        """One load a second is enough."""
        clock[0] = 100.749
        await cache.get("a")
        await settle()

        assert len(source.loads) == 1

    async def test_value_that_is_too_old_is_waited_for(
        self, cache: Fresh[str, Any], source: Source, clock: list[float]
    ) -> None:
        """A renewal that takes its time is joined."""
        clock[0] = 100.9
        await cache.get("a")
        await source.asked(2)
        clock[0] = 101.0
        late = asyncio.create_task(cache.get("a"))
        await settle()
        waited = not late.done()
        source.loads[1].set_result("new")

        assert waited
        assert await late == "new"
        assert len(source.loads) == 2

    async def test_renewal_that_never_began_is_in_nobodys_way(
        self, cache: Fresh[str, Any], source: Source, clock: list[float]
    ) -> None:
        """Cancelled at once, as by a loop that ends."""
        clock[0] = 100.8
        await cache.get("a")
        cache._loading["a"].task.cancel()
        await settle()
        await cache.get("a")
        await source.asked(2)
        source.loads[1].set_result("new")
        await settle()

        assert await cache.get("a") == "new"

    async def test_renewal_that_fails_is_tried_again(
        self, cache: Fresh[str, Any], source: Source, clock: list[float]
    ) -> None:
        """And nobody hears of it: what there is, is still good."""
        clock[0] = 100.8
        before = await cache.get("a")
        await source.asked(2)
        source.loads[1].set_exception(OSError("away"))
        await settle()
        after = await cache.get("a")
        await source.asked(3)
        source.loads[2].set_result("new")
        await settle()

        assert [before, after, await cache.get("a")] == ["old", "old", "new"]


class TestErrors:
    """An error is told and forgotten."""

    async def test_error_reaches_all_who_wait_and_is_not_kept(
        self, cache: Fresh[str, Any], source: Source
    ) -> None:
        """The next caller tries again."""
        waiting = [asyncio.create_task(cache.get("a")) for _ in range(3)]
        await source.asked(1)
        source.loads[0].set_exception(OSError("away"))
        errors = await asyncio.gather(*waiting, return_exceptions=True)

        after = asyncio.create_task(cache.get("a"))
        await source.asked(2)
        source.loads[1].set_result("back")

        assert [type(error) for error in errors] == [OSError] * 3
        assert await after == "back"


class TestMemory:
    """Keys come from outside."""

    async def test_keys_never_pile_up(self) -> None:
        """Whoever asks for a million ids does not fill the memory."""

        async def load(key: int) -> int:
            return key

        cache: Fresh[int, int] = Fresh(load, max_age_s=1.0)
        for key in range(3 * MAX_KEYS):
            await cache.get(key)

        assert len(cache._entries) <= MAX_KEYS
        assert not cache._loading

    async def test_clear_forgets(self, cache: Fresh[str, Any], source: Source) -> None:
        """The next caller loads."""
        first = asyncio.create_task(cache.get("a"))
        await source.asked(1)
        source.loads[0].set_result("old")
        await first

        cache.clear()
        later = asyncio.create_task(cache.get("a"))
        await source.asked(2)
        source.loads[1].set_result("new")

        assert await later == "new"
