"""What this process knows to be sold out.

Note [Known sold out]
    An on-sale sees over a thousand requests for each ticket, so refusals are most of the work.
    Within a second of a refusal the next one for the same stock needs no database. A cancellation
    here ends that second at once, one in another process when it is over.

    If everybody asked the database once the second is over, they would at once, wait together,
    and come back together. So it is asked while the second runs, behind the back of a buyer who
    is refused meanwhile: nobody waits for it. It looks, and takes nothing for anybody.
"""

import asyncio
import logging
import time
from contextvars import Context
from dataclasses import replace
from typing import NamedTuple

from django.utils import timezone

from tickets.batch import Batch
from tickets.wishes import Answer, Order, Wish
from vacancy.lanes import READS
from vacancy.services import SoldOut
from vacancy.trips import Changed

REFUSE_FROM_MEMORY_S = 1.0
ASK_ANEW_AFTER_S = 0.75
MEMORY_SIZE = 1000

logger = logging.getLogger(__name__)


class _Refused(NamedTuple):
    at: float  # monotonic seconds, taken before the database was asked
    available: int
    asked_anew: bool = False  # somebody is finding out whether it is so still


_Stock = tuple[int | None, int | None]  # the vacancy that is named, and the one a key is bound to
_refused: dict[_Stock, _Refused] = {}
_asking: set[asyncio.Task[None]] = set()  # the event loop alone would let them be collected


def known(wish: Wish) -> SoldOut | None:
    """Return the refusal of this wish, if it needs no look at the stock."""
    if not isinstance(wish, Order):
        return None
    stock = (wish.vacancy_id, wish.bound_to)
    refused = _refused.get(stock)
    if refused is None or wish.qty <= refused.available:
        return None
    age_s = time.monotonic() - refused.at
    if age_s >= REFUSE_FROM_MEMORY_S:
        return None
    if age_s >= ASK_ANEW_AFTER_S and not refused.asked_anew:
        _refused[stock] = asked = refused._replace(asked_anew=True)
        # An empty context: it is on no request's account (vacancy.timing).
        loop = asyncio.get_running_loop()
        task = loop.create_task(_ask_anew(stock, wish, asked), context=Context())
        _asking.add(task)
        task.add_done_callback(_asking.discard)
    return SoldOut.of(qty=wish.qty, available=refused.available)


def remember(wish: Wish, refusal: SoldOut, *, asked_at: float) -> None:
    """Refuse others from memory; `asked_at`: before the database was asked, in monotonic s."""
    if isinstance(wish, Order):
        if len(_refused) >= MEMORY_SIZE:
            _refused.clear()
        _refused[wish.vacancy_id, wish.bound_to] = _Refused(asked_at, refusal.available)


def forget() -> None:
    """Know nothing: places may have been given back."""
    _refused.clear()


async def _ask_anew(stock: _Stock, wish: Order, asked: _Refused) -> None:
    asked_at = time.monotonic()
    try:
        answer = await READS.run(_would_be_told, wish)
    except Exception as error:  # whoever comes when the second is over is told what is wrong
        logger.warning("not known whether it is sold out still: %s", type(error).__name__)
        return
    if _refused.get(stock) is not asked:
        return  # forgotten meanwhile, or known better
    if isinstance(answer, SoldOut):
        remember(wish, answer, asked_at=asked_at)
    else:
        del _refused[stock]


def _would_be_told(wish: Order) -> Answer | None:
    """Say what a buyer with this wish would be told; None: that is not to be said by looking."""
    batch = Batch([replace(wish, idempotency_key=None)], timezone.now(), careful=False)
    try:
        batch.look_and_decide()
    except Changed:  # holds have expired, which the till takes back
        return None
    return batch.answers[0]
