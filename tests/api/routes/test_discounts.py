"""Prices over HTTP: discounts, quotes, price changes, sale windows and receipts, on a world in memory."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from api.http.requests import digest_of
from api.routes.purchases import PurchaseBody
from tests.api.routes.on_sale import PURCHASES, code
from tests.fakes.identity import purchase_id_of
from tests.fakes.judged import judged
from tests.fakes.shop_world import ApiWorld

QUOTES = ("/api/v1/quotes", "/internal/tickets/calculate-price")
START = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is set."""

    now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(clock: Clock, request: pytest.FixtureRequest) -> Iterator[ApiWorld]:
    with judged(ApiWorld(clock=clock), request) as made:
        yield made


class Till:
    """A client and a show on sale: 5 tickets at 10.00 and 2 at 30.00."""

    def __init__(self, client: httpx.AsyncClient, world: ApiWorld) -> None:
        self.client = client
        self.world = world
        self.show_id = ""
        self.types: list[str] = []

    async def open(self, rates: dict[str, Any] | None = None, **terms: Any) -> "Till":
        venue = await self.post("/api/v1/venues", {"name": "Hall", "rates": rates or {}}, "v")
        types = [
            {"name": "floor", "price_minor": 1000, "capacity": 5},
            {"name": "box", "price_minor": 3000, "capacity": 2},
        ]
        body = {"name": "Night", "currency": "eur", "ticket_types": types, **terms}
        answer = await self.post("/api/v1/shows", {"venue_id": venue.json()["venue_id"], **body}, "s")
        assert answer.status_code == 201, answer.text
        self.show_id = answer.json()["show_id"]
        self.types = [item["ticket_type_id"] for item in answer.json()["ticket_types"]]
        await self.world.announce(venue.json()["venue_id"], self.show_id)
        return self

    async def post(self, path: str, body: Any, key: str) -> httpx.Response:
        return await self.client.post(path, json=body, headers={"Idempotency-Key": key})

    async def discount(self, key: str = "d", **terms: Any) -> httpx.Response:
        body = {"code": "Early", **(terms or {"percent_bps": 1000})}
        return await self.post(f"/api/v1/shows/{self.show_id}/discounts", body, key)

    async def change(self, **changes: Any) -> httpx.Response:
        return await self.client.patch(f"/api/v1/shows/{self.show_id}", json=changes)

    async def reprice(self, price_minor: int) -> httpx.Response:
        return await self.change(ticket_types=[{"ticket_type_id": self.types[0], "price_minor": price_minor}])

    def wanting(self, quantity: int = 2, **more: Any) -> dict[str, Any]:
        return {
            "show_id": self.show_id,
            "items": [{"ticket_type_id": self.types[0], "quantity": quantity}],
            **more,
        }

    async def buy(self, key: str = "a", quantity: int = 2, **more: Any) -> httpx.Response:
        return await self.post(PURCHASES, self.wanting(quantity, **more), key)

    async def get(self, path: str) -> Any:
        answer = await self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
async def till(client: httpx.AsyncClient, world: ApiWorld) -> Till:
    return await Till(client, world).open()


async def test_quote_calculated_price_and_purchase_show_the_same_breakdown(till: Till) -> None:
    """A quote, a calculated price and a purchase have the same price; only the purchase holds seats."""
    await till.discount()
    wanted = till.wanting(discount_code="early")
    first, second = [(await till.post(path, wanted, "q")).json() for path in QUOTES]
    assert first == second
    assert (first["discount_code"], first["lines"][0]["discount_minor"]) == ("EARLY", 200)
    assert (await till.get(f"/api/v1/shows/{till.show_id}"))["ticket_types"][0]["available"] == 5
    bought = await till.buy(discount_code="EARLY", expected_total_minor=first["price"]["total_minor"])
    assert (bought.status_code, bought.json()["price"]) == (201, first["price"])
    found = await till.get(f"{PURCHASES}/{bought.json()['purchase_id']}")
    assert (found["discount_code"], found["price"], found["lines"]) == ("EARLY", first["price"], first["lines"])


