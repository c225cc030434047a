"""The till: where purchases of this process meet the database.

One lane, one connection: purchases are committed one after another in order of arrival, and an
answer leaves only after COMMIT. The queue is bounded, so a flood is refused with `overloaded`
instead of waiting for seconds.
"""

from django.utils import timezone

from tickets import services
from vacancy.lanes import Lane

QUEUE_LIMIT = 1000
TILL = Lane("till", limit=QUEUE_LIMIT)


async def sell(order: services.Order) -> services.Sale:
    """Sell, and return only when it is committed.

    Raises:
        vacancy.lanes.LaneFull: too many wait already; nothing was sold.
        tickets.services.SaleRefusal, vacancy.services.StockRefusal: see `services.buy`.
    """
    return await TILL.run(_sell, order)


def _sell(order: services.Order) -> services.Sale:
    return services.buy(order=order, now=timezone.now())  # read in the lane: the wait counts
