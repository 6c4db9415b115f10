"""The OpenAPI document is complete for clients, and no API test gets an undeclared answer."""

import ast
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.http.problems import PROBLEM_TYPES, URN
from tests.fakes.api_client import UndeclaredAnswerError, check, document

OPERATIONS = [
    pytest.param(method, path, operation, id=operation["operationId"])
    for path, operations in document()["paths"].items()
    for method, operation in operations.items()
]
STREAMED = {
    "follow_purchase": "text/event-stream",
    "read_metrics": "text/plain",
    "draw_code_as_svg": "image/svg+xml",
    "draw_code_as_png": "image/png",
}
OPAQUE = {"text/plain", "image/svg+xml", "image/png"}
UNIT = Path(__file__).parent


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").removeprefix("#/components/schemas/")
    return document()["components"]["schemas"][name] if name else schema


def is_described(field: dict[str, Any]) -> bool:
    return bool(field.get("description")) and bool(field.get("examples"))


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_an_operation_has_a_name_a_tag_and_named_fields_in_its_answers(
    method: str, path: str, operation: dict[str, Any]
) -> None:
    """A generated client has readable methods and typed answers."""
    assert re.fullmatch(r"[a-z]+(_[a-z]+)+", operation["operationId"])
    assert operation["tags"][0] in {tag["name"] for tag in document()["tags"]}
    good = [answer for status, answer in operation["responses"].items() if status < "300" and "content" in answer]
    assert good
    for answer in good:
        media_type = STREAMED.get(operation["operationId"], "application/json")
        schema = resolved(answer["content"][media_type]["schema"])
        assert media_type in OPAQUE or schema["properties"]


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_parameters_and_body_fields_have_descriptions_and_examples(
    method: str, path: str, operation: dict[str, Any]
) -> None:
    """Each has a description and an example."""
    for parameter in operation.get("parameters", []):
        assert is_described(parameter["schema"]), parameter["name"]
    body = operation.get("requestBody")
    if body is not None:
        schemas = [resolved(body["content"]["application/json"]["schema"])]
        while schemas:
            for name, field in schemas.pop()["properties"].items():
                assert is_described(field), name
                schemas += [resolved(one) for one in _references(field)]


def _references(field: dict[str, Any]) -> list[dict[str, Any]]:
    choices = [field, field.get("items", {}), *field.get("anyOf", [])]
    return [choice for choice in choices if "$ref" in choice]


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_an_operation_declares_the_types_of_its_problems(method: str, path: str, operation: dict[str, Any]) -> None:
    """Every 4xx and 5xx is problem details, and each type is declared under its own status."""
    for status, answer in operation["responses"].items():
        if status >= "400":
            schema = resolved(answer["content"]["application/problem+json"]["schema"])
            codes = [urn.removeprefix(URN) for urn in schema["properties"]["type"]["enum"]]
            assert {str(PROBLEM_TYPES[code].status) for code in codes} == {status}


def test_every_problem_type_is_declared_by_some_operation() -> None:
    """Each type is declared by an operation, except method-not-allowed, which no operation can answer."""
    declared = {
        urn.removeprefix(URN)
        for schema in document()["components"]["schemas"].values()
        for urn in schema.get("properties", {}).get("type", {}).get("enum", [])
    }
    assert declared == PROBLEM_TYPES.keys() - {"method-not-allowed"}


def test_the_idempotency_key_is_required_where_it_is_taken() -> None:
    """A generated client must pass it."""
    keys = [
        parameter
        for operations in document()["paths"].values()
        for operation in operations.values()
        for parameter in operation.get("parameters", [])
        if parameter["name"] == "Idempotency-Key"
    ]
    assert keys
    assert all(key["required"] for key in keys)


PROBLEM = {"type": f"{URN}sold-out", "title": "Conflict", "status": 409, "detail": "5 seats requested, 2 available"}
UNDECLARED = [
    ("POST", "/api/v1/purchases", 409, {**PROBLEM, "type": f"{URN}code-taken"}, "code-taken"),
    ("POST", "/api/v1/purchases", 409, {**PROBLEM, "surprise": 1}, "surprise"),
    ("POST", "/api/v1/purchases", 410, PROBLEM, "410"),
    ("GET", "/health", 200, {"status": "ok"}, "position"),
    ("GET", "/health", 200, {"status": "ok", "position": "1"}, "position"),
    ("GET", "/nowhere", 200, {}, "no operation"),
]


@pytest.mark.parametrize(("method", "path", "status", "body", "reason"), UNDECLARED)
def test_an_undeclared_answer_fails_a_test(method: str, path: str, status: int, body: Any, reason: str) -> None:
    """A wrong type, an undeclared field or status, a missing field, a wrong kind of value: each is reported."""
    media_type = "application/problem+json" if status >= 400 else "application/json"
    answer = httpx.Response(status, json=body, headers={"content-type": media_type})
    with pytest.raises(UndeclaredAnswerError, match=reason):
        check(method, path, answer)


def test_a_declared_answer_passes() -> None:
    """The check accepts every declared answer."""
    answer = httpx.Response(409, json=PROBLEM, headers={"content-type": "application/problem+json"})
    check("POST", "/api/v1/purchases", answer)


def test_every_api_test_asks_through_the_checked_client() -> None:
    """Every API test uses the checking client."""
    for file in UNIT.glob("test_api_*.py"):
        names = {node.attr for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Attribute)}
        assert "ASGITransport" not in names, file.name
