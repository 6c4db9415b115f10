"""Parse form bodies with Stripe's brackets (`a[b]=1`, `a[]=1`, `a[0]=1`) and read typed parameters."""

import re
from typing import Any
from urllib.parse import parse_qsl

from devstack.stripe.core.errors import Json, invalid, missing_parameter, unknown_parameter

FIELDS_MAX = 1000
_SEGMENT = re.compile(r"\[([^\[\]]*)\]")


def parse_form(text: str) -> Json:
    """Parse a query string or a form body of at most `FIELDS_MAX` fields; all leaves are text."""
    tree: Json = {}
    for name, value in parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_MAX):
        head, _, _ = name.partition("[")
        path = [head, *_SEGMENT.findall(name[len(head) :])]
        _plant(tree, path, value)
    return {name: _listed(value) for name, value in tree.items()}


def _plant(tree: Json, path: list[str], value: str) -> None:
    node = tree
    for segment in path[:-1]:
        below = node.setdefault(segment, {})
        if not isinstance(below, dict):
            raise invalid(f"Invalid {path[0]}: it is both a value and a hash", param=path[0])
        node = below
    last = path[-1] or str(len(node))
    node[last] = value


def _listed(value: Any) -> Any:
    """Convert hashes whose keys are all numbers to lists, in numerical order."""
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(item) for name, item in value.items()}
    if inner and all(name.isdigit() for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner


def reject_unknown(params: Json, allowed: frozenset[str]) -> None:
    """Raise for a parameter that the endpoint does not take."""
    for name in params:
        if name not in allowed:
            raise unknown_parameter(name)


def integer(params: Json, name: str, *, least: int = 0) -> int | None:
    """Read an integer of at least `least`; None when the parameter is absent."""
    text = params.get(name)
    if text is None:
        return None
    if not isinstance(text, str) or not re.fullmatch(r"-?\d{1,15}", text):
        raise invalid(f"Invalid integer: {text}", code="parameter_invalid_integer", param=name)
    if int(text) < least:
        message = f"This value must be greater than or equal to {least}."
        raise invalid(message, code="parameter_invalid_integer", param=name)
    return int(text)


def required_integer(params: Json, name: str, *, least: int = 1) -> int:
    """Read a required integer."""
    value = integer(params, name, least=least)
    if value is None:
        raise missing_parameter(name)
    return value


def required_text(params: Json, name: str) -> str:
    """Read a required, non-empty text."""
    text = params.get(name)
    if not isinstance(text, str) or not text:
        raise missing_parameter(name)
    return text


def choice(params: Json, name: str, options: tuple[str, ...]) -> str:
    """Read one of `options`, the first of which is the default."""
    text = params.get(name, options[0])
    if text not in options:
        raise invalid(f"Invalid {name}: must be one of {', '.join(options)}", param=name)
    return str(text)


def boolean(value: Any) -> bool:
    """Read a boolean as client libraries write it."""
    return str(value).lower() == "true"


def metadata(params: Json, before: Json | None = None) -> Json:
    """Merge metadata into the existing one; an empty value removes its key."""
    given = params.get("metadata") or {}
    if not isinstance(given, dict):
        raise invalid("Invalid hash", param="metadata")
    merged = {**(before or {}), **given}
    return {name: value for name, value in merged.items() if value != ""}
