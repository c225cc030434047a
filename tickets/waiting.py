"""Those who wait for the till, and how a batch of them is told."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any, cast

from tickets.wishes import Wish
from vacancy.services import SoldOut


class Waiting:
    """One wish, or one other job, and who wants to hear what became of it."""

    __slots__ = ("answer", "began_at", "came_at", "ended_at", "known", "loop", "what")

    def __init__(self, what: Wish | Callable[[], Any], known: SoldOut | None = None) -> None:
        self.what = what
        self.known = known  # the refusal, if the stock is known to be sold out
        self.loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[Any] = self.loop.create_future()
        self.came_at = time.perf_counter()
        self.began_at = self.ended_at = 0.0

    def tell(self, answer: Any) -> None:
        """Hand the answer over; to be called in its event loop."""
        if self.answer.done():  # hung up meanwhile; the purchase is theirs all the same
            return
        if isinstance(answer, BaseException):
            self.answer.set_exception(answer)
        else:
            self.answer.set_result(answer)


Answered = tuple[Waiting, Any]


def present(batch: list[Waiting]) -> list[Waiting]:
    """Leave out who hung up."""
    return [one for one in batch if not one.answer.cancelled()]


def apart(batch: list[Waiting]) -> tuple[list[Waiting], list[Waiting]]:
    """Part those who are known to be too late from the others."""
    refused = [one for one in batch if one.known is not None]
    return refused, [one for one in batch if one.known is None]


def wishes(batch: list[Waiting]) -> list[Wish]:
    """Return what they want; nobody of them waits for a job."""
    return [cast(Wish, one.what) for one in batch]


def deliver(answers: list[Answered], began_at: float) -> None:
    """Hand the answers over, with one call for each event loop; at once for the running one."""
    ended_at = time.perf_counter()
    by_loop: dict[asyncio.AbstractEventLoop, list[Answered]] = {}
    for one, answer in answers:
        one.began_at, one.ended_at = began_at, ended_at
        by_loop.setdefault(one.loop, []).append((one, answer))
    here = _running_loop()
    for loop, group in by_loop.items():
        if loop is here:
            _settle(group)
        else:
            with contextlib.suppress(RuntimeError):  # a loop that is closed waits for nothing
                loop.call_soon_threadsafe(_settle, group)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _settle(answers: list[Answered]) -> None:
    for one, answer in answers:
        one.tell(answer)
