"""An app whose OpenAPI document declares, for every operation, the problem types of its answers."""

from collections import defaultdict
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from api.http.access_log import AccessLog
from api.http.guard import SCHEMES
from api.http.problems import (
    BUSY,
    DECLARED,
    INCOMPLETE_BODY,
    INTERNAL_ERROR,
    INVALID_REQUEST,
    KEY_HEADER,
    KEY_INVALID,
    KEY_MISSING,
    MALFORMED_BODY,
    MEDIA_TYPE,
    PAYLOAD_TOO_LARGE,
    PROBLEM_TYPES,
    RATE_LIMITED,
    REQUEST_TIMEOUT,
    TRY_AGAIN,
    UNSUPPORTED_MEDIA_TYPE,
    ProblemType,
    type_of,
)
from domain.core.errors import KeyReused

Json = dict[str, Any]
RETRIED = (BUSY, RATE_LIMITED, TRY_AGAIN)
UNUSED = ("HTTPValidationError", "ValidationError")  # FastAPI's own 422, which no operation answers
SCHEMAS: Json = {
    "ProblemValues": {
        "type": "object",
        "description": "The values that the rule checked.",
        "additionalProperties": {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
    },
    "InvalidField": {
        "type": "object",
        "description": "A field that does not match the schema, and why.",
        "required": ["where", "why"],
        "properties": {"where": {"type": "array", "items": {"type": "string"}}, "why": {"type": "string"}},
    },
}


class DescribedApp(FastAPI):
    """A FastAPI app with problem details in its OpenAPI document, behind the access log."""

    def build_middleware_stack(self) -> ASGIApp:
        """Return the app with the access log outside everything else, the handler of bugs included."""
        return AccessLog(super().build_middleware_stack())

    def openapi(self) -> Json:
        """Return the OpenAPI document."""
        if self.openapi_schema is None:
            self.openapi_schema = with_problems(super().openapi())
        return self.openapi_schema


def with_problems(document: Json) -> Json:
    """Return an OpenAPI document in which every operation declares its problem types by status."""
    schemas = document["components"]["schemas"]
    document["components"]["securitySchemes"] = SCHEMES
    for name in UNUSED:
        schemas.pop(name, None)
    schemas.update(SCHEMAS)
    for path in document["paths"].values():
        for operation in path.values():
            declared = operation.pop(DECLARED, None)
            operation["responses"].pop("422", None)
            if declared is not None:
                types = {PROBLEM_TYPES[code] for code in declared} | _implied(operation)
                for status, kinds in _by_status(types).items():
                    name = _name(operation["operationId"], status, kinds)
                    schemas[name] = _schema(status, kinds)
                    operation["responses"][str(status)] = _response(name, kinds)
    return document


def _implied(operation: Json) -> set[ProblemType]:
    """Return the problem types of an operation that follow from the limits of all, its parameters and its body."""
    parameters = operation.get("parameters", [])
    types = {TRY_AGAIN, INTERNAL_ERROR, RATE_LIMITED, BUSY, PAYLOAD_TOO_LARGE, REQUEST_TIMEOUT}
    if parameters or "requestBody" in operation:
        types |= {INVALID_REQUEST}
    if "requestBody" in operation:
        types |= {MALFORMED_BODY, INCOMPLETE_BODY, UNSUPPORTED_MEDIA_TYPE}
    if any(parameter["name"] == KEY_HEADER for parameter in parameters):
        types |= {KEY_MISSING, KEY_INVALID, type_of(KeyReused)}
    return types


def _by_status(types: set[ProblemType]) -> dict[int, list[ProblemType]]:
    by_status: dict[int, list[ProblemType]] = defaultdict(list)
    for kind in sorted(types, key=lambda kind: (kind.status, kind.code)):
        by_status[kind.status].append(kind)
    return by_status


def _name(operation_id: str, status: int, kinds: list[ProblemType]) -> str:
    """Name a schema: a single problem type's is shared by all operations."""
    words = kinds[0].code.replace("-", "_") if len(kinds) == 1 else f"{operation_id}_{status}"
    return "".join(word.title() for word in words.split("_")) + "Problem"


def _response(name: str, kinds: list[ProblemType]) -> Json:
    response: Json = {
        "description": "\n".join(f"- `{kind.code}`: {kind.when}" for kind in kinds),
        "content": {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{name}"}}},
    }
    if any(kind in RETRIED for kind in kinds):
        delay = {"description": "Seconds to wait before a retry.", "schema": {"type": "string"}}
        response["headers"] = {"Retry-After": delay}
    return response


def _schema(status: int, kinds: list[ProblemType]) -> Json:
    properties: Json = {
        "type": {"type": "string", "enum": [kind.urn for kind in kinds]},
        "title": {"type": "string", "examples": [HTTPStatus(status).phrase]},
        "status": {"type": "integer", "examples": [status]},
        "detail": {"type": "string", "description": "What is wrong, with the figures."},
        "values": {"$ref": "#/components/schemas/ProblemValues"},
    }
    if INVALID_REQUEST in kinds:
        properties["errors"] = {"type": "array", "items": {"$ref": "#/components/schemas/InvalidField"}}
    required = ["type", "title", "status", "detail"]
    return {"type": "object", "required": required, "properties": properties}
