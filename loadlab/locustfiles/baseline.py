"""The reference workload: half the users look how many places are left, half buy one."""

from locust import task

from loadlab.locustfiles import journeys
from loadlab.locustfiles.buyers import Buyer


class Browsing(Buyer):
    """Looks, never buys."""

    weight = 1

    @task
    def look(self) -> None:
        """Ask how many places are left."""
        journeys.browse(self)


class Buying(Buyer):
    """Buys one place at a time, also when there are none left."""

    weight = 1

    @task
    def buy(self) -> None:
        """Try to buy one place."""
        journeys.buy_short(self)