async def test_a_discount_is_created_once_per_key(till: Till) -> None:
    """The same key and body is the same discount; another body, or a code in use, is 409."""
    made = await till.discount(percent_bps=1000, limit=1)
    assert made.status_code == 201
    again = await till.discount(percent_bps=1000, limit=1)
    assert (again.status_code, again.json()) == (201, made.json())
    assert code(await till.discount(percent_bps=2000)) == (409, "idempotency-key-reused")
    assert code(await till.discount("other", percent_bps=2000)) == (409, "code-taken")
    assert (await till.buy(discount_code="early")).status_code == 201
    assert (await till.get(made.headers["Location"]))["in_use"] == 1
    assert code(await till.buy("b", discount_code="early")) == (409, "discount-refused")
    await till.world.end(purchase_id_of("default", "a"))
    assert (await till.get(made.headers["Location"]))["in_use"] == 0
    assert (await till.client.get(f"/api/v1/shows/{till.show_id}/discounts/NONE")).status_code == 404


@pytest.mark.parametrize(
    "terms",
    [
        {"percent_bps": 1000, "amount_minor": 5},
        {"code": "two words", "percent_bps": 1000},
        {"percent_bps": 1000, "valid_from": "2026-01-01T00:00:00"},
        {"percent_bps": 1000, "valid_from": 1},
        {"percent_bps": 1000, "valid_from": "0001-01-01T00:00:00+10:00"},
        {"percent_bps": 1000, "valid_from": "2026-01-02T00:00:00Z", "valid_until": "2026-01-02T01:00:00+01:00"},
    ],
)
async def test_terms_that_are_none_are_422(till: Till, terms: dict[str, Any]) -> None:
    """Two kinds at once, a code with a space, timestamps without an offset or in the wrong order."""
    assert code(await till.discount(**terms)) == (422, "invalid-request")


async def test_a_discount_of_nothing_says_so(till: Till) -> None:
    """A discount without a percentage and without an amount is refused with the reason."""
    answer = await till.post(f"/api/v1/shows/{till.show_id}/discounts", {"code": "NIL"}, "d")
    assert "either percent_bps or amount_minor" in answer.json()["errors"][0]["why"]


async def test_a_discount_is_valid_in_its_time(till: Till, clock: Clock) -> None:
    """Before and after it the code is refused, and the key is free for another attempt."""
    await till.discount(
        percent_bps=1000, valid_from="2026-01-01T01:00:00+00:00", valid_until="2026-01-01T04:00:00+02:00"
    )
    assert code(await till.buy(discount_code="EARLY")) == (409, "discount-refused")
    clock.now = START + timedelta(hours=1)
    assert (await till.buy(discount_code="EARLY")).json()["price"]["discount_minor"] == 200
    clock.now = START + timedelta(hours=2)
    assert code(await till.buy("b", discount_code="EARLY")) == (409, "discount-refused")


async def test_the_price_is_locked_while_it_changes(till: Till) -> None:
    """An open checkout keeps its price; a new purchase has the new one; one that expects the old one is refused."""
    first = (await till.buy()).json()
    changed = await till.reprice(1500)
    assert (changed.status_code, changed.json()["ticket_types"][0]["price_minor"]) == (200, 1500)
    assert (await till.get(changed.headers["Location"]))["ticket_types"][0]["price_minor"] == 1500
    assert (await till.buy()).json() == first
    assert (await till.get(f"{PURCHASES}/{first['purchase_id']}"))["price"] == first["price"]
    total = first["price"]["total_minor"]
    assert code(await till.buy("b", expected_total_minor=total)) == (409, "price-changed")
    assert (await till.buy("b")).json()["price"]["subtotal_minor"] == 3000


async def test_a_show_is_sold_in_its_window(client: httpx.AsyncClient, world: ApiWorld, clock: Clock) -> None:
    """Before and after it the show is not on sale; a null removes a bound."""
    terms: dict[str, Any] = {"sale_from": "2026-01-01T01:00:00+00:00", "sale_until": "2026-01-01T02:00:00+00:00"}
    till = await Till(client, world).open(**terms)
    assert code(await till.buy()) == (409, "not-on-sale")
    clock.now = START + timedelta(hours=1)
    assert (await till.buy()).status_code == 201
    clock.now = START + timedelta(hours=2)
    assert code(await till.buy("b")) == (409, "not-on-sale")
    assert (await till.change(sale_until=None)).status_code == 200
    assert (await till.buy("b", 1)).status_code == 201
    shown = await till.get(f"/api/v1/shows/{till.show_id}")
    assert (shown["sale_from"], shown["sale_until"]) == (terms["sale_from"], None)
    assert code(await till.change(sale_until="2026-01-01T00:30:00+00:00")) == (409, "wrong-state")


