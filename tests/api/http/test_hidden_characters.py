"""Text with control, zero-width or direction characters is refused, in every text field of every request body."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest

from api.described import DescribedApp
from api.http.requests import refuse_hidden
from tests.fakes.api_client import api_client, app_over, routed
from tests.fakes.shop_world import ApiWorld

DOCUMENT = routed().openapi()
HIDDEN = {
    "null": "\x00",
    "escape": "\x1b",
    "return": "\r",
    "delete": "\x7f",
    "next line of C1": "\x85",
    "soft hyphen": "\u00ad",
    "Arabic letter mark": "\u061c",
    "zero-width space": "\u200b",
    "joiner between Latin letters": "\u200d",
    "left-to-right mark": "\u200e",
    "right-to-left mark": "\u200f",
    "line separator": "\u2028",
    "right-to-left override": "\u202e",
    "word joiner": "\u2060",
    "left-to-right isolate": "\u2066",
    "pop isolate": "\u2069",
    "byte order mark": "\ufeff",
}
CASES = ("next line of C1", "zero-width space", "right-to-left override")  # in every field
OF_SEVERAL_LINES = {"description"}


class TextField(NamedTuple):
    """A text of a request body: its operation, its place in the body, and an example of it."""

    method: str
    path: str
    place: tuple[str, ...]  # "0" for the item of a list
    example: Any

    def body(self, text: str) -> Any:
        """Return a body with this text and no other field."""
        found: Any = text
        for step in reversed(self.place):
            found = [found] if step == "0" else {step: found}
        return found


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema, or the one that it refers to."""
    found: dict[str, Any] = schema
    while "$ref" in found:
        found = DOCUMENT["components"]["schemas"][found["$ref"].rpartition("/")[2]]
    return found


def texts_in(schema: dict[str, Any], example: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the place and an example of each text that a schema has at any depth."""
    example = next(iter(schema.get("examples", [])), example)
    schema = resolved(schema)
    example = next(iter(schema.get("examples", [])), example)
    for choice in (*schema.get("anyOf", []), *schema.get("oneOf", []), *schema.get("allOf", [])):
        yield from texts_in(choice, example)
    if schema.get("type") == "string":
        yield (), example
    if schema.get("type") == "array":
        inner = example[0] if isinstance(example, list) and example else None
        yield from ((("0", *place), one) for place, one in texts_in(schema["items"], inner))
    for name, field in schema.get("properties", {}).items():
        inner = example.get(name) if isinstance(example, dict) else None
        yield from (((name, *place), one) for place, one in texts_in(field, inner))


def text_fields() -> Iterator[TextField]:
    """Yield each text of each JSON body in the OpenAPI document."""
    for path, operations in DOCUMENT["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content:
                yield from (TextField(method, path, *found) for found in texts_in(content["schema"], None))


FIELDS = list(text_fields())


@pytest.fixture(scope="module")
def app() -> DescribedApp:
    return app_over(ApiWorld().deps())


async def faults(app: DescribedApp, field: TextField, text: str) -> list[str]:
    """Return why the API refuses this text in this field; the fields that are missing beside it do not matter."""
    path = field.path.replace("{", "").replace("}", "")  # the name of a parameter is an id that nothing has
    async with api_client(app) as client:
        answer = await client.request(
            field.method, path, json=field.body(text), headers={"Idempotency-Key": "hidden", "Accept": "*/*"}
        )
    if answer.status_code != httpx.codes.UNPROCESSABLE_ENTITY or not answer.json()["type"].endswith(":invalid-request"):
        return []
    errors = answer.json().get("errors", [])
    return [one["why"] for one in errors if tuple(one["where"][: len(field.place) + 1]) == ("body", *field.place)]


def hidden_in(example: str, character: str) -> str:
    return example[:1] + character + example[1:]


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: f"{field.method} {field.path} {'.'.join(field.place)}")
async def test_hidden_characters_are_refused_in_every_text(app: DescribedApp, field: TextField) -> None:
    """The example of the field is accepted there; with such a character in it, it is an invalid request."""
    assert isinstance(field.example, str), "the field needs an example in the OpenAPI document"
    assert await faults(app, field, field.example) == []
    accepted = [name for name in CASES if not await faults(app, field, hidden_in(field.example, HIDDEN[name]))]
    assert accepted == [], "annotate it with Visible of api/http/requests.py"
    takes_lines = not await faults(app, field, hidden_in(field.example, "\n"))
    assert takes_lines == (field.place[-1] in OF_SEVERAL_LINES)


def test_the_texts_are_found() -> None:
    """At any depth, behind null, in lists, and in the bodies that the operator's own systems send."""
    places = {(field.path, field.place) for field in FIELDS}
    assert places >= {
        ("/api/v1/purchases", ("buyer", "name")),
        ("/api/v1/shows", ("ticket_types", "0", "name")),
        ("/api/v1/checkins/batch", ("scans", "0", "ticket_code")),
        ("/internal/purchases", ("buyer", "email")),
    }
    assert len(FIELDS) > 80


@pytest.mark.parametrize("name", HIDDEN)
def test_each_kind_is_refused_with_its_place(name: str) -> None:
    """The character is named by its number, never repeated: it could not be seen there either."""
    number = f"U+{ord(HIDDEN[name]):04X}"
    with pytest.raises(ValueError, match=f"character 3 .*{re.escape(number)}"):
        refuse_hidden(f"An{HIDDEN[name]}n")


@pytest.mark.parametrize(
    "text",
    [
        "Zoë O'Neill-Müller",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with a zero-width non-joiner
        "ශ්\u200dරී ලංකාව",  # Sinhala, with a zero-width joiner
        "\U0001f469\u200d\U0001f4bb & \U0001f468\u200d\U0001f469\u200d\U0001f467",  # emoji made of several
        "❤\ufe0f\u200d\U0001f525",  # a joiner after a variation selector
        "שלום עולם",
        "山田 太郎",
    ],
)
def test_texts_of_all_scripts_are_accepted(text: str) -> None:
    """Joiners are part of how some scripts and emoji are written; after a letter of ASCII they only hide."""
    assert refuse_hidden(text) == text


@pytest.mark.parametrize("text", ["\u200cAnn", "می\u200c\u200cخ", "Ann\u200d"])
def test_joiners_that_join_nothing_are_refused(text: str) -> None:
    """At the start, after another one, or after a letter of ASCII."""
    with pytest.raises(ValueError, match=r"U\+200"):
        refuse_hidden(text)
