"""The guard: each route of the API, tried without a key, with too narrow a key, and with a stranger's key.

The routes and their requests come from the OpenAPI document, so that a new route is tried without a line here.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, get_args

import httpx
import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from activities.tokens.metadata import cid_of
from api.http.guard import GuardedRoute, guarded_router, needs
from domain.access.api_key import parse_key
from domain.access.subject import ALL_SCOPES
from domain.access.subject import Scope as AccessScope
from tests.fakes.api_client import EVERY_SCOPE, api_client, app_over, document, routed
from tests.fakes.judged import judged
from tests.fakes.shop_world import ApiWorld

# What anybody may do: shows on sale, quotes, tokens' metadata, health. The webhooks' bodies are signed.
PUBLIC = {
    "read_show",
    "quote_price",
    "verify_by_secret",
    "read_metadata",
    "read_config",
    "read_file",
    "read_health",
    "read_liveness",
    "read_readiness",
    "read_index",
}
SIGNED = {"receive_stripe_event", "receive_stripe_connect_event"}
REFUSED = {401, 403, 404}
INVALID = {400, 401, 403, 404, 405, 413, 415, 422, 500}
BUYERS = "/api/v1/purchases/{purchase_id}"
ONE_OF_TWO: dict[str, dict[str, Any]] = {  # they need one of two optional fields
    "create_discount": {"amount_minor": 100},
    "search_purchases": {"email": "ann@example.org"},
    "replay_events": {"since": "2025-01-01T00:00:00Z"},
}


@dataclass
class Operation:
    """One operation of the document, and the ids that its last request named."""

    method: str
    path: str
    described: dict[str, Any]
    named: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        return str(self.described["operationId"])

    @property
    def scopes(self) -> frozenset[AccessScope]:
        found = [item["apiKey"] for item in self.described.get("security", []) if "apiKey" in item]
        return frozenset(found[0]) if found else frozenset()

    def request(self, ids: dict[str, str], key: str = "") -> dict[str, Any]:
        """Return a valid request about these ids."""
        if "/cancellation" in self.path:
            ids = {**ids, "show_id": ids["cancelled_show_id"]}
        self.named = {name for name in ids if f"{{{name}}}" in self.path}
        sent: dict[str, Any] = {"method": self.method.upper(), "url": self.path.format(**ids)}
        sent["headers"] = {"Idempotency-Key": "guarded", "Authorization": f"Bearer {key}" if key else ""}
        if body := self.described.get("requestBody"):
            sent["json"] = self._example(body["content"]["application/json"]["schema"], ids)
        if self.name in ONE_OF_TWO:
            sent["json"] |= ONE_OF_TWO[self.name]
        if self.name == "create_webhook_endpoint":
            sent["json"]["venue_id"] = ids["venue_id"]
            self.named.add("venue_id")
        if self.name in {"check_in", "upload_check_ins"}:
            for one in sent["json"].get("scans", [sent["json"]]):
                one["ticket_id"] = ids["ticket_id"]
        return sent

    def _example(self, schema: dict[str, Any], ids: dict[str, str], name: str = "") -> Any:
        """Return a value of a schema: its ids from `ids`, its required fields alone."""
        if "$ref" in schema:
            schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        if name in ids:
            self.named.add(name)
            return ids[name]
        if "properties" in schema:
            needed = schema.get("required", ())
            return {one: self._example(schema["properties"][one], ids, one) for one in needed}
        if schema.get("type") == "array":
            return [self._example(schema["items"], ids, name.removesuffix("s"))]
        return schema["examples"][0] if "examples" in schema else schema.get("enum", [schema.get("const")])[0]


OPERATIONS = [
    Operation(method, path, described)
    for path, operations in document()["paths"].items()
    for method, described in operations.items()
]
GUARDED = [operation for operation in OPERATIONS if operation.name not in PUBLIC | SIGNED]
LISTS = [operation for operation in GUARDED if "lists" in operation.described["tags"]]
PAGES = {"read_events": "events", "list_webhook_endpoints": "endpoints"}  # lists under another tag
OF_DEPLOYMENT = {"read_metrics", "read_platform_statement"}
OF_NOTHING = {"register_venue", "read_audit", *OF_DEPLOYMENT, *PAGES, *(operation.name for operation in LISTS)}
ABOUT_SOMETHING = [operation for operation in GUARDED if operation.name not in OF_NOTHING]


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[ApiWorld]:
    with judged(ApiWorld(), request) as made:
        yield made


@pytest.fixture
async def client(world: ApiWorld) -> AsyncIterator[httpx.AsyncClient]:
    async with api_client(app_over(world.deps()), raise_app_exceptions=True) as client:
        yield client


async def made(client: httpx.AsyncClient, path: str, body: dict[str, Any], name: str) -> dict[str, Any]:
    answer = await client.post(path, json=body, headers={"Idempotency-Key": name})
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
async def ids(client: httpx.AsyncClient, world: ApiWorld) -> dict[str, str]:
    """One of everything: a show on sale with a discount, a sold purchase, a refund of it and a reservation."""
    venue_id = (await made(client, "/api/v1/venues", {"name": "Hall"}, "v"))["venue_id"]
    types = [{"name": "floor", "price_minor": 1000, "capacity": 50}]
    show = await made(
        client,
        "/api/v1/shows",
        {"venue_id": venue_id, "name": "Night", "currency": "eur", "ticket_types": types},
        "s",
    )
    show_id, ticket_type_id = show["show_id"], show["ticket_types"][0]["ticket_type_id"]
    await world.announce(venue_id, show_id)
    await made(client, f"/api/v1/shows/{show_id}/discounts", {"code": "EARLY", "percent_bps": 1000}, "d")
    wanted = {"show_id": show_id, "items": [{"ticket_type_id": ticket_type_id, "quantity": 2}]}
    buyer = {"email": "ann@example.org"}
    purchase_id = (await made(client, "/api/v1/purchases", {**wanted, "buyer": buyer}, "p"))["purchase_id"]
    await world.pay(purchase_id)
    sold = (await client.get(BUYERS.format(purchase_id=purchase_id))).json()
    ticket_id, other = (ticket["ticket_id"] for ticket in sold["tickets"])
    refund = await made(client, f"/api/v1/purchases/{purchase_id}/refunds", {"ticket_ids": [other]}, "r")
    reservation = await made(client, "/internal/tickets/reserve", wanted, "h")
    scanned = {"show_id": show_id, "gate": "North", "nonce": "n", "ticket_id": other}
    check_in = await made(client, "/api/v1/checkins", scanned, "")
    other_show = {"venue_id": venue_id, "name": "Off", "currency": "eur", "ticket_types": types}
    cancelled = await made(client, "/api/v1/shows", other_show, "c")
    await made(client, f"/api/v1/shows/{cancelled['show_id']}/cancellation", {}, "")
    receiver = {"url": "https://door.example/", "venue_id": venue_id}
    endpoint = await made(client, "/api/v1/webhook-endpoints", receiver, "w")
    return {
        "cancelled_show_id": cancelled["show_id"],
        "venue_id": venue_id,
        "show_id": show_id,
        "ticket_type_id": ticket_type_id,
        "purchase_id": purchase_id,
        "ticket_id": ticket_id,
        "refund_id": refund["refund_id"],
        "check_in_id": check_in["check_in_id"],
        "reservation_id": reservation["reservation_id"],
        "endpoint_id": endpoint["endpoint_id"],
        "code": "EARLY",
        "cid": cid_of(b"a file"),
    }


def problem(answer: httpx.Response, ids: dict[str, str]) -> tuple[int, str]:
    """Return status and text of an answer, without the ids that the request named."""
    text = answer.text
    for identity in ids.values():
        text = text.replace(identity, "ID")
    return answer.status_code, text


def test_a_route_without_a_declaration_cannot_be_made() -> None:
    """Neither by a decorator nor on a router of another kind."""
    router = guarded_router()

    async def endpoint() -> None: ...

    with pytest.raises(TypeError, match="must declare who may call it"):
        router.get("/new")(endpoint)
    routes = [route.original_route for route in iter_route_contexts(routed().routes)]
    mine = [route for route in routes if isinstance(route, APIRoute)]
    assert len([route for route in mine if route.include_in_schema]) == len(OPERATIONS)
    assert all(isinstance(route, GuardedRoute) for route in mine)


def test_only_these_operations_are_public() -> None:
    """Every other one names the scopes of the keys that may call it, and they exist."""
    unguarded = {operation.name for operation in OPERATIONS if not operation.described.get("security")}
    assert unguarded == PUBLIC | SIGNED
    assert all(operation.scopes and operation.scopes <= ALL_SCOPES for operation in GUARDED)
    assert set(document()["components"]["securitySchemes"]) == {"apiKey", "purchaseToken", "purchaseLink"}


async def test_nothing_is_done_for_a_stranger(client: httpx.AsyncClient, world: ApiWorld, ids: dict[str, str]) -> None:
    """No key, a wrong one, one with every other scope, a publishable one: 401, 403 or 404, and no event."""
    by_scope = {scope: await world.key(scope) for scope in ALL_SCOPES}
    publishable = await world.key("purchase", kind="publishable")
    before = len(world.store.log)
    for operation in GUARDED:
        others = [by_scope[scope] for scope in ALL_SCOPES - operation.scopes]
        others += [publishable] if "purchase" not in operation.scopes else []
        for key in ("", "bo_sk_0000_nobody", *others):
            answer = await client.request(**operation.request(ids, key))
            assert answer.status_code in REFUSED, (operation.name, key, answer.text)
    assert len(world.store.log) == before


async def test_each_scope_that_a_route_names_opens_it(
    client: httpx.AsyncClient, world: ApiWorld, ids: dict[str, str]
) -> None:
    """The requests that a stranger tries are good ones: without this, everything would be refused for its form."""
    order = {"get": 0, "delete": 2}  # what is deleted cannot be changed
    for operation in sorted(GUARDED, key=lambda operation: order.get(operation.method, 1)):
        for scope in operation.scopes:
            answer = await client.request(**operation.request(ids, await world.key(scope)))
            assert answer.status_code not in INVALID, (operation.name, scope, answer.text)


@pytest.mark.parametrize("whose", ["another venue", "another tenant"])
async def test_what_is_somebody_elses_does_not_exist(
    whose: str, client: httpx.AsyncClient, world: ApiWorld, ids: dict[str, str]
) -> None:
    """With every scope the answer is the same, to the letter, as for ids that nobody has; and nothing is recorded."""
    tenant = "default" if whose == "another venue" else "other"
    venue = await made_as(client, await world.key(*ALL_SCOPES, tenant_id=tenant))
    key = await world.key(*ALL_SCOPES, tenant_id=tenant, bound_to=venue if whose == "another venue" else "")
    unknown = {name: f"{identity[:3]}nobodyknows" for name, identity in ids.items()}
    before = len(world.store.log)
    for operation in ABOUT_SOMETHING:
        answer = await client.request(**operation.request(ids, key))
        nobodys = await client.request(**operation.request(unknown, key))
        assert operation.named, f"{operation.name} names nothing of its owner's"
        assert not answer.is_success, (operation.name, answer.text)
        assert problem(answer, ids) == problem(nobodys, unknown), operation.name
    assert len(world.store.log) == before


@pytest.mark.parametrize("whose", ["another venue", "another tenant"])
async def test_what_is_somebody_elses_is_in_no_list(
    whose: str, client: httpx.AsyncClient, world: ApiWorld, ids: dict[str, str]
) -> None:
    """With every scope, with filters and without them; its owner's key finds something in almost every list."""
    tenant = "default" if whose == "another venue" else "other"
    venue = await made_as(client, await world.key(*ALL_SCOPES, tenant_id=tenant))
    key = await world.key(*ALL_SCOPES, tenant_id=tenant, bound_to=venue if whose == "another venue" else "")
    found = set()
    for operation in LISTS:
        for filters in ({}, {"venue_id": ids["venue_id"]}, {"show_id": ids["show_id"]}):
            params = filters if operation.method == "get" else {}
            answer = await client.request(**operation.request(ids, key), params=params)
            assert answer.is_success, (operation.name, answer.text)
            assert not [name for name, identity in ids.items() if identity in answer.text], operation.name
        found |= (
            {operation.name} if (await client.request(**operation.request(ids, EVERY_SCOPE))).json()["items"] else set()
        )
    assert {operation.name for operation in LISTS} - found == {"list_disputes", "list_payouts"}


