"""A few places and very many buyers who keep trying: most answers are no, and must stay quick."""

from locust import task

from loadlab.locustfiles import journeys
from loadlab.locustfiles.buyers import Buyer


class Storming(Buyer):
    """Wants one place and does not take no for an answer."""

    @task(8)
    def buy(self) -> None:
        """Try to buy."""
        journeys.buy(self)

    @task(1)
    def insist(self) -> None:
        """Try to buy and send the same again."""
        journeys.buy_and_retry(self)

    @task(1)
    def look(self) -> None:
        """Look whether anything is left."""
        journeys.browse(self)
