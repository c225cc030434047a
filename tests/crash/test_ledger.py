"""The crash tests' own judge: what it exists to catch, it catches."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.crash.ledger import buyers, verify
from tests.shop import Server, Shop

Journal = list[dict[str, Any]]
NAME = "honest"


@pytest.fixture(scope="module")
def journal(shop: Shop, shop_api: Server) -> Journal:
    """What a few buyers wrote down on a quiet day."""
    with buyers(shop, [shop_api], name=NAME, number=2) as crowd:
        crowd.wait_for_more(6)
        return crowd.see_through()


def last_sale(journal: Journal) -> dict[str, Any]:
    """Return the last line that says bought."""
    return [entry for entry in journal if entry["event"] == "bought"][-1]


def test_honest_shop_passes(shop: Shop, shop_api: Server, journal: Journal) -> None:
    """Nothing to complain about on a quiet day."""
    events = verify(shop, shop_api, NAME, journal)

    assert events["bought"] >= 6


def forgets(journal: Journal) -> Journal:
    """A purchase was acknowledged that the shop does not have."""
    key = f"{NAME}-never"
    body = json.loads(last_sale(journal)["body"]) | {"id": str(uuid.uuid4())}
    asked = {"event": "asked", "key": key, "vacancy": body["vacancy"], "qty": body["qty"]}
    return [*journal, asked, {"event": "bought", "key": key, "body": json.dumps(body)}]


def sells_unasked(journal: Journal) -> Journal:
    """The shop has a purchase of somebody who was told that all is gone."""
    sale = last_sale(journal)
    return [{"event": "sold out", "key": e["key"]} if e is sale else e for e in journal]


def tells_otherwise(journal: Journal) -> Journal:
    """A repeat is answered with another word than the first time."""
    sale = last_sale(journal)
    return [e | {"body": e["body"] + " "} if e is sale else e for e in journal]


def leaves_open(journal: Journal) -> Journal:
    """An order was never answered."""
    sale = last_sale(journal)
    return [e for e in journal if e is not sale]


def breaks(journal: Journal) -> Journal:
    """Somebody was answered with an internal error."""
    return [*journal, {"event": "fault", "key": last_sale(journal)["key"], "status": 500}]


@pytest.mark.parametrize("lie", [forgets, sells_unasked, tells_otherwise, leaves_open, breaks])
def test_lie_is_caught(
    shop: Shop, shop_api: Server, journal: Journal, lie: Callable[[Journal], Journal]
) -> None:
    """Each way to break a word fails the comparison."""
    with pytest.raises(AssertionError):
        verify(shop, shop_api, NAME, lie(journal))


@pytest.fixture
def drift(shop: Shop) -> Iterator[None]:
    """One place too few counted as sold, for the length of a test."""
    move = "UPDATE vacancy_vacancy SET sold = sold {}, available = available {} WHERE id = {}"
    hall = shop.vacancies["hall"]
    shop.write(move.format("- 1", "+ 1", hall))
    yield
    shop.write(move.format("+ 1", "- 1", hall))


@pytest.mark.usefixtures("drift")
def test_drift_is_caught(shop: Shop, shop_api: Server, journal: Journal) -> None:
    """A counter that does not equal its rows fails the comparison."""
    with pytest.raises(AssertionError):
        verify(shop, shop_api, NAME, journal)