@pytest.mark.parametrize("whose", ["another venue", "another tenant"])
async def test_what_is_somebody_elses_is_in_no_page(
    whose: str, client: httpx.AsyncClient, world: ApiWorld, ids: dict[str, str]
) -> None:
    """Of events and of endpoints: their owner's key finds some; another one none, as for ids that nobody has."""
    tenant = "default" if whose == "another venue" else "other"
    venue = await made_as(client, await world.key(*ALL_SCOPES, tenant_id=tenant))
    key = await world.key(*ALL_SCOPES, tenant_id=tenant, bound_to=venue if whose == "another venue" else "")
    unknown = {name: f"{identity[:3]}nobodyknows" for name, identity in ids.items()}
    for operation in (operation for operation in GUARDED if operation.name in PAGES):
        owners = await client.request(**operation.request(ids, EVERY_SCOPE))
        assert owners.json()[PAGES[operation.name]]
        assert ids["venue_id"] in owners.text
        for filters in ((), ("venue_id",), ("show_id",), ("venue_id", "show_id")):
            given, nobodys = ({name: known[name] for name in filters} for known in (ids, unknown))
            answer = await client.request(**operation.request(ids, key), params=given)
            nothing = await client.request(**operation.request(ids, key), params=nobodys)
            assert problem(answer, given) == problem(nothing, nobodys), (operation.name, filters)
            assert not [name for name, identity in ids.items() if identity in problem(answer, given)[1]], filters


