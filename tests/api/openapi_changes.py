"""Find the changes of an OpenAPI document that break clients of the older one.

A request must still be accepted, and an answer must still be understood. New operations, optional request fields,
answer fields and problem types break nobody: a client treats an unknown problem type by its status.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

Json = dict[str, Any]
Direction = Literal["request", "answer"]
METHODS = ("get", "put", "post", "patch", "delete")
LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems")
UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
PROBLEM = "application/problem+json"


def breaking_changes(old: Json, new: Json) -> list[str]:
    """Return the changes that break a client of the old document, one line each."""
    return sorted(set(_Comparison(old, new).operations()))


@dataclass(frozen=True)
class _Comparison:
    old: Json
    new: Json

    def operations(self) -> Iterator[str]:
        for path, operations in self.old["paths"].items():
            for method in METHODS & operations.keys():
                was, now = operations[method], self.new["paths"].get(path, {}).get(method)
                name = was.get("operationId", f"{method} {path}")
                if now is None:
                    yield f"{name}: operation removed"
                else:
                    yield from self._operation(name, was, now)

    def _operation(self, name: str, was: Json, now: Json) -> Iterator[str]:
        if was.get("operationId") != now.get("operationId"):
            yield f"{name}: operation renamed to {now.get('operationId')}"
        if now.get("security") and not was.get("security"):
            yield f"{name}: security required"
        yield from self._parameters(name, was, now)
        yield from self._body(name, was, now)
        for status, answer in was["responses"].items():
            if status not in now["responses"]:
                yield f"{name}: status {status} removed"
                continue
            yield from self._contents(f"{name} {status}", answer, now["responses"][status], "answer")

    def _parameters(self, name: str, was: Json, now: Json) -> Iterator[str]:
        old, new = ({(one["in"], one["name"]): one for one in side.get("parameters", [])} for side in (was, now))
        for key, parameter in new.items():
            if parameter.get("required") and not old.get(key, {}).get("required"):
                yield f"{name}: parameter {key[1]} required"
        for key, parameter in old.items():
            if key not in new:
                yield f"{name}: parameter {key[1]} removed"
            else:
                where = f"{name}: parameter {key[1]}"
                yield from self._schema(where, parameter["schema"], new[key]["schema"], "request")

    def _body(self, name: str, was: Json, now: Json) -> Iterator[str]:
        old, new = was.get("requestBody", {}), now.get("requestBody", {})
        if new.get("required") and not old.get("required"):
            yield f"{name}: body required"
        if old and not new:
            yield f"{name}: body removed"
        elif old:
            yield from self._contents(f"{name} body", old, new, "request")

    def _contents(self, where: str, was: Json, now: Json, direction: Direction) -> Iterator[str]:
        for media_type, content in was.get("content", {}).items():
            other = now.get("content", {}).get(media_type)
            if other is None:
                yield f"{where}: {media_type} removed"
            elif "schema" in content:
                yield from self._schema(where, content["schema"], other["schema"], direction, media_type)

    def _schema(self, where: str, was: Json, now: Json, direction: Direction, media_type: str = "") -> Iterator[str]:
        old, new = _variants(was, self.old), _variants(now, self.new)
        if direction == "request":
            for kind in old.keys() - new.keys():
                yield f"{where}: no longer accepts {kind}"
        else:
            for kind in new.keys() - old.keys():
                yield f"{where}: may now be {kind}"
        for kind in old.keys() & new.keys():
            yield from self._variant(where, old[kind], new[kind], direction, media_type)

    def _variant(self, where: str, was: Json, now: Json, direction: Direction, media_type: str) -> Iterator[str]:
        if not (direction == "answer" and media_type == PROBLEM):
            yield from _values(where, was, now, direction)
        is_looser = direction == "request" and "format" not in now  # what fitted the format still does
        if was.get("format") != now.get("format") and not is_looser:
            yield f"{where}: format {was.get('format')} became {now.get('format')}"
        if direction == "request":
            yield from _limits(where, was, now)
        yield from _fields(where, was, now, direction)
        for name, field in was.get("properties", {}).items():
            if name in now.get("properties", {}):
                inner = now["properties"][name]
                yield from self._schema(f"{where}.{name}", field, inner, direction, media_type)
        for part in ("items", "additionalProperties"):
            if isinstance(was.get(part), dict) and isinstance(now.get(part), dict):
                yield from self._schema(f"{where}[]", was[part], now[part], direction, media_type)


def _variants(schema: Json, document: Json) -> dict[str, Json]:
    """Return the kinds of value that a schema allows; several objects differ by their names."""
    named = [
        (name, document["components"]["schemas"][name] if name else choice)
        for choice in schema.get("anyOf", [schema])
        for name in [choice.get("$ref", "").rpartition("/")[2]]
    ]
    objects = [name for name, choice in named if choice.get("type") == "object"]
    return {
        f"object {name}" if name in objects and len(objects) > 1 else choice.get("type", "anything"): choice
        for name, choice in named
    }


def _values(where: str, was: Json, now: Json, direction: Direction) -> Iterator[str]:
    old, new = (
        set(side["enum"]) if "enum" in side else {side["const"]} if "const" in side else None for side in (was, now)
    )
    if direction == "request" and new is not None:
        if old is None:
            yield f"{where}: accepts only {', '.join(sorted(map(str, new)))}"
        for value in (old or set()) - new:
            yield f"{where}: no longer accepts {value}"
    if direction == "answer" and old is not None:
        if new is None:
            yield f"{where}: may now be any value"
        for value in (new or set()) - old:
            yield f"{where}: may now be {value}"


def _limits(where: str, was: Json, now: Json) -> Iterator[str]:
    for name in LOWER_BOUNDS:
        if name in now and now[name] > was.get(name, float("-inf")):
            yield f"{where}: {name} raised to {now[name]}"
    for name in UPPER_BOUNDS:
        if name in now and now[name] < was.get(name, float("inf")):
            yield f"{where}: {name} lowered to {now[name]}"
    if "pattern" in now and now["pattern"] != was.get("pattern"):
        yield f"{where}: pattern changed"


def _fields(where: str, was: Json, now: Json, direction: Direction) -> Iterator[str]:
    old, new = set(was.get("properties", {})), set(now.get("properties", {}))
    for name in old - new:
        yield f"{where}.{name}: removed"
    must, had_to = set(now.get("required", [])), set(was.get("required", []))
    if direction == "request":
        for name in must - had_to:
            yield f"{where}.{name}: required"
    else:
        for name in (had_to - must) & new:
            yield f"{where}.{name}: may now be missing"
