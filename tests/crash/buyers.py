"""Buyers in a process of their own, who write down what they were told.

Each buyer takes an order, asks until an answer comes, always with the same idempotency key, and
writes every step to a journal before the next one: what the journal calls bought must be there
after any crash. Now and then one loses patience and hangs up, as people do.
Run: `python -m tests.crash.buyers JOURNAL '{"urls": …, "key": …, "vacancies": …, …}'`. SIGTERM:
take no new orders, see the open ones through, leave.
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
from dataclasses import dataclass, field
from typing import IO, Any

import httpx

IMPATIENT = 0.05  # of the requests
PATIENCE_S = 20.0
PERSISTENCE_S = 45.0  # with one order; the crash tests end earlier
BREATH_S = 0.05  # between two attempts at the same order
NOT_NOW = {429, 503}  # come again with the same key
BOUGHT = 201
SOLD_OUT = 409


@dataclass
class Journal:
    """What was asked and answered, line by line, safe before anybody relies on it."""

    file: IO[str]

    def write(self, event: str, **facts: Any) -> None:
        """Append one line and see that it is on the disk."""
        self.file.write(json.dumps({"event": event, **facts}) + "\n")
        self.file.flush()
        os.fsync(self.file.fileno())


@dataclass
class Crowd:
    """What all buyers of this process share."""

    client: httpx.AsyncClient
    urls: list[str]
    vacancies: list[int]
    journal: Journal
    name: str
    most: int
    chance: random.Random
    leaving: asyncio.Event = field(default_factory=asyncio.Event)

    async def buyer(self, number: int) -> None:
        """Take one order after the other."""
        for count in range(self.most):
            if self.leaving.is_set():
                return
            key = f"{self.name}-{number}-{count}"
            vacancy, qty = self.chance.choice(self.vacancies), self.chance.randint(1, 4)
            self.journal.write("asked", key=key, vacancy=vacancy, qty=qty)
            await self.see_through(key, vacancy, qty)

    async def see_through(self, key: str, vacancy: int, qty: int) -> None:
        """Ask until the answer is final."""
        until = time.monotonic() + PERSISTENCE_S
        while time.monotonic() < until:
            if await self.ask(key, vacancy, qty):
                return
            await asyncio.sleep(BREATH_S)
        self.journal.write("given up", key=key)

    async def ask(self, key: str, vacancy: int, qty: int) -> bool:
        """Send the order once; say whether the answer is final."""
        hurried = self.chance.random() < IMPATIENT
        try:
            answer = await self.client.post(
                f"{self.chance.choice(self.urls)}/purchases",
                json={"vacancy": vacancy, "qty": qty, "buyer": {"name": key}},
                headers={"Idempotency-Key": key},
                timeout=self.chance.uniform(0.001, 0.02) if hurried else PATIENCE_S,
            )
        except httpx.HTTPError as error:
            self.journal.write("unanswered", key=key, why=type(error).__name__)
            return False
        if answer.status_code in NOT_NOW:
            self.journal.write("not now", key=key, status=answer.status_code)
            return False
        self.write_final(key, answer)
        return True

    def write_final(self, key: str, answer: httpx.Response) -> None:
        """Write down what became of the order."""
        status = answer.status_code
        if status == BOUGHT:
            self.journal.write("bought", key=key, body=answer.text)
        elif status == SOLD_OUT:
            self.journal.write("sold out", key=key)
        else:
            self.journal.write("fault", key=key, status=status, body=answer.text[:500])


async def main(journal: Journal, wanted: dict[str, Any]) -> None:
    """Let them buy until SIGTERM, or until each has had `most` orders."""
    headers = {"Authorization": f"Bearer {wanted['key']}"}
    async with httpx.AsyncClient(headers=headers) as client:
        crowd = Crowd(
            client=client,
            urls=wanted["urls"],
            vacancies=wanted["vacancies"],
            journal=journal,
            name=wanted["name"],
            most=wanted.get("most", 10_000),
            chance=random.Random(wanted["name"]),
        )
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, crowd.leaving.set)
        journal.write("here")
        await asyncio.gather(*(crowd.buyer(n) for n in range(wanted["buyers"])))
        journal.write("gone")


if __name__ == "__main__":
    with open(sys.argv[1], "a") as file:  # noqa: PTH123  # a line-buffered file of our own
        asyncio.run(main(Journal(file), json.loads(sys.argv[2])))
