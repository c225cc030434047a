"""One batch of those who wait, each with what they are to be told; for whoever serves the till."""

from typing import Any

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from tickets import repeats, selling
from tickets.express import Begun, Express
from tickets.waiting import Answered, Waiting, apart, wishes
from tickets.wishes import Answer, Wish
from vacancy.lanes import close_dead


async def serve_from_loop(express: Express, batch: list[Waiting]) -> list[Answered]:
    """Answer everybody from the event loop. Raises as `Express.serve`."""
    refused, wanting = apart(batch)
    answers = await express.serve(
        wishes=wishes(wanting), refused=wishes(refused), now=timezone.now()
    )
    return [(one, one.known) for one in refused] + list(zip(wanting, answers, strict=True))


def serve_batch(batch: list[Waiting], begun: Begun | None) -> list[Answered]:
    """Answer everybody, whatever happens: an error is an answer too."""
    try:
        if len(batch) == 1 and not isinstance(batch[0].what, Wish):
            return [(batch[0], batch[0].what())]
        refused, wanting = apart(batch)
        return _refuse_unless_repeated(refused) + _sell(wanting, begun)
    except Exception as error:
        if isinstance(error, OperationalError | InterfaceError):
            close_dead()  # the next batch opens a fresh one
        return [(one, error) for one in batch]


def _sell(batch: list[Waiting], begun: Begun | None) -> list[Answered]:
    if not batch:
        return []
    # The clock is read here: who waited past the end of the sale is too late.
    answers = selling.serve_together(wishes=wishes(batch), now=timezone.now(), begun=begun)
    if any(isinstance(answer, OperationalError | InterfaceError) for answer in answers):
        close_dead()
    return list(zip(batch, answers, strict=True))


def _refuse_unless_repeated(batch: list[Waiting]) -> list[Answered]:
    """See tickets.till, Note [Known too late]."""
    if not batch:
        return []
    wished = wishes(batch)
    found: dict[Any, Answer] = repeats.find(wishes=wished, now=timezone.now())
    keys = [wish.repeat_key for wish in wished]
    return [(one, found.get(key, one.known)) for one, key in zip(batch, keys, strict=True)]
