"""The crash tests' own judge: what it exists to catch, it catches."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.crash.ledger import FINAL, assert_audit_is_clean, buyers, verify
from tests.shop import Server, Shop
from tests.site import wait_for

Journal = list[dict[str, Any]]
NAME = "honest"
LIES_NEED = ("buy", "buy cancel", "hold", "hold confirm", "hold confirm cancel", "hold release")


@pytest.fixture(scope="module")
def journal(shop: Shop, shop_api: Server) -> Journal:
    """What a few buyers wrote down on a quiet day: every kind of visit is among them."""
    with buyers(shop, [shop_api], name=NAME, number=2) as crowd:
        crowd.wait_for_more(6)
        wait_for(
            lambda: len(kinds(crowd.journal())) == 6,
            what="every kind of visit",
        )
        return crowd.see_through()


def visits(journal: Journal) -> dict[str, tuple[str, ...]]:
    """Return what was granted at each visit, by its key, step by step."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in journal:
        if entry["event"] in FINAL:
            found[entry["key"]] = (*found.get(entry["key"], ()), entry["what"])
    return found


def kinds(journal: Journal) -> set[tuple[str, ...]]:
    """Return the kinds of visits that have been seen through to the end."""
    return set(visits(journal).values()) & {tuple(kind.split()) for kind in LIES_NEED}


def last(journal: Journal, visit: str, step: str) -> dict[str, Any]:
    """Return the answer to this step of the last visit of a kind."""
    keys = [key for key, whats in visits(journal).items() if " ".join(whats) == visit]
    [answer] = [
        entry
        for entry in journal
        if entry.get("key") == keys[-1] and entry["event"] in FINAL and entry["what"] == step
    ]
    return answer


def without(journal: Journal, answer: dict[str, Any]) -> Journal:
    """Return it without a step: neither asked nor answered."""
    step = (answer["key"], answer["what"])
    return [entry for entry in journal if (entry.get("key"), entry.get("what")) != step]


def test_honest_shop_passes(shop: Shop, shop_api: Server, journal: Journal) -> None:
    """Nothing to complain about on a quiet day, when everything happened."""
    events = verify(shop, shop_api, NAME, journal)

    assert events["bought"] >= 6
    assert all(events[event] for event in ("held", "released", "cancelled"))


def forgets(journal: Journal) -> Journal:
    """A purchase was acknowledged that the shop does not have."""
    return [*journal, *_never_made(journal, "buy")]


def forgets_a_hold(journal: Journal) -> Journal:
    """A hold was acknowledged that the shop does not have."""
    return [*journal, *_never_made(journal, "hold")]


def _never_made(journal: Journal, step: str) -> Journal:
    """Copy a visit of one step under another name."""
    answer = last(journal, step, step)
    body = json.loads(answer["body"]) | {"id": str(uuid.uuid4())}
    asked = {"event": "asked", "key": f"{NAME}-never", "what": step, "request": {}}
    return [asked, answer | {"key": f"{NAME}-never", "body": json.dumps(body)}]


def sells_unasked(journal: Journal) -> Journal:
    """The shop has a purchase of somebody who was told that all is gone."""
    sale = last(journal, "buy", "buy")
    return [e | {"event": "sold out"} if e is sale else e for e in journal]


def holds_unasked(journal: Journal) -> Journal:
    """The shop keeps places for somebody who was told that all is gone."""
    held = last(journal, "hold", "hold")
    return [e | {"event": "sold out"} if e is held else e for e in journal]


def tells_otherwise(journal: Journal) -> Journal:
    """A repeat is answered with another word than the first time."""
    sale = [e for e in journal if e["event"] == "bought"][-1]
    return [e | {"body": e["body"] + " "} if e is sale else e for e in journal]


def leaves_open(journal: Journal) -> Journal:
    """An order was never answered."""
    sale = last(journal, "buy", "buy")
    return [e for e in journal if e is not sale]


def breaks(journal: Journal) -> Journal:
    """Somebody was answered with an internal error."""
    return [*journal, last(journal, "buy", "buy") | {"event": "fault", "status": 500}]


def sells_what_was_held(journal: Journal) -> Journal:
    """A hold became a purchase that nobody confirmed."""
    return without(journal, last(journal, "hold confirm", "confirm"))


def sells_another_hold(journal: Journal) -> Journal:
    """A confirmation became a purchase, but not of the hold that it was for."""
    held = last(journal, "hold confirm", "hold")
    body = json.loads(held["body"]) | {"id": str(uuid.uuid4())}
    return [e | {"body": json.dumps(body)} if e is held else e for e in journal]


def keeps_what_was_released(journal: Journal) -> Journal:
    """A release was acknowledged, but the hold is as it was."""
    return _claimed(journal, "hold", "release", "released")


def releases_unasked(journal: Journal) -> Journal:
    """A hold was given back that nobody released, before its time was over."""
    return without(journal, last(journal, "hold release", "release"))


def keeps_what_was_cancelled(journal: Journal) -> Journal:
    """A cancellation was acknowledged, but the purchase is as it was."""
    return _claimed(journal, "buy", "cancel", "cancelled")


def cancels_unasked(journal: Journal) -> Journal:
    """A purchase was cancelled by nobody."""
    return without(journal, last(journal, "buy cancel", "cancel"))


def cancels_a_confirmed_hold_unasked(journal: Journal) -> Journal:
    """So was one that had been held before."""
    return without(journal, last(journal, "hold confirm cancel", "cancel"))


def _claimed(journal: Journal, visit: str, step: str, event: str) -> Journal:
    """Add a step to a visit that had none: asked, and answered with yes."""
    real = next(entry for entry in journal if entry["event"] == event)
    request = next(e for e in journal if e["event"] == "asked" and e.get("what") == step)
    key = {"key": last(journal, visit, visit)["key"]}
    return [*journal, request | key, real | key]


LIES = [
    forgets, forgets_a_hold, sells_unasked, holds_unasked, tells_otherwise, leaves_open, breaks,
    sells_what_was_held, sells_another_hold, keeps_what_was_released, releases_unasked,
    keeps_what_was_cancelled, cancels_unasked, cancels_a_confirmed_hold_unasked,
]  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
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


@pytest.fixture
def mix_up(shop: Shop, journal: Journal) -> Iterator[None]:
    """The ledger's line about one hold is about another one, for the length of a test."""
    released, kept = (
        json.loads(last(journal, visit, "hold")["body"])["id"] for visit in ("hold release", "hold")
    )
    move = "UPDATE vacancy_stockmovement SET reason = replace(reason, '{}', '{}')"
    shop.write(move.format(released, kept))
    yield
    shop.write(move.format(kept, released))


@pytest.mark.usefixtures("mix_up")
def test_places_given_back_for_another_are_caught(
    shop: Shop, shop_api: Server, journal: Journal
) -> None:
    """All sums are right, so the audit alone would not notice."""
    assert_audit_is_clean(shop)
    with pytest.raises(AssertionError):
        verify(shop, shop_api, NAME, journal)
