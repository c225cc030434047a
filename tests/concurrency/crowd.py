"""Many threads that start together, each with a database connection of its own."""

import threading
from collections.abc import Callable
from typing import Any, cast

from django.db import connection

JOIN_S = 120.0  # a deadlock or a hang ends the test, not the patience of whoever waits for it


def crowd(size: int, act: Callable[[int], Any]) -> list[Any]:
    """Let `size` threads call `act(number)` at once; return results and errors, by number.

    The barrier comes before the first query: PostgreSQL's pool has fewer connections than a crowd
    has people, and whoever waited at the barrier with one in hand would wait for ever.
    """
    outcomes: list[Any] = [TimeoutError("never came back")] * size
    barrier = threading.Barrier(size)

    if connection.vendor == "postgresql":
        cast(Any, connection).pool.timeout = JOIN_S  # no process of the product is such a crowd

    def one(number: int) -> None:
        try:
            barrier.wait(JOIN_S)
            outcomes[number] = act(number)
        except Exception as error:
            outcomes[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(n,), daemon=True) for n in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(JOIN_S)
    assert not [thread.name for thread in threads if thread.is_alive()], "still running"
    return outcomes
