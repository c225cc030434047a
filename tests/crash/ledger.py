"""Compare what buyers were told with what the shop has stored."""

import json
import re
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.shop import Server, Shop
from tests.site import ROOT, wait_for

SEEN_THROUGH_S = 180.0  # longer than a buyer persists
REPLAYED = 2  # steps of each kind, asked once more at the end
REPLAY_TRIES = 3
FINAL = {"bought", "held", "released", "cancelled", "sold out", "fault", "given up"}
Entry = dict[str, Any]


@dataclass
class Buyers:
    """A crowd at work, and its journal."""

    process: "subprocess.Popen[bytes]"
    path: Path
    name: str

    def journal(self) -> list[Entry]:
        """Return what is written down so far."""
        text = self.path.read_text() if self.path.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line[-1] == "\n"]

    def count(self, event: str) -> int:
        """Say how often something happened so far."""
        return sum(entry["event"] == event for entry in self.journal())

    def wait_for_more(self, number: int, *, event: str = "bought") -> None:
        """Wait until something has happened so many times more than now."""
        goal = self.count(event) + number
        wait_for(lambda: self.count(event) >= goal, what=f"{goal} times {event}")

    def see_through(self) -> list[Entry]:
        """Take no new orders, wait until the open ones are answered; return the journal."""
        self.process.terminate()
        assert self.process.wait(SEEN_THROUGH_S) == 0
        return self.journal()


@contextmanager
def buyers(shop: Shop, servers: list[Server], *, name: str, number: int = 8) -> Iterator[Buyers]:
    """Let a crowd in that wants the hall and the balcony, and out whatever happens."""
    path = shop.folder / f"journal-{name}.jsonl"
    wanted = {
        "urls": [server.url for server in servers],
        "key": shop.key,
        "vacancies": [shop.vacancies["hall"], shop.vacancies["balcony"]],
        "name": name,
        "buyers": number,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.buyers", str(path), json.dumps(wanted)], cwd=ROOT
    )
    try:
        crowd = Buyers(process, path, name)
        wait_for(lambda: crowd.count("here"), what="the buyers to come")
        yield crowd
    finally:
        process.kill()
        process.wait()


def check(shop: Shop, server: Server, crowd: Buyers) -> Counter[str]:
    """See the open visits through, then hold the shop to every word; return what happened."""
    return verify(shop, server, crowd.name, crowd.see_through())


def verify(shop: Shop, server: Server, name: str, journal: list[Entry]) -> Counter[str]:
    """Compare a crowd's journal with the shop.

    Every acknowledged purchase and hold is stored, once, as it was acknowledged; nothing else is.
    A confirmed hold is one purchase; one that nobody came back for is active or expired; what was
    released, cancelled or expired gave its places back once. A repeat of any key is answered with
    the same words; counters equal rows.
    """
    events = Counter(entry["event"] for entry in journal)
    assert not events["fault"], [entry for entry in journal if entry["event"] == "fault"]
    assert not events["given up"]
    words = _words(journal)
    holds = _stored_holds(shop, name)
    assert _stored_purchases(shop, name) == _promised_purchases(words)
    assert {key: hold[:-1] for key, hold in holds.items()} == _promised_holds(words, holds)
    assert _given_back(shop, words) == _promised_back(words, holds)
    for word in _last_of_each_kind(words):
        assert _replay(shop, server, word) == (word["status"], word["body"])
    assert_audit_is_clean(shop)
    return events


def _words(journal: list[Entry]) -> dict[tuple[str, str], Entry]:
    """Return the final answer to each step, with what was asked; each has exactly one."""
    asked = {(e["key"], e["what"]): e for e in journal if e["event"] == "asked"}
    final = [entry for entry in journal if entry["event"] in FINAL]
    words = {(e["key"], e["what"]): asked.get((e["key"], e["what"]), {}) | e for e in final}
    assert len(words) == len(final)  # a buyer stops at the first final answer
    assert words.keys() == asked.keys()
    return words


def _told(words: dict[tuple[str, str], Entry], event: str) -> dict[str, Any]:
    """Return the bodies of all answers of a kind, by the key of the visit."""
    told = [word for word in words.values() if word["event"] == event]
    return {word["key"]: json.loads(word["body"] or "null") for word in told}


# id, vacancy, qty, codes, what it was held as, what became of it
Purchased = tuple[uuid.UUID, int, int, tuple[str, ...], uuid.UUID | None, str]


def _promised_purchases(words: dict[tuple[str, str], Entry]) -> dict[str, Purchased]:
    held, cancelled = _told(words, "held"), _told(words, "cancelled")
    return {
        key: (
            uuid.UUID(body["id"]),
            body["vacancy"],
            body["qty"],
            tuple(sorted(ticket["code"] for ticket in body["tickets"])),
            uuid.UUID(held[key]["id"]) if key in held else None,
            "cancelled" if key in cancelled else "confirmed",
        )
        for key, body in _told(words, "bought").items()
    }


