"""Purchases over HTTP, on a world in memory."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from activities.core.commands import PurchaseRef
from activities.sales.order import SalesActivities
from tests.api.routes.on_sale import PURCHASES, key, wanting
from tests.fakes.shop_world import WALLET, ApiWorld

VAULT = "FCvhetuRQXVjFaFtLY8kAYFYRHpCLMsBabJ8GLrBX8iT"
TOKEN_ACCOUNT = "2KW2XRd9kwqet15Aha2oK3tYvd3nWbTFH1MBiRAv1BE1"


async def test_a_purchase_is_answered_with_its_checkout_in_one_round_trip(
    client: httpx.AsyncClient, show: dict[str, Any]
) -> None:
    """The answer has the price with its parts, the client secret, the deadline and the location of the purchase."""
    answer = await client.post(PURCHASES, json=wanting(show), headers=key("a"))
    assert answer.status_code == 201
    body = answer.json()
    assert body["state"] == "awaiting-payment"
    assert body["price"] == {
        "currency": "eur",
        "subtotal_minor": 2000,
        "discount_minor": 0,
        "platform_fee_minor": 150,
        "processing_fee_minor": 58,
        "total_minor": 2208,
        "fees": "on_top",
        "tax_minor": 0,
        "tax_bps": 0,
        "tax_inclusive": False,
        "tender": "card",
    }
    assert body["client_secret"] == f"secret-of-{body['purchase_id']}"
    read = (await client.get(answer.headers["Location"], headers={"Purchase-Token": body["purchase_token"]})).json()
    assert not read["stale"]
    del body["purchase_token"]
    assert {name: read[name] for name in body} == body
    assert len(read["tickets"]) == 2
    events = [line["event"] for line in read["timeline"]]
    expected = [
        "order.requested",
        "order.placed",
        "ticket.reserved",
        "ticket.reserved",
        "allocation.holds-placed",
        "payment.intent-created",
    ]
    expected += ["order.checkout-opened"]
    assert events == expected


async def test_the_same_key_is_the_same_purchase_also_after_it_ended(
    client: httpx.AsyncClient, show: dict[str, Any], world: ApiWorld
) -> None:
    """A repeat is answered from the events with the same content, and starts nothing again."""
    first = await client.post(PURCHASES, json=wanting(show), headers=key("a"))
    again = await client.post(PURCHASES, json=wanting(show), headers=key("a"))
    assert (again.status_code, again.json()) == (200, first.json())
    await world.pay(first.json()["purchase_id"])
    late = await client.post(PURCHASES, json=wanting(show), headers=key("a"))
    assert late.status_code == 200
    assert late.json()["state"] == "fulfilled"
    assert late.json()["client_secret"] is None
    assert [verb for verb, _ in world.engine.told].count("open_purchase") == 1


async def test_the_same_key_with_another_body_changes_nothing(
    client: httpx.AsyncClient, show: dict[str, Any], world: ApiWorld
) -> None:
    """It is 409 and changes neither events nor buyers; the buyer's data is part of the body."""
    await client.post(PURCHASES, json=wanting(show, buyer={"name": "Ann"}), headers=key("a"))
    events, buyers = list(world.store.log), dict(world.buyers.kept)
    answer = await client.post(PURCHASES, json=wanting(show, buyer={"name": "Bob"}), headers=key("a"))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:boxoffice:problem:idempotency-key-reused")
    assert (world.store.log, world.buyers.kept) == (events, buyers)


async def test_sold_out_is_answered_at_the_door(
    client: httpx.AsyncClient, show: dict[str, Any], world: ApiWorld
) -> None:
    """It starts no workflow and stores neither event nor buyer; the key may be used again, with another body."""
    events = list(world.store.log)
    refused = await client.post(PURCHASES, json=wanting(show, 6, buyer={"name": "Ann"}), headers=key("a"))
    assert (world.store.log, world.buyers.kept) == (events, {})
    assert "open_purchase" not in dict(world.engine.told)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:boxoffice:problem:sold-out")
    assert refused.headers["content-type"] == "application/problem+json"
    again = await client.post(PURCHASES, json=wanting(show, 5), headers=key("a"))
    assert again.status_code == 201


async def test_a_show_is_not_sold_before_it_stands_on_chain(client: httpx.AsyncClient, world: ApiWorld) -> None:
    """A purchase before the on-chain group exists is refused, and the buyer's data is deleted."""
    venue = (await client.post("/api/v1/venues", json={"name": "Hall"}, headers=key("v"))).json()
    types = [{"name": "floor", "price_minor": 1000, "capacity": 5}]
    body = {"venue_id": venue["venue_id"], "name": "Night", "currency": "eur", "ticket_types": types}
    show = (await client.post("/api/v1/shows", json=body, headers=key("s"))).json()
    answer = await client.post(PURCHASES, json=wanting(show, buyer={"name": "Ann"}), headers=key("a"))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:boxoffice:problem:not-on-sale")
    assert world.buyers.kept == {}