async def test_what_cannot_be_charged_is_refused_before_anything_is_held(till: Till) -> None:
    """Twelve cents are below the least charge, so there is no quote of them."""
    await till.discount(amount_minor=1990)
    assert code(await till.post(QUOTES[0], till.wanting(discount_code="EARLY"), "q")) == (422, "not-chargeable")
    assert code(await till.buy(discount_code="EARLY")) == (422, "not-chargeable")
    assert (await till.get(f"/api/v1/shows/{till.show_id}"))["ticket_types"][0]["held"] == 0


@pytest.mark.parametrize(
    ("terms", "named"),
    [
        ({"currency": "xyz"}, "currency"),
        ({"ticket_types": [{"name": "box", "price_minor": 100_000_000, "capacity": 2}]}, "most"),
        ({"ticket_types": [{"name": "pin", "price_minor": 10, "capacity": 2}]}, "least"),
    ],
)
async def test_a_show_that_can_never_be_charged_is_refused(till: Till, terms: dict[str, Any], named: str) -> None:
    """A currency that Stripe does not have, one ticket above the most, all that there are below the least."""
    shown = await till.get(f"/api/v1/shows/{till.show_id}")
    types = [{"name": "floor", "price_minor": 1000, "capacity": 5}]
    body = {"venue_id": shown["venue_id"], "name": "Night", "currency": "eur", "ticket_types": types, **terms}
    refused = await till.post("/api/v1/shows", body, "never")
    assert code(refused) == (422, "not-chargeable")
    assert named in refused.json()["values"]


async def test_a_show_says_which_methods_it_takes(client: httpx.AsyncClient, world: ApiWorld) -> None:
    """It shows them with the days of a bank; a debit needs automatic capture, and an unknown method is refused."""
    terms: dict[str, Any] = {"payment_methods": ["sepa_debit", "card"], "processing_days": 14}
    till = await Till(client, world).open(capture_method="automatic", **terms)
    shown = await till.get(f"/api/v1/shows/{till.show_id}")
    assert (shown["payment_methods"], shown["processing_days"]) == (["card", "sepa_debit"], 14)
    body = {"venue_id": shown["venue_id"], "name": "Night", "currency": "eur"}
    body["ticket_types"] = [{"name": "floor", "price_minor": 1000, "capacity": 5}]
    refused = await till.post("/api/v1/shows", {**body, **terms, "capture_method": "manual"}, "m")
    assert code(refused) == (409, "wrong-state")
    assert "sepa_debit cannot be authorised first" in refused.json()["detail"]
    assert code(await till.post("/api/v1/shows", {**body, "payment_methods": ["boleto"]}, "u")) == (
        422,
        "invalid-request",
    )


async def test_prices_and_discounts_that_can_never_be_charged_are_refused(till: Till) -> None:
    """The old price stays, no discount is made, and a quote of more than the largest charge says the same."""
    assert code(await till.reprice(100_000_000)) == (422, "not-chargeable")
    assert code(await till.reprice(1)) == (422, "not-chargeable")
    assert (await till.reprice(90_000_000)).status_code == 200
    assert code(await till.post(QUOTES[0], till.wanting(2), "q")) == (422, "not-chargeable")
    assert code(await till.buy()) == (422, "not-chargeable")
    assert code(await till.discount(percent_bps=9_990, ticket_type_ids=[till.types[1]])) == (422, "not-chargeable")
    assert (await till.discount(percent_bps=9_000)).status_code == 201


