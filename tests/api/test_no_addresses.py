"""No request names an address: those that the service calls are its settings, so nobody can direct its calls."""

import json
import re
from collections.abc import Iterator
from typing import Any

from api.openapi import text

ADDRESS = re.compile(r"\b(url|uri|href|host|hostname|endpoint|callback|webhook|domain|ip)\b")
METHODS = {"get", "put", "post", "delete", "patch"}


def named(document: dict[str, Any]) -> Iterator[str]:
    """Yield the names of all parameters and body fields, at any depth, that look like an address."""
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            operation = item[method]
            for parameter in operation.get("parameters", []):
                yield from _suspicious(f"{method} {path}", parameter["name"], parameter.get("schema", {}))
            for content in operation.get("requestBody", {}).get("content", {}).values():
                yield from _fields(f"{method} {path}", content.get("schema", {}), document)


def _fields(where: str, schema: Any, document: dict[str, Any]) -> Iterator[str]:
    if isinstance(schema, list):
        for one in schema:
            yield from _fields(where, one, document)
    elif isinstance(schema, dict):
        reference = schema.get("$ref")
        if reference:
            yield from _fields(where, document["components"]["schemas"][reference.rpartition("/")[2]], document)
        for name, field in schema.get("properties", {}).items():
            yield from _suspicious(where, name, field)
            yield from _fields(where, field, document)
        for part in ("items", "anyOf", "oneOf", "allOf", "additionalProperties"):
            yield from _fields(where, schema.get(part), document)


def _suspicious(where: str, name: str, schema: dict[str, Any]) -> Iterator[str]:
    if ADDRESS.search(name.lower().replace("_", " ")) or '"uri"' in json.dumps(schema.get("format", "")):
        yield f"{where}: {name}"


# The receivers of webhooks: `tests/adapters/http/test_webhook_sender.py` shows that none of our own network is called.
OF_RECEIVERS = {
    "post /api/v1/webhook-endpoints: url",
    "patch /api/v1/webhook-endpoints/{endpoint_id}: url",
}
# Shown to buyers as it is, and never called: `tests/api/routes/test_show_details.py` refuses all but https.
OF_PICTURES = {
    "post /api/v1/shows: image_url",
    "patch /api/v1/shows/{show_id}: image_url",
}


def is_of_endpoint(found: str) -> bool:
    """Return whether it is the id of a webhook endpoint, which is no address."""
    return found.endswith(": endpoint_id")


def test_no_request_names_an_address() -> None:
    """No parameter and no field of a body is a URL, a host or a callback, but a webhook endpoint's and a picture's."""
    found = {one for one in named(json.loads(text())) if not is_of_endpoint(one)}
    assert found == OF_RECEIVERS | OF_PICTURES


def test_an_address_is_found() -> None:
    """The check can fail: in a parameter, in a field, and in a field of a field."""
    document = {
        "paths": {
            "/x": {
                "post": {
                    "parameters": [{"name": "callback_url", "schema": {}}],
                    "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/X"}}}},
                }
            }
        },
        "components": {
            "schemas": {
                "X": {"properties": {"return_uri": {}, "y": {"anyOf": [{"$ref": "#/components/schemas/Y"}]}}},
                "Y": {"properties": {"at": {"format": "uri"}, "venue_id": {}}},
            }
        },
    }
    assert list(named(document)) == ["post /x: callback_url", "post /x: return_uri", "post /x: at"]