async def test_an_engine_that_is_away_gives_202_with_the_status_url(
    client: httpx.AsyncClient, show: dict[str, Any], world: ApiWorld
) -> None:
    """The seats are held, the purchase can be read, and the same key later gets the checkout."""
    world.engine.away = True
    answer = await client.post(PURCHASES, json=wanting(show), headers=key("a"))
    assert (answer.status_code, answer.json()["state"]) == (202, "reserving")
    assert (await client.get(answer.headers["Location"])).json()["state"] == "reserving"
    world.engine.away = False
    assert (await client.post(PURCHASES, json=wanting(show), headers=key("a"))).json()["state"] == "awaiting-payment"


async def test_a_read_that_waits_in_vain_says_that_it_is_stale(
    client: httpx.AsyncClient, show: dict[str, Any], world: ApiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait is bounded, and the present state is answered."""
    monkeypatch.setattr("api.http.read_your_writes.WAIT_SECONDS_MAX", 0.05)
    found = (await client.post(PURCHASES, json=wanting(show), headers=key("a"))).json()
    answer = await client.get(f"{PURCHASES}/{found['purchase_id']}?after=1000")
    assert answer.json()["stale"]


@pytest.mark.parametrize(
    ("buyer", "reason"),
    [
        ({"wallet": "nonsense"}, "not-an-address"),
        ({"wallet": "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"}, "program"),
        ({"wallet": VAULT}, "off-curve"),
        ({"wallet": TOKEN_ACCOUNT}, "token-account"),
        ({"wallet": TOKEN_ACCOUNT, "wallet_is_vault": True}, "token-account"),
        ({"wallet": VAULT, "wallet_is_vault": True}, None),
    ],
)
async def test_a_wallet_that_is_nobodys_is_refused_at_the_door(
    client: httpx.AsyncClient, show: dict[str, Any], world: ApiWorld, buyer: dict[str, Any], reason: str | None
) -> None:
    """The problem names the reason and nothing is stored; a multisig vault is sent as one."""
    world.chain.token_accounts.add(TOKEN_ACCOUNT)
    answer = await client.post(PURCHASES, json=wanting(show, buyer=buyer), headers=key("a"))
    assert answer.status_code == (201 if reason is None else 422)
    assert answer.json().get("values", {}).get("reason") == reason
    assert len(world.buyers.kept) == (reason is None)


async def test_no_personal_data_goes_into_events(
    client: httpx.AsyncClient, show: dict[str, Any], world: ApiWorld
) -> None:
    """Name, e-mail and wallet are in the buyers' table only."""
    buyer = {"name": "Ann Buyer", "email": "ann@example.org", "wallet": WALLET}
    assert (await client.post(PURCHASES, json=wanting(show, buyer=buyer), headers=key("a"))).status_code == 201
    text = repr([vars(event) for event in world.store.log])
    assert not [value for value in buyer.values() if value in text]
    assert [kept.personal for kept in world.buyers.kept.values()] == [("Ann Buyer", "ann@example.org", WALLET)]


async def test_a_purchase_can_be_let_go_before_the_capture_and_not_after(
    client: httpx.AsyncClient, show: dict[str, Any], world: ApiWorld
) -> None:
    """The cancel is recorded, then signalled; after the capture was requested it is refused."""
    first = (await client.post(PURCHASES, json=wanting(show), headers=key("a"))).json()["purchase_id"]
    answer = await client.delete(f"{PURCHASES}/{first}")
    assert (answer.status_code, answer.json()) == (202, {"purchase_id": first, "state": "cancelling"})
    assert (await client.get(answer.headers["Location"])).json()["state"] == "cancelling"
    assert ("buyer_cancelled", first) in world.engine.told
    second = (await client.post(PURCHASES, json=wanting(show), headers=key("b"))).json()["purchase_id"]
    await world.pay(second)
    late = await client.delete(f"{PURCHASES}/{second}")
    assert (late.status_code, late.json()["type"]) == (409, "urn:boxoffice:problem:cancel-too-late")
    assert (await client.delete(f"{PURCHASES}/pu_none")).status_code == 404


async def test_the_cancel_of_an_ended_purchase_answers_its_end(
    client: httpx.AsyncClient, show: dict[str, Any], world: ApiWorld
) -> None:
    """It is cancelled already, for the reason that it has: nothing is recorded, and nobody is told."""
    purchase_id = (await client.post(PURCHASES, json=wanting(show), headers=key("a"))).json()["purchase_id"]
    await world.end(purchase_id)
    events = len(world.store.log)
    answer = await client.delete(f"{PURCHASES}/{purchase_id}")
    ended = {"purchase_id": purchase_id, "state": "cancelled", "end_reason": "hold-expired"}
    assert (answer.status_code, answer.json()) == (200, ended)
    read = (await client.get(answer.headers["Location"])).json()
    assert {name: read[name] for name in ended} == ended
    assert (len(world.store.log), ("buyer_cancelled", purchase_id) in world.engine.told) == (events, False)


async def test_a_sold_purchase_shows_tickets_on_chain_and_credits_the_venue(
    client: httpx.AsyncClient, show: dict[str, Any], world: ApiWorld
) -> None:
    """Mint addresses and signatures are in the purchase; the venue's balance is the discounted subtotal."""
    purchase_id = (await client.post(PURCHASES, json=wanting(show), headers=key("a"))).json()["purchase_id"]
    await world.pay(purchase_id)
    found = (await client.get(f"{PURCHASES}/{purchase_id}")).json()
    assert found["state"] == "fulfilled"
    assert found["payment"]["status"] == "captured"
    ticket = found["tickets"][0]
    assert (ticket["state"], ticket["mint_address"]) == ("issued", f"mint-of-{ticket['ticket_id']}")
    balance = (await client.get(f"/api/v1/venues/{show['venue_id']}/balance")).json()
    split = {"pending_minor": 2000, "available_minor": 0, "reserved_minor": 0, "paid_out_minor": 0}
    assert balance["balances"] == [{"currency": "eur", "balance_minor": 2000, **split}]
    floor = (await client.get(f"/api/v1/shows/{show['show_id']}")).json()["ticket_types"][0]
    assert (floor["held"], floor["sold"], floor["available"]) == (0, 2, 3)
    verified = (await client.get(f"/api/v1/tickets/{ticket['ticket_id']}/verify")).json()
    assert (verified["valid"], verified["on_chain"]) == (True, False)
    name = (await client.get(f"/api/v1/tickets/{ticket['ticket_id']}")).json()["public_name"]
    metadata = (await client.get(f"/metadata/ticket/{name}.json")).json()
    assert metadata["description"] == "One floor ticket for Night."
    assert not any(secret in str(metadata) for secret in (purchase_id, ticket["ticket_id"]))
    assert (await client.get(f"/metadata/ticket/{ticket['ticket_id']}.json")).status_code == 404
    world.chain_is_away = True
    assert (await client.get(f"/api/v1/tickets/{ticket['ticket_id']}/verify")).status_code == 503


@pytest.mark.parametrize(("requested", "given"), [(None, 600), (60, 60), (3000, 600)])
async def test_a_buyer_may_shorten_the_hold_and_not_lengthen_it(
    client: httpx.AsyncClient, show: dict[str, Any], requested: int | None, given: int
) -> None:
    """A request may shorten the show's hold, not lengthen it."""
    answer = await client.post(PURCHASES, json=wanting(show, hold_seconds=requested), headers=key("a"))
    assert datetime.fromisoformat(answer.json()["expires_at"]) == datetime(2026, 1, 1, tzinfo=UTC) + timedelta(
        seconds=given
    )


async def test_a_read_right_after_a_write_is_not_answered_with_404(
    client: httpx.AsyncClient, show: dict[str, Any], world: ApiWorld
) -> None:
    """A read waits for a purchase that the read models do not have yet, also without `after`."""
    world.reads.behind = True
    found = (await client.post(PURCHASES, json=wanting(show), headers=key("a"))).json()
    asyncio.get_running_loop().call_later(0.05, setattr, world.reads, "behind", False)  # noqa: FBT003
    assert (await client.get(f"{PURCHASES}/{found['purchase_id']}")).status_code == 200


async def test_a_named_buyer_meets_the_shows_limit(
    client: httpx.AsyncClient, show: dict[str, Any], world: ApiWorld
) -> None:
    """The same e-mail address in any spelling is the same buyer; no event contains the address."""
    object.__setattr__(world.limits, "open_purchases_max", 1)
    one, two = ({"email": "Ann@example.org"}, {"email": " ann@Example.org"})
    assert (await client.post(PURCHASES, json=wanting(show, 1, buyer=one), headers=key("a"))).status_code == 201
    refused = await client.post(PURCHASES, json=wanting(show, 1, buyer=two), headers=key("b"))
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:boxoffice:problem:buyer-limit")
    other = await client.post(PURCHASES, json=wanting(show, 1, buyer={"wallet": WALLET}), headers=key("c"))
    assert other.status_code == 201
    assert "example.org" not in repr([vars(event) for event in world.store.log]).casefold()


async def test_a_purchase_that_takes_its_money_is_not_woken_by_the_news_of_it(
    client: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any]
) -> None:
    """A payment's success is signalled to a purchase that waits for it, not to one that captures it itself."""
    for name, signals in (("waits", 1), ("takes", 0)):
        purchase_id = (await client.post(PURCHASES, json=wanting(show), headers=key(name))).json()["purchase_id"]
        if name == "takes":
            purchase = PurchaseRef(tenant_id="default", purchase_id=purchase_id, attempt=1)
            await SalesActivities(world.store).confirm_seats(purchase)
        event = {
            "id": f"evt_{name}",
            "type": "payment_intent.succeeded",
            "intent": f"pi_{purchase_id}",
            "purchase": purchase_id,
        }
        answer = await client.post("/webhooks/stripe", json=event, headers={"Stripe-Signature": "genuine"})
        assert answer.status_code == httpx.codes.OK
        assert world.engine.told.count(("look_again", purchase_id)) == signals
    assert world.inbox.marked == {"evt_waits", "evt_takes"}