async def test_a_free_purchase_has_no_checkout(till: Till) -> None:
    """It is sold at once: no client secret, nothing to pay, and a receipt without a payment."""
    await till.discount(percent_bps=10_000)
    answer = await till.buy(discount_code="EARLY")
    body = answer.json()
    assert (answer.status_code, body["client_secret"], body["price"]["total_minor"]) == (201, None, 0)
    assert body["state"] == "confirming"
    assert (await till.get(f"{PURCHASES}/{body['purchase_id']}"))["state"] == "confirming"
    await till.world.confirm(body["purchase_id"])
    receipt = await till.get(f"{PURCHASES}/{body['purchase_id']}/receipt")
    assert (receipt["total_minor"], receipt["payments"], receipt["fees"]) == (0, [], [])
    assert receipt["discount"] == {"code": "EARLY", "amount_minor": 2000}


@pytest.mark.parametrize(
    ("terms", "fees", "taxes", "total"),
    [
        (({}, None), 187, [], 2000 - 200 + 135 + 52),
        (({"fees": "absorbed"}, {"rate_bps": 2000, "inclusive": True}), 0, [(300, 1500)], 1800),
        (({}, {"rate_bps": 2000, "inclusive": False}), 187, [(360, 1800)], 1800 + 360 + 135 + 52),
    ],
)
async def test_a_receipt_adds_up(
    client: httpx.AsyncClient, world: ApiWorld, terms: Any, fees: int, taxes: Any, total: int
) -> None:
    """Lines - discount + the buyer's fees + added taxes = the paid total."""
    rates, tax = terms
    till = await Till(client, world).open(rates, **({"tax": tax} if tax else {}))
    await till.discount()
    purchase_id = (await till.buy(discount_code="EARLY")).json()["purchase_id"]
    path = f"{PURCHASES}/{purchase_id}/receipt"
    assert code(await till.client.get(path)) == (409, "wrong-state")
    await world.pay(purchase_id)
    receipt = await till.get(path)
    assert receipt["seller"]["name"] == "Hall"
    assert (receipt["currency"], receipt["decimals"], receipt["issued_at"]) == ("eur", 2, START.isoformat())
    assert receipt["lines"] == [
        {
            "ticket_type_id": till.types[0],
            "name": "floor",
            "quantity": 2,
            "price_minor": 1000,
            "amount_minor": 2000,
            "discount_minor": 200,
        }
    ]
    assert [(line["tax_minor"], line["net_minor"]) for line in receipt["taxes"]] == taxes
    added = sum(line["tax_minor"] for line in receipt["taxes"] if not line["inclusive"])
    charged = sum(line["amount_minor"] for line in receipt["fees"])
    assert charged == fees
    assert receipt["total_minor"] == total == 2000 - receipt["discount"]["amount_minor"] + charged + added
    (payment,) = receipt["payments"]
    assert (payment["captured_minor"], payment["captured_at"]) == (total, START.isoformat())
    assert (receipt["refunds"], receipt["refunded_minor"]) == ([], 0)
    assert (await till.client.get(f"{PURCHASES}/pu_none/receipt")).status_code == 404


async def test_a_receipt_tells_what_went_back(till: Till) -> None:
    """The receipt has the refund with its time, and the payment."""
    purchase_id = (await till.buy()).json()["purchase_id"]
    await till.world.pay(purchase_id)
    await till.world.refund(purchase_id, "re_1", 2208)
    receipt = await till.get(f"{PURCHASES}/{purchase_id}/receipt")
    assert receipt["refunds"] == [
        {"refund_id": "re_1", "amount_minor": 2208, "at": START.isoformat(), "ticket_ids": [], "reason": None}
    ]
    assert receipt["refunded_minor"] == receipt["payments"][0]["captured_minor"] == 2208


async def test_a_body_of_before_has_the_digest_of_before() -> None:
    """A later field with its default is left out of the digest: old keys are recognised."""
    body = {"show_id": "sh", "items": [{"ticket_type_id": "tt", "quantity": 2}]}
    assert digest_of(PurchaseBody.model_validate(body), "a") == DIGEST_OF_BEFORE
    counting = PurchaseBody.model_validate({**body, "expected_total_minor": 0})
    assert digest_of(counting, "a") != DIGEST_OF_BEFORE


DIGEST_OF_BEFORE = "3da650218100159d1a2a7098294e6c7cbb9386dd4d8a94dd63eaf74d4ec7c409"
