"""Gentle load for a long time: what leaks or slowly fills up shows here and nowhere else."""

from locust import task

from loadlab.locustfiles import journeys
from loadlab.locustfiles.buyers import Buyer, Chooser


class Soaking(Buyer):
    """Does in turn everything that buyers do."""

    def on_start(self) -> None:
        """Draw journeys of one's own, the same ones in each run."""
        super().on_start()
        self.chooser = Chooser(journeys.MIXED, seed=self.number)

    @task
    def visit(self) -> None:
        """Do one thing after another."""
        self.chooser.next()(self)