async def made_as(client: httpx.AsyncClient, key: str) -> str:
    headers = {"Idempotency-Key": "theirs", "Authorization": f"Bearer {key}"}
    return str((await client.post("/api/v1/venues", json={"name": "Other Hall"}, headers=headers)).json()["venue_id"])


async def test_the_token_is_of_one_purchase(client: httpx.AsyncClient, world: ApiWorld, ids: dict[str, str]) -> None:
    """The token of another purchase, or a wrong one, is 404 as for nobody's id; the right one opens, in both places."""
    token = world.authenticator.purchase_token(ids["purchase_id"])
    buyers = [operation for operation in GUARDED if {"purchaseToken": []} in operation.described["security"]]
    assert len(buyers) == 15
    for operation in buyers:
        for wrong in (world.authenticator.purchase_token("pu_other"), token[:-1], "é"):
            sent = operation.request(ids)
            sent["headers"]["Purchase-Token"] = wrong.encode("latin-1")
            assert (await client.request(**sent)).status_code == 404, operation.name
        sent = operation.request(ids)
        answer = await client.request(**sent, params={"token": token})
        assert answer.status_code not in INVALID, (operation.name, answer.text)
        sent["headers"]["Purchase-Token"] = token
        assert (await client.request(**sent)).status_code not in INVALID, operation.name


