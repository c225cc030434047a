"""The OpenAPI document is true: its statuses, headers, keys and examples, tried for real."""

import json
import re
import uuid
from datetime import datetime
from typing import Any

import httpx
import jsonschema  # type: ignore[import-untyped]
import pytest
from django.utils import timezone

from tests.api.problems import STATUS
from tests.conftest import Api, make_vacancy
from tickets import services as tickets
from ticketsite.api import PREFIX
from ticketsite.management.commands.export_openapi import document

DOCUMENT: dict[str, Any] = json.loads(document())
OPERATIONS: dict[str, dict[str, Any]] = {
    f"{method.upper()} {path.removeprefix(PREFIX)}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
every_operation = pytest.mark.parametrize("name", sorted(OPERATIONS))


def success(name: str) -> tuple[int, dict[str, Any]]:
    """Return the status and the description of what an operation answers when all is well."""
    [(status, answer)] = [
        (int(status), answer)
        for status, answer in OPERATIONS[name]["responses"].items()
        if status.startswith("2")
    ]
    return status, answer


def examples() -> list[tuple[str, str, Any, Any]]:
    """Return every example body with its schema, as (operation, where, schema, example)."""
    found = []
    for name, operation in OPERATIONS.items():
        bodies = {"request": operation.get("requestBody", {}), **operation["responses"]}
        for where, described in bodies.items():
            for media in described.get("content", {}).values():
                several = [one["value"] for one in media.get("examples", {}).values()]
                for example in [*several, *([media["example"]] if "example" in media else [])]:
                    found.append((name, where, media["schema"], example))
    return found


class TestStatuses:
    """Each operation names what it can answer."""

    @every_operation
    def test_refusals_are_named_and_not_left_to_a_default(self, name: str) -> None:
        """With the codes behind each status, all of them in the table."""
        refusals = {s: a for s, a in OPERATIONS[name]["responses"].items() if s >= "400"}

        assert "default" not in OPERATIONS[name]["responses"]
        assert {"400", "413", "500"} <= set(refusals)
        for status, answer in refusals.items():
            media = answer["content"]["application/problem+json"]
            assert media["schema"] == {"$ref": "#/components/schemas/Problem"}
            assert {str(STATUS[code]) for code in media["examples"]} == {status}

    def test_every_code_is_some_operations(self) -> None:
        """But one that no operation answers: a method that is none."""
        named = {
            code
            for operation in OPERATIONS.values()
            for answer in operation["responses"].values()
            for code in answer.get("content", {})
            .get("application/problem+json", {})
            .get("examples", {})
        }

        assert named == set(STATUS) - {"method-not-allowed"}

    @every_operation
    def test_keys_and_limits_go_together(self, name: str) -> None:
        """Whoever sends a key can be refused for it, and can be too fast."""
        operation = OPERATIONS[name]

        assert ("401" in operation["responses"]) == ("security" in operation)
        assert ("429" in operation["responses"]) == ("security" in operation)

    def test_scopes_are_named(self) -> None:
        """Of the one kind of key."""
        assert OPERATIONS["POST /purchases"]["security"] == [{"ApiKey": ["buy"]}]
        assert OPERATIONS["GET /available"]["security"] == [{}, {"ApiKey": []}]
        scheme = DOCUMENT["components"]["securitySchemes"]["ApiKey"]
        assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")

    def test_idempotency_key_is_required_where_it_is(self) -> None:
        """Selling needs it, the short form does not."""
        required = {
            name: parameter["required"]
            for name, operation in OPERATIONS.items()
            for parameter in operation["parameters"]
            if parameter["name"] == "Idempotency-Key"
        }

        assert required["POST /purchases"] is True
        assert required["POST /purchase"] is required["POST /reserve"] is False

    def test_every_reference_leads_somewhere(self) -> None:
        """Headers and schemas."""
        for reference in set(re.findall(r'"#/([\w/.-]+)"', json.dumps(DOCUMENT))):
            at: Any = DOCUMENT
            for part in reference.split("/"):
                at = at[part]
            assert at


class TestExamples:
    """What the document shows can be sent, and is what comes back."""

    @every_operation
    def test_everything_that_is_sent_or_answered_has_an_example(self, name: str) -> None:
        """A 204 has nothing to show."""
        status, answer = success(name)
        body = OPERATIONS[name].get("requestBody", {"content": {}})

        assert status == 204 or all("example" in media for media in answer["content"].values())
        assert all("example" in media for media in body["content"].values())

    def test_examples_fit_their_schemas(self) -> None:
        """Down to the last member."""
        for name, where, schema, example in examples():
            whole = {**schema, "components": DOCUMENT["components"]}
            try:
                jsonschema.validate(example, whole, jsonschema.Draft202012Validator)
            except jsonschema.ValidationError as error:
                pytest.fail(f"{name}, {where}: {error.message}")

    @every_operation
    @pytest.mark.django_db(transaction=True)
    def test_example_is_answered_as_the_document_says(self, name: str) -> None:
        """The shown request, sent for real: status, shape and headers."""
        status, described = success(name)

        response = Caller().send(name)

        assert response.status_code == status, response.text
        shown = described.get("content", {}).get("application/json", {}).get("example")
        assert (shown is None) == (response.content == b"")
        if shown is not None:
            assert differences(shown, response.json()) == []
        assert {header.lower() for header in described["headers"]} <= set(response.headers)

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("name", ["GET /available", "POST /purchases"])
    def test_refusal_is_answered_as_the_document_says(self, name: str) -> None:
        """The shown problem beside a real one."""
        described = OPERATIONS[name]["responses"]["422"]
        shown = described["content"]["application/problem+json"]["examples"]["invalid-request"]

        response = Caller().send(name, spoil=True)

        assert response.status_code == 422
        assert differences(shown["value"], response.json()) == []
        assert {header.lower() for header in described["headers"]} <= set(response.headers)


class Caller:
    """Sends a documented example, with ids that exist in place of those that are shown."""

    def __init__(self) -> None:
        """Have something to sell, and a key for everything."""
        self.vacancy = make_vacancy(
            capacity=1000, is_default=True, starts_at=timezone.now(), name="Concert, floor standing"
        )
        _, secret = tickets.key_create(name="shop", scopes="buy check_in", now=timezone.now())
        self.api = Api(secret)

    def send(self, name: str, *, spoil: bool = False) -> httpx.Response:
        """Send one operation's example; `spoil` makes its vacancy a word."""
        method, _, path = name.partition(" ")
        operation = OPERATIONS[name]
        kwargs: dict[str, Any] = {"headers": {}, "params": {}}
        for parameter in operation["parameters"]:
            if "example" not in parameter:
                continue
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", self.existing(parameter["name"]))
            else:
                place = {"header": "headers", "query": "params"}[parameter["in"]]
                value = parameter["example"]
                if parameter["name"] == "vacancy":
                    value = "one" if spoil else self.vacancy.pk
                kwargs[place][parameter["name"]] = str(value)
        if body := operation.get("requestBody"):
            kwargs["json"] = dict(body["content"]["application/json"]["example"])
            if "vacancy" in kwargs["json"]:
                kwargs["json"]["vacancy"] = "one" if spoil else self.vacancy.pk
        if name == "GET /purchases":
            self.existing("purchase")
        return self.api(method, path, **kwargs)

    def existing(self, kind: str) -> str:
        """Return the id of something that exists, making it by the documented call."""
        if kind == "vacancy":
            return str(self.vacancy.pk)
        made = self.make({"hold": "/holds"}.get(kind, "/purchases"))
        return str(made["tickets"][0]["code"] if kind == "code" else made["id"])

    def make(self, path: str) -> Any:
        """Create by the document's own example."""
        body = OPERATIONS[f"POST {path}"]["requestBody"]["content"]["application/json"]["example"]
        response = self.api(
            "POST",
            path,
            json={**body, "vacancy": self.vacancy.pk},
            headers={"Idempotency-Key": str(uuid.uuid4())},
        )
        assert response.status_code == 201, response.text
        return response.json()


def differences(shown: Any, real: Any, at: str = "body") -> list[str]:
    """Name where a real answer has another shape than the example: members, types, instants."""
    if shown is None or real is None:  # a member that may be null; schemas are compared above
        return []
    if type(shown) is not type(real):
        return [f"{at}: {shown!r} is shown, {real!r} is real"]
    if isinstance(shown, dict):
        if set(shown) != set(real):
            return [f"{at}: {sorted(shown)} is shown, {sorted(real)} is real"]
        return [line for key in shown for line in differences(shown[key], real[key], f"{at}.{key}")]
    if isinstance(shown, list):
        pairs = zip(shown, real, strict=False)
        return [line for pair in pairs for line in differences(*pair, f"{at}[]")]
    if isinstance(shown, str) and kind_of(shown) != kind_of(real):
        return [f"{at}: {shown!r} is shown, {real!r} is real"]
    return []


def kind_of(text: str) -> str:
    """Tell instants, ids and ticket codes from other text."""
    for kind, read in (("instant", datetime.fromisoformat), ("id", uuid.UUID)):
        try:
            read(text)
        except ValueError:
            continue
        return kind
    return "code" if re.fullmatch(r"[2-9A-HJ-NP-Z]{20}", text) else "text"


def test_differences_are_seen() -> None:
    """The comparison itself, on answers that are not as shown."""
    shown = {"id": str(uuid.uuid4()), "n": 1, "rows": [{"at": "2031-04-01T10:00:03Z"}]}

    assert differences(shown, shown) == []
    assert differences(shown, {**shown, "n": "1"}) == ["body.n: 1 is shown, '1' is real"]
    assert differences(shown, {**shown, "id": "7"})
    assert differences(shown, {**shown, "rows": [{"at": "soon"}]})
    assert differences(shown, {"id": shown["id"]})
