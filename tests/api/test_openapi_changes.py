"""The comparison of OpenAPI documents finds every kind of change that breaks a client, and no other."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.api.openapi_changes import breaking_changes
from tests.fakes.api_client import document

Json = dict[str, Any]
BUY = ("paths", "/api/v1/purchases", "post")
GET = ("paths", "/api/v1/purchases/{purchase_id}", "get")
AFTER = (*GET, "parameters", 1)
SCHEMAS = ("components", "schemas")
# Comparing the other hundred operations 41 times would find nothing more.
CHANGED = {BUY[1], GET[1], "/api/v1/quotes", "/internal/purchases"}
WHOLE: Json = {**document(), "paths": {path: document()["paths"][path] for path in CHANGED}}
DOCUMENT = json.dumps(WHOLE)


def at(whole: Json, path: tuple[Any, ...]) -> Any:
    for name in path:
        whole = whole[name]
    return whole


def put(*path: Any, value: Any) -> Callable[[Json], None]:
    def change(whole: Json) -> None:
        at(whole, path[:-1])[path[-1]] = value

    return change


def drop(*path: Any) -> Callable[[Json], None]:
    def change(whole: Json) -> None:
        del at(whole, path[:-1])[path[-1]]

    return change


def add(*path: Any, value: Any) -> Callable[[Json], None]:
    def change(whole: Json) -> None:
        at(whole, path).append(value)

    return change


def take(*path: Any, value: Any) -> Callable[[Json], None]:
    def change(whole: Json) -> None:
        at(whole, path).remove(value)

    return change


def field(name: str, *more: str) -> tuple[str, ...]:
    return (*SCHEMAS, name, "properties", *more)


TEXT = {"type": "string"}
TENDER = field("BoxOfficeBody", "tender", "enum")
OR_NULL = {"anyOf": [{"$ref": "#/components/schemas/BuyerBody"}, {"type": "null"}]}
PARAMETER = {"name": "venue", "in": "query", "required": True, "schema": TEXT}
BREAKING = [
    (drop(*BUY), "buy_tickets: operation removed"),
    (put(*BUY, "operationId", value="buy"), "buy_tickets: operation renamed to buy"),
    (put("paths", "/api/v1/quotes", "post", "security", value=[{"apiKey": []}]), "quote_price: security required"),
    (drop(*BUY, "responses", "202"), "buy_tickets: status 202 removed"),
    (drop(*BUY, "responses", "409"), "buy_tickets: status 409 removed"),
    (add(*BUY, "parameters", value=PARAMETER), "buy_tickets: parameter venue required"),
    (drop(*AFTER), "read_purchase: parameter after removed"),
    (put(*AFTER, "schema", "maximum", value=9), "read_purchase: parameter after: maximum lowered to 9"),
    (put(*AFTER, "schema", value=TEXT), "read_purchase: parameter after: no longer accepts integer"),
    (put(*BUY, "requestBody", "content", value={"text/plain": {}}), "buy_tickets body: application/json removed"),
    (drop(*BUY, "requestBody"), "buy_tickets: body removed"),
    (drop(*field("PurchaseBody", "hold_seconds")), "buy_tickets body.hold_seconds: removed"),
    (add(*SCHEMAS, "PurchaseBody", "required", value="buyer"), "buy_tickets body.buyer: required"),
    (put(*field("PurchaseBody", "items", "maxItems"), value=10), "buy_tickets body.items: maxItems lowered to 10"),
    (put(*field("PurchaseBody", "items", "minItems"), value=2), "buy_tickets body.items: minItems raised to 2"),
    (put(*field("ItemBody", "quantity", "minimum"), value=2), "buy_tickets body.items[].quantity: minimum raised to 2"),
    (put(*field("PurchaseBody", "show_id", "pattern"), value="^sh_"), "buy_tickets body.show_id: pattern changed"),
    (put(*field("PurchaseBody", "show_id", "enum"), value=["a"]), "buy_tickets body.show_id: accepts only a"),
    (put(*field("BuyerBody", "name", "anyOf"), value=[TEXT]), "buy_tickets body.buyer.name: no longer accepts null"),
    (take(*TENDER, value="cash"), "sell_at_box_office body.tender: no longer accepts cash"),
    (drop(*field("PurchaseAnswer", "state")), "read_purchase 200.state: removed"),
    (take(*SCHEMAS, "PurchaseAnswer", "required", value="state"), "read_purchase 200.state: may now be missing"),
    (put(*field("PurchaseAnswer", "attempt"), value=TEXT), "read_purchase 200.attempt: may now be string"),
    (add(*field("PurchaseAnswer", "price", "anyOf"), value=TEXT), "read_purchase 200.price: may now be string"),
    (add(*field("PurchaseAnswer", "state", "enum"), value="lost"), "read_purchase 200.state: may now be lost"),
    (drop(*field("PurchaseAnswer", "state", "enum")), "read_purchase 200.state: may now be any value"),
    (drop(*field("Checkout", "expires_at", "format")), "buy_tickets 201.expires_at: format date-time became None"),
    (
        put(*field("TicketLine", "token"), value={"type": "boolean"}),
        "read_purchase 200.tickets[].token: may now be boolean",
    ),
    (drop(*field("BuyTickets409Problem", "values")), "buy_tickets 409.values: removed"),
]


@pytest.mark.parametrize(("change", "named"), BREAKING, ids=[named for _, named in BREAKING])
def test_a_change_that_breaks_clients_is_named(change: Callable[[Json], None], named: str) -> None:
    """Each kind of breaking change is found and named."""
    changed = json.loads(DOCUMENT)
    change(changed)
    assert named in breaking_changes(WHOLE, changed)


HARMLESS = [
    put("paths", "/api/v1/new", value={"get": {"operationId": "read_new", "responses": {}}}),
    put(*field("PurchaseBody", "note"), value=TEXT),
    put(*field("PurchaseBody", "buyer"), value=OR_NULL),
    put(*field("PurchaseAnswer", "note"), value=TEXT),
    add(*BUY, "parameters", value={**PARAMETER, "required": False}),
    put(*field("PurchaseBody", "items", "maxItems"), value=100),
    add(*TENDER, value="voucher"),
    add(*field("BuyTickets409Problem", "type", "enum"), value="urn:boxoffice:problem:new"),
    put(*BUY, "responses", "418", value={"description": "teapot"}),
    put(*BUY, "description", value="Other words."),
    take(*field("PurchaseAnswer", "state", "enum"), value="refused"),
]


@pytest.mark.parametrize("change", HARMLESS, ids=range(len(HARMLESS)))
def test_a_compatible_change_is_not_named(change: Callable[[Json], None]) -> None:
    """New operations, optional request fields, answer fields, wider limits and problem types are additive."""
    changed = json.loads(DOCUMENT)
    change(changed)
    assert changed != WHOLE
    assert breaking_changes(WHOLE, changed) == []


def test_a_request_may_lose_its_format_and_get_none() -> None:
    """A format that goes accepts more, one that comes accepts less."""
    strict, loose = json.loads(DOCUMENT), WHOLE
    put(*field("PurchaseBody", "show_id", "format"), value="uuid")(strict)
    assert breaking_changes(strict, loose) == []
    assert breaking_changes(loose, strict) == ["buy_tickets body.show_id: format None became uuid"]