async def test_a_buyer_sets_no_terms(client: httpx.AsyncClient, world: ApiWorld, ids: dict[str, str]) -> None:
    """An amount without a ticket, another reason and another bearer of the fees are a shop's to decide."""
    path = f"{BUYERS}/refunds".format(**ids)
    headers = {"Authorization": "", "Purchase-Token": world.authenticator.purchase_token(ids["purchase_id"])}
    for terms in ({"amount_minor": 100}, {"reason": "goodwill"}, {"fees": "venue"}, {"even_redeemed": True}):
        answer = await client.post(path, json=terms, headers={**headers, "Idempotency-Key": "terms"})
        assert answer.status_code == 403, terms
    answer = await client.post(path, json={}, headers={**headers, "Idempotency-Key": "all"})
    assert (answer.status_code, answer.json()["amount_minor"]) == (202, 1104)


async def test_a_key_ends_when_it_is_revoked_or_has_expired(
    client: httpx.AsyncClient, world: ApiWorld, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rotated key is good with both secrets, until the overlap ends; a good key is known for five seconds."""
    path, now = f"/api/v1/venues/{ids['venue_id']}", [0.0]
    monkeypatch.setattr("api.http.authenticator.time.monotonic", lambda: now[0])

    async def status(text: str) -> int:
        now[0] += 6
        return (await client.get(path, headers={"Authorization": f"Bearer {text}"})).status_code

    old = await world.key("manage")
    text = parse_key(old)
    assert text is not None
    assert await status(old) == 200
    new = str(await world.keys.rotate(text.key_id, 60))
    assert [await status(old), await status(new)] == [200, 200]
    newest = str(await world.keys.rotate(text.key_id, 0))
    assert [await status(old), await status(new), await status(newest)] == [401, 401, 200]
    await world.keys.revoke(text.key_id)
    now[0] -= 6
    assert await status(newest) == 200  # for as long as it is known
    assert await status(newest) == 401
    at = world.clock() + timedelta(seconds=60)
    brief = await world.key("manage", expires_at=at)
    assert await status(brief) == 200
    world.clock = lambda: at
    assert await status(brief) == 401


async def test_under_a_publishable_key_only_a_random_key_is_taken(
    client: httpx.AsyncClient, world: ApiWorld, ids: dict[str, str]
) -> None:
    """Everybody knows the publishable key: a guessed Idempotency-Key would tell a stranger's purchase."""
    key = await world.key("purchase", kind="publishable")
    items = [{"ticket_type_id": ids["ticket_type_id"], "quantity": 1}]
    statuses = []
    for name in ("order-1", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "0b7e9c1e-5f1d-4a53-9d0c-1f6f6f0a7a51"):
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": name}
        answer = await client.post(
            "/api/v1/purchases", json={"show_id": ids["show_id"], "items": items}, headers=headers
        )
        statuses.append(answer.status_code)
    assert statuses == [400, 400, 201]


def test_scopes_are_the_ones_of_the_type() -> None:
    """No scope is left out of `ALL_SCOPES`, by which the routes are tried here."""
    assert set(get_args(AccessScope)) == ALL_SCOPES
    assert needs("door")(lambda: None).__dict__["__access__"].scopes == ("door",)
