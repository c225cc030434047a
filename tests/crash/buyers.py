"""Buyers in a process of their own, who write down what they were told.

Each buyer pays one visit after the other. A visit is a chain of steps: buy; buy and cancel; hold
and confirm; hold and release; hold and never come back ("forget"). Each step is asked, always
with the same idempotency key, until an answer comes, and everything is written to a journal
before the next step: what the journal calls bought, held, released or cancelled must be so after
any crash. Now and then one loses patience and hangs up, as people do.
Run: `python -m tests.crash.buyers JOURNAL '{"urls": …, "key": …, "vacancies": …, …}'`. SIGTERM:
begin no new visits, see the open ones through, leave.
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
PATIENCE_S = 60.0
PERSISTENCE_S = 150.0  # with one step; the crash tests end earlier
BREATH_S = 0.05  # between two attempts at the same step
NOT_NOW = {"rate-limited", "overloaded", "request-in-flight"}  # come again with the same key
VISITS = (
    "buy", "hold confirm", "buy", "hold release", "buy cancel", "forget", "buy",
    "hold confirm cancel",
)  # fmt: skip
KEPT_S = 600  # no test takes as long: who comes back finds the hold
FORGOTTEN_S = 1  # nobody comes back for it: the till may take it back when places run short
OUTCOMES = {
    ("buy", 201): "bought",
    ("buy", 409): "sold out",
    ("hold", 201): "held",
    ("hold", 409): "sold out",
    ("confirm", 201): "bought",
    ("release", 204): "released",
    ("cancel", 200): "cancelled",
}


@dataclass
class Journal:
    """What was asked and answered, line by line, safe before anybody relies on it."""

    file: IO[str]

    def write(self, event: str, **facts: Any) -> None:
        """Append one line and see that it is on the disk."""
        self.file.write(json.dumps({"event": event, **facts}) + "\n")
        self.file.flush()
        os.fsync(self.file.fileno())


@dataclass(frozen=True)
class Step:
    """One request of a visit; its key is the visit's, whatever is asked."""

    key: str
    what: str
    method: str
    path: str
    body: dict[str, Any] | None = None

    def facts(self) -> dict[str, Any]:
        """Return what the journal says of it, enough to ask again."""
        return {
            "key": self.key,
            "what": self.what,
            "request": {"method": self.method, "url": self.path, "json": self.body},
        }


def step(key: str, what: str, order: dict[str, Any], made: str) -> Step:
    """Say what to send; `made` is the id of what the step before made."""
    match what:
        case "buy":
            return Step(key, what, "POST", "/purchases", order)
        case "hold" | "forget":
            seconds = KEPT_S if what == "hold" else FORGOTTEN_S
            return Step(key, "hold", "POST", "/holds", order | {"hold_seconds": seconds})
        case "confirm":
            return Step(key, what, "POST", f"/holds/{made}/confirm")
        case "release":
            return Step(key, what, "DELETE", f"/holds/{made}")
    return Step(key, what, "POST", f"/purchases/{made}/cancel")


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
        """Pay one visit after the other; of two buyers, none does the same at the same time."""
        for count in range(self.most):
            if self.leaving.is_set():
                return
            whats = VISITS[(number + count) % len(VISITS)].split()
            await self.visit(f"{self.name}-{number}-{count}", whats)

    async def visit(self, key: str, whats: list[str]) -> None:
        """Take one step after the other, as long as each is granted."""
        vacancy, qty = self.chance.choice(self.vacancies), self.chance.randint(1, 4)
        order = {"vacancy": vacancy, "qty": qty, "buyer": {"name": key}}
        made: str | None = ""
        for what in whats:
            if made is None:
                return
            made = await self.see_through(step(key, what, order, made))

    async def see_through(self, step: Step) -> str | None:
        """Ask until the answer is final; return the id of what was made, None for a refusal."""
        self.journal.write("asked", **step.facts())
        until = time.monotonic() + PERSISTENCE_S
        while time.monotonic() < until:
            answer = await self.ask(step)
            if answer is not None:
                return self.write_final(step, answer)
            await asyncio.sleep(BREATH_S)
        self.journal.write("given up", key=step.key, what=step.what)
        return None

    async def ask(self, step: Step) -> httpx.Response | None:
        """Send it once; return the answer if it is final."""
        hurried = self.chance.random() < IMPATIENT
        try:
            answer = await self.client.request(
                step.method,
                self.chance.choice(self.urls) + step.path,
                json=step.body,
                headers={"Idempotency-Key": step.key},
                timeout=self.chance.uniform(0.001, 0.02) if hurried else PATIENCE_S,
            )
        except httpx.HTTPError as error:
            why = type(error).__name__
            self.journal.write("unanswered", key=step.key, what=step.what, why=why)
            return None
        if _code(answer) not in NOT_NOW:
            return answer
        self.journal.write("not now", key=step.key, what=step.what, status=answer.status_code)
        return None

    def write_final(self, step: Step, answer: httpx.Response) -> str | None:
        """Write down what became of it; return the id of what was made, None for a refusal."""
        event = OUTCOMES.get((step.what, answer.status_code), "fault")
        facts: dict[str, Any] = {"status": answer.status_code, "body": answer.text}
        self.journal.write(event, key=step.key, what=step.what, **facts)
        return str(answer.json()["id"]) if event in {"bought", "held"} else None


def _code(answer: httpx.Response) -> str:
    """Return the code of a problem, or nothing if the answer is none."""
    is_problem = answer.headers.get("content-type", "").startswith("application/problem+json")
    return str(answer.json()["code"]) if is_problem else ""


async def main(journal: Journal, wanted: dict[str, Any]) -> None:
    """Let them come until SIGTERM, or until each has paid `most` visits."""
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