def _stored_purchases(shop: Shop, name: str) -> dict[str, Purchased]:
    """Return what the crowd's visits (they are the buyers' names) have in the database."""
    rows = shop.rows(
        "SELECT buyer_name, id, vacancy_id, qty, hold_id, status"  # noqa: S608  # our own
        f" FROM tickets_purchase WHERE buyer_name LIKE '{name}-%'"
    )
    codes: dict[uuid.UUID, list[str]] = {}
    for purchase, code in shop.rows("SELECT purchase_id, code FROM tickets_ticket"):
        codes.setdefault(_id(purchase), []).append(code)
    found = {
        key: (_id(pk), vacancy, qty, tuple(sorted(codes[_id(pk)])), hold and _id(hold), status)
        for key, pk, vacancy, qty, hold, status in rows
    }
    assert len(found) == len(rows), "an order was served twice"
    return found


# id, vacancy, qty, what became of it, whether that was before its time was over
Held = tuple[uuid.UUID, int, int, str, bool]


def _promised_holds(
    words: dict[tuple[str, str], Entry], stored: dict[str, Held]
) -> dict[str, tuple[uuid.UUID, int, int, str]]:
    """Say what each hold must be now; one that nobody came back for may have expired by now."""
    ends = {"bought": "confirmed", "released": "released"}
    became = {key: end for event, end in ends.items() for key in _told(words, event)}
    for key, (_, _, _, status, early) in stored.items():
        if key not in became and status == "expired" and not early:
            became[key] = "expired"
    return {
        key: (uuid.UUID(body["id"]), body["vacancy"], body["qty"], became.get(key, "active"))
        for key, body in _told(words, "held").items()
    }


def _stored_holds(shop: Shop, name: str) -> dict[str, Held]:
    rows = shop.rows(
        "SELECT buyer_name, id, vacancy_id, qty, status, ended_at < expires_at"  # noqa: S608
        f" FROM tickets_hold WHERE buyer_name LIKE '{name}-%'"
    )
    found = {
        key: (_id(pk), vacancy, qty, status, bool(early))
        for key, pk, vacancy, qty, status, early in rows
    }
    assert len(found) == len(rows), "a hold was served twice"
    return found


def _promised_back(
    words: dict[tuple[str, str], Entry], holds: dict[str, Held]
) -> Counter[tuple[str, uuid.UUID, int]]:
    """Return what gave its places back: the ledger must have one line for each."""
    bought, cancelled = _told(words, "bought"), _told(words, "cancelled")
    lines = [("cancelled", uuid.UUID(bought[key]["id"]), bought[key]["qty"]) for key in cancelled]
    ended = {"released", "expired"}
    lines += [(status, pk, qty) for pk, _, qty, status, _ in holds.values() if status in ended]
    return Counter(lines)


def _given_back(
    shop: Shop, words: dict[tuple[str, str], Entry]
) -> Counter[tuple[str, uuid.UUID, int]]:
    """Return the ledger's lines about the crowd's own holds and purchases; each names its cause."""
    ours = {uuid.UUID(body["id"]) for e in ("bought", "held") for body in _told(words, e).values()}
    causes = [
        (kind, re.match(r"(?:Hold|Purchase) ([0-9a-f-]{36}) ", reason), qty)
        for kind, qty, reason in shop.rows("SELECT kind, qty, reason FROM vacancy_stockmovement")
    ]
    lines = [(kind, uuid.UUID(cause[1]), qty) for kind, cause, qty in causes if cause]
    return Counter(line for line in lines if line[1] in ours)


def _id(stored: Any) -> uuid.UUID:
    return uuid.UUID(str(stored))  # SQLite keeps text


def _last_of_each_kind(words: dict[tuple[str, str], Entry]) -> list[Entry]:
    granted: dict[str, list[Entry]] = {}
    for word in words.values():
        if word["event"] != "sold out":  # a cancellation may have reopened the sale
            granted.setdefault(word["what"], []).append(word)
    return [word for kind in granted.values() for word in kind[-REPLAYED:]]


def _replay(shop: Shop, server: Server, word: Entry) -> tuple[int, str]:
    with shop.client(server) as client:
        for _ in range(REPLAY_TRIES):  # what changes stock may meet a connection that died idle
            answer: httpx.Response = client.request(
                **word["request"], headers={"Idempotency-Key": word["key"]}
            )
            if answer.status_code != 503:
                break
    return answer.status_code, answer.text


def assert_audit_is_clean(shop: Shop) -> None:
    """Let the product compare every counter with rows and ledger."""
    audit = shop.run("manage.py", "audit_stock")
    assert audit.returncode == 0, audit.stdout + audit.stderr
