"""The OpenAPI document against a running api role: whatever it allows is answered as it says.

Schemathesis makes requests from the document, good and bad ones, always the same ones. What it
cannot know (a vacancy that exists, a fresh idempotency key, a purchase of ours) is put into every
second good one.
"""

import itertools
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS, load_all_checks

from tests.shop import Server, Shop, buy

EXAMPLES = 12
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"
load_all_checks()
PROMISES: list[Any] = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "unsupported_method",
        "allow_header_conformance",
        "ignored_auth",
    ]
)
schema = schemathesis.openapi.from_path(DOCUMENT)


Turns = Iterator[bool]


@pytest.fixture(scope="module")
def ours(shop: Shop, shop_api: Server) -> dict[str, str]:
    """Path parameters that lead somewhere: a purchase, a ticket and a hold of our key."""
    hall = shop.vacancies["hall"]
    with shop.client(shop_api) as client:
        bought = buy(client, hall, key=f"schema-{uuid.uuid4()}").json()
        held = client.post(
            "/holds",
            json={"vacancy": hall, "qty": 1},
            headers={"Idempotency-Key": f"schema-{uuid.uuid4()}"},
        ).json()
    code = bought["tickets"][0]["code"]
    return {"purchase": bought["id"], "code": code, "hold": held["id"], "vacancy": str(hall)}


@pytest.fixture
def turns() -> Turns:
    """Yes and no by turns, from the beginning for each operation."""
    return itertools.cycle([True, False])


def lead_somewhere(case: schemathesis.Case[Any], shop: Shop, ours: dict[str, str]) -> None:
    """Put what exists in the place of what was made up."""
    case.path_parameters.update(
        {name: ours[name] for name in case.path_parameters.keys() & ours.keys()}
    )
    case.headers["Idempotency-Key"] = f"schema-{uuid.uuid4()}"
    if isinstance(case.body, dict) and "vacancy" in case.body:
        case.body = case.body | {"vacancy": shop.vacancies["hall"], "qty": 1}


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_operation_answers_as_documented(
    shop: Shop, shop_api: Server, ours: dict[str, str], turns: Turns, case: schemathesis.Case[Any]
) -> None:
    """No 500, no status, type or body that the document does not have; errors are problems."""
    if case.meta is not None and case.meta.generation.mode.is_positive and next(turns):
        lead_somewhere(case, shop, ours)
    headers = {"Authorization": f"Bearer {shop.key}"}

    answer = case.call_and_validate(
        base_url=shop_api.url.removesuffix("/api/v1"), headers=headers, checks=PROMISES
    )

    if answer.status_code >= 400:
        assert answer.headers["content-type"] == ["application/problem+json"]
        assert answer.json()["status"] == answer.status_code


def test_no_operation_hides_behind_a_default_answer() -> None:
    """Every status is named: with `default` nothing above could be undocumented."""
    document = json.loads(DOCUMENT.read_text())

    hiding = [
        f"{method} {path}"
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if "default" in operation["responses"]
    ]
    assert hiding == []
