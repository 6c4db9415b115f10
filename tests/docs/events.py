"""`python -m tests.docs.events`: writes a JSON Schema for each type and version of outgoing events to `docs/events`.

A kept schema is the baseline of its readers: one that would break them is not written over it.
"""

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from domain.core.topics import import_all
from domain.views.outgoing.data import MODELS, Data
from domain.views.outgoing.event import OutgoingEvent
from tests.api.openapi_changes import breaking_changes

FOLDER = Path(__file__).parents[2] / "docs" / "events"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def file_of(model: type[Data]) -> Path:
    """Return the file of a model's schema."""
    return FOLDER / f"{model.TYPE}.{model.VERSION}.json"


def schema_of(model: type[Data]) -> dict[str, Any]:
    """Return the schema of a whole event with this data; it lets new fields pass, which are not a new version."""
    whole: dict[str, Any] = TypeAdapter(OutgoingEvent).json_schema()
    data: dict[str, Any] = model.model_json_schema()
    parts = data.pop("$defs", {})
    properties = {**whole["properties"], "data": data}
    properties["type"] = {"const": model.TYPE, "type": "string"}
    properties["version"] = {"const": model.VERSION, "type": "integer"}
    title, described = f"{model.TYPE} {model.VERSION}", {"description": model.__doc__, "type": "object"}
    named = {"$schema": DIALECT, "$id": f"urn:boxoffice:event:{model.TYPE}:{model.VERSION}", "title": title}
    schema = {**named, **described, "properties": properties, "required": whole["required"]}
    opened: dict[str, Any] = _open({**schema, **({"$defs": parts} if parts else {})})
    return opened


def _open(schema: Any) -> Any:
    """Return a schema without the refusal of unknown fields, and without pydantic's titles of fields."""
    if isinstance(schema, list):
        return [_open(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    is_field = "$id" not in schema and isinstance(schema.get("title"), str)
    left_out = {"additionalProperties"} if schema.get("additionalProperties") is False else set()
    return {
        key: _open(value) for key, value in schema.items() if key not in left_out and not (is_field and key == "title")
    }


def breaks(kept: dict[str, Any], present: dict[str, Any]) -> list[str]:
    """Return the changes of a schema that break the readers of the kept one, one line each."""
    was, now = (_document(schema) for schema in (kept, present))
    return breaking_changes(was, now)


def _document(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema as the answer of an operation."""
    content = {"application/json": {"schema": schema}}
    operation = {"operationId": schema["title"], "responses": {"200": {"content": content}}}
    return {"paths": {"/": {"get": operation}}, "components": {"schemas": schema.get("$defs", {})}}


def text_of(schema: dict[str, Any]) -> str:
    """Return the text of a file."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write every schema; end with the changes that break readers, if there are any."""
    import_all()
    FOLDER.mkdir(exist_ok=True)
    broken: list[str] = []
    for model in MODELS.values():
        file, present = file_of(model), schema_of(model)
        found = breaks(json.loads(file.read_text()), present) if file.exists() else []
        broken += [f"{change}: write version {model.VERSION + 1} beside it" for change in found]
        if not found:
            file.write_text(text_of(present))
    if broken:
        sys.exit("\n".join(broken))


if __name__ == "__main__":
    main()
