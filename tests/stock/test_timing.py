"""Where a request's time goes: spent by whoever works for it, and by nobody else."""

import asyncio
import contextvars

import pytest

from vacancy import timing


class TestSpending:
    """One record a request."""

    async def test_what_is_spent_adds_up_by_name(self) -> None:
        """Two reads are one entry."""
        record = timing.begin()

        timing.spend("db", 0.25)
        timing.spend("queue", 0.5)
        timing.spend("db", 0.5)

        assert record == {"db": 0.75, "queue": 0.5}

    async def test_task_spends_for_the_request_that_started_it(self) -> None:
        """However deep the work is."""

        async def work() -> None:
            timing.spend("db", 0.25)

        record = timing.begin()
        await asyncio.create_task(work())

        assert record == {"db": 0.25}

    async def test_requests_do_not_spend_for_each_other(self) -> None:
        """Though they run in one loop at the same time."""

        async def request(seconds: float) -> timing.Record:
            record = timing.begin()
            await asyncio.sleep(0)
            timing.spend("db", seconds)
            return record

        records = await asyncio.gather(request(0.25), request(0.5))

        assert list(records) == [{"db": 0.25}, {"db": 0.5}]

    async def test_next_request_of_the_same_task_begins_at_nothing(self) -> None:
        """A server may use one task for a whole connection."""
        first = timing.begin()
        timing.spend("db", 0.25)

        second = timing.begin()
        timing.spend("queue", 0.5)

        assert (first, second) == ({"db": 0.25}, {"queue": 0.5})

    @pytest.mark.parametrize("begun", [False, True], ids=["never begun", "in a context apart"])
    async def test_spending_outside_a_request_does_nothing(self, begun: bool) -> None:
        """A command's work, or a task that serves everybody."""
        record = timing.begin() if begun else {}

        contextvars.Context().run(timing.spend, "db", 0.25)

        assert record == {}
