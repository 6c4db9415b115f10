"""Claims over HTTP: the buyer's token opens them, a wallet signs, and everybody else finds no ticket."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from solders.keypair import Keypair

from tests.api.routes.on_sale import PURCHASES, code, key, wanting
from tests.fakes.api_client import api_client, app_over
from tests.fakes.shop_world import ApiWorld

ANN, BOB = (Keypair.from_seed(bytes([number] * 32)) for number in (1, 2))


class Buyer:
    """The buyer of two tickets, without a key."""

    def __init__(self, http: httpx.AsyncClient, made: dict[str, Any], ticket_ids: list[str]) -> None:
        self.http = http
        self.made = made
        self.ticket_id, self.other_id = ticket_ids
        self.headers = {"Purchase-Token": made["purchase_token"]}

    async def challenge(self, wallet: Keypair = ANN, **headers: str) -> httpx.Response:
        path = f"/api/v1/tickets/{self.ticket_id}/claim-challenges"
        return await self.http.post(path, json={"wallet": str(wallet.pubkey())}, headers=headers or self.headers)

    async def body(self, wallet: Keypair = ANN) -> dict[str, Any]:
        made = (await self.challenge(wallet)).json()
        signature = str(wallet.sign_message(made["message"].encode()))
        return {"wallet": str(wallet.pubkey()), "nonce": made["nonce"], "signature": signature}

    async def claim(self, body: dict[str, Any], ticket_id: str = "", **headers: str) -> httpx.Response:
        path = f"/api/v1/tickets/{ticket_id or self.ticket_id}/claim"
        return await self.http.post(path, json=body, headers=headers or self.headers)


@pytest.fixture
async def buyer(client: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any]) -> AsyncIterator[Buyer]:
    made = (await client.post(PURCHASES, json=wanting(show), headers=key("a"))).json()
    await world.pay(made["purchase_id"])
    tickets = (await client.get(f"{PURCHASES}/{made['purchase_id']}/tickets")).json()["tickets"]
    async with api_client(app_over(world.deps()), key="", raise_app_exceptions=True) as http:
        yield Buyer(http, made, [one["ticket_id"] for one in tickets])


async def test_a_buyer_claims_a_ticket(buyer: Buyer, world: ApiWorld) -> None:
    """It is accepted, its workflow is started, and the ticket says so; the wallet is told by no answer."""
    answer = await buyer.claim(await buyer.body())
    assert (answer.status_code, answer.json()["claim"]) == (202, "requested")
    assert world.engine.told[-1] == ("start_claim", buyer.ticket_id)
    seen = await buyer.http.get(answer.headers["Location"], headers=buyer.headers)
    assert (seen.json()["claim"], seen.json()["generation"], seen.json()["stale"]) == ("requested", 0, False)
    history = await buyer.http.get(f"{PURCHASES}/{buyer.made['purchase_id']}", headers=buyer.headers)
    assert "ticket.claimed" in [line["event"] for line in history.json()["timeline"]]
    assert str(ANN.pubkey()) not in answer.text + seen.text + history.text


async def test_a_repeat_is_the_same_claim_and_another_wallet_is_refused(buyer: Buyer) -> None:
    """A ticket is claimed once; the answer to the second wallet names no person."""
    body, late = await buyer.body(), await buyer.body(BOB)
    assert [(await buyer.claim(body)).status_code for _ in range(2)] == [202, 202]
    assert code(await buyer.claim(late)) == (409, "already-claimed")
    assert code(await buyer.challenge(BOB)) == (409, "already-claimed")


async def test_a_signature_of_another_wallet_is_refused(buyer: Buyer) -> None:
    """The text must be signed by the wallet that it was made for, and for this ticket."""
    body = await buyer.body()
    foreign = {**body, "signature": str(BOB.sign_message(b"text"))}
    assert code(await buyer.claim(foreign)) == (422, "signature-invalid")
    assert code(await buyer.claim(body, buyer.other_id)) == (422, "signature-invalid")


async def test_without_the_purchases_token_there_is_no_ticket(buyer: Buyer, client: httpx.AsyncClient) -> None:
    """The token of another purchase, none at all, and an unknown ticket: the same answer."""
    body = await buyer.body()
    for headers in ({"Purchase-Token": "pt_" + "a" * 26}, {"X-Nothing": "1"}):
        assert (await buyer.challenge(ANN, **headers)).status_code == 404
        assert (await buyer.claim(body, **headers)).status_code == 404
    assert (await buyer.claim(body, "ti_unknown")).status_code == 404
    assert (await buyer.http.get(f"/api/v1/tickets/{buyer.ticket_id}")).status_code == 404
    assert (await client.get(f"/api/v1/tickets/{buyer.ticket_id}")).status_code == 200


async def test_an_address_that_cannot_sign_is_refused(buyer: Buyer) -> None:
    """A vault is told that it cannot sign."""
    path = f"/api/v1/tickets/{buyer.ticket_id}/claim-challenges"
    wallet = {"wallet": "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"}
    assert code(await buyer.http.post(path, json=wallet, headers=buyer.headers)) == (422, "invalid-wallet")
