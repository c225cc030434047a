"""The reference workload: half the users look how many places are left, half buy one."""

from locust import task

from loadlab.locustfiles.buyers import Buyer, judge_read, judge_short_form


class Browsing(Buyer):
    """Looks, never buys."""

    weight = 1

    @task
    def look(self) -> None:
        """Ask how many places are left."""
        self.ask("GET", "/api/v1/available", name="GET /available", judge=judge_read)


class Buying(Buyer):
    """Buys one place at a time, also when there are none left."""

    weight = 1

    @task
    def buy(self) -> None:
        """Try to buy one place."""
        self.ask(
            "POST",
            "/api/v1/purchase",
            name="POST /purchase",
            judge=judge_short_form,
            json={"qty": 1},
        )
