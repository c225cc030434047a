"""Compare what buyers were told with what the shop has stored."""

import json
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.shop import Server, Shop, buy
from tests.site import ROOT, wait_for

SEEN_THROUGH_S = 40.0
REPLAYED = 5  # orders, asked once more at the end
REPLAY_TRIES = 3


@dataclass
class Buyers:
    """A crowd at work, and its journal."""

    process: "subprocess.Popen[bytes]"
    path: Path
    name: str

    def journal(self) -> list[dict[str, Any]]:
        """Return what is written down so far."""
        text = self.path.read_text() if self.path.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line[-1] == "\n"]

    def count(self, event: str) -> int:
        """Say how often something happened so far."""
        return sum(entry["event"] == event for entry in self.journal())

    def wait_for_more(self, number: int, *, event: str = "bought") -> None:
        """Wait until something has happened so many times more than now."""
        goal = self.count(event) + number
        wait_for(lambda: self.count(event) >= goal, timeout_s=30, what=f"{goal} times {event}")

    def see_through(self) -> list[dict[str, Any]]:
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
        wait_for(lambda: crowd.count("here"), timeout_s=20, what="the buyers to come")
        yield crowd
    finally:
        process.kill()
        process.wait()


def check(shop: Shop, server: Server, crowd: Buyers) -> Counter[str]:
    """See the open orders through, then hold the shop to every word; return what happened."""
    return verify(shop, server, crowd.name, crowd.see_through())


def verify(shop: Shop, server: Server, name: str, journal: list[dict[str, Any]]) -> Counter[str]:
    """Compare a crowd's journal with the shop.

    Every acknowledged purchase is stored, once, as it was acknowledged; nothing else is; a repeat
    of its key is answered with the same words; counters equal rows.
    """
    events = Counter(entry["event"] for entry in journal)
    told = _told(journal)
    assert not events["fault"], [entry for entry in journal if entry["event"] == "fault"]
    assert not events["given up"]
    stored = _stored(shop, name)
    assert stored == {key: _facts(json.loads(body)) for key, body in told.items()}
    for key in sorted(told)[-REPLAYED:]:
        assert _replay(shop, server, journal, key) == told[key]
    assert_audit_is_clean(shop)
    return events


def _told(journal: list[dict[str, Any]]) -> dict[str, str]:
    told = [(entry["key"], entry["body"]) for entry in journal if entry["event"] == "bought"]
    assert len({key for key, _ in told}) == len(told)  # a buyer stops at the first yes
    asked = {entry["key"] for entry in journal if entry["event"] == "asked"}
    final = {e["key"] for e in journal if e["event"] in {"bought", "sold out", "fault", "given up"}}
    assert asked == final
    return dict(told)


Facts = tuple[uuid.UUID, int, int, tuple[str, ...]]


def _facts(body: dict[str, Any]) -> Facts:
    codes = tuple(sorted(ticket["code"] for ticket in body["tickets"]))
    return uuid.UUID(body["id"]), body["vacancy"], body["qty"], codes


def _stored(shop: Shop, name: str) -> dict[str, Facts]:
    """Return what the crowd's orders (they are the buyers' names) have in the database."""
    purchases = shop.rows(
        "SELECT buyer_name, id, vacancy_id, qty FROM tickets_purchase"  # noqa: S608  # our own
        f" WHERE buyer_name LIKE '{name}-%'"
    )
    codes: dict[uuid.UUID, list[str]] = {}
    for purchase, code in shop.rows("SELECT purchase_id, code FROM tickets_ticket"):
        codes.setdefault(uuid.UUID(str(purchase)), []).append(code)
    found = {
        key: (uuid.UUID(str(id_)), vacancy, qty, tuple(sorted(codes[uuid.UUID(str(id_))])))
        for key, id_, vacancy, qty in purchases
    }
    assert len(found) == len(purchases), "an order was served twice"
    return found


def _replay(shop: Shop, server: Server, journal: list[dict[str, Any]], key: str) -> str:
    [order] = [e for e in journal if e["event"] == "asked" and e["key"] == key]
    with shop.client(server) as client:
        for _ in range(REPLAY_TRIES):  # a connection that died idle is noticed when it is used
            answer = buy(client, order["vacancy"], key=key, qty=order["qty"], name=key)
            if answer.status_code != 503:
                break
    assert answer.status_code == 201, answer.text
    return answer.text


def assert_audit_is_clean(shop: Shop) -> None:
    """Let the product compare every counter with rows and ledger."""
    audit = shop.run("manage.py", "audit_stock")
    assert audit.returncode == 0, audit.stdout + audit.stderr
