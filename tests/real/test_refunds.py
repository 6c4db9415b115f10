"""Refunds on the whole real stack: tickets void, tokens burnt on chain, Stripe and books agree."""

import asyncio
import base64
from typing import Any

import httpx
import pytest
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from activities.core.acts import PAY_BY_HAND, RETRY_NOW
from adapters.solana.instructions import TOKEN_2022, associated_account, burn_one, create_associated
from adapters.solana.mint_layout import decode_mint
from tests.fakes.evidence import require_invariants
from tests.fakes.operator import operate_in
from tests.real.shop import Shop

pytestmark = pytest.mark.real


async def sold(shop: Shop, key: str, quantity: int = 2, card: str = "pm_card_visa", **more: Any) -> Any:
    """Buy and wait for the end."""
    body = (await shop.buy(key, quantity, **more)).json()
    assert await shop.pay(body["client_secret"], card) == httpx.codes.OK
    ended = await shop.ended(body["purchase_id"])
    assert ended["state"] == "fulfilled"
    return ended


async def account(shop: Shop, address: str) -> bytes:
    """Read a mint from the chain."""
    call = {"jsonrpc": "2.0", "id": 1, "method": "getAccountInfo", "params": [address, {"encoding": "base64"}]}
    answer = await shop.http.post(shop.stack.urls["solana_rpc"], json=call)
    return base64.b64decode(answer.json()["result"]["value"]["data"][0])


async def supply(shop: Shop, address: str) -> int:
    """Read a token's supply from the chain."""
    return int.from_bytes((await account(shop, address))[36:44], "little")


async def sizes(shop: Shop, address: str) -> tuple[int | None, int | None]:
    """Read a group's size and maximum size from the chain."""
    mint = decode_mint(await account(shop, address))
    assert mint is not None
    return mint.group_sizes()


async def test_refunds_whole_and_by_ticket(shop: Shop) -> None:
    """A purchase is refunded in full, another by one ticket: void, burnt on chain, refunded by Stripe, in the books."""
    await shop.open()
    whole, part = await sold(shop, "refund-whole"), await sold(shop, "refund-part")
    ticket_id = part["tickets"][0]["ticket_id"]
    decided = [
        (whole["purchase_id"], await shop.refund(whole["purchase_id"], "r1"), 2208),
        (part["purchase_id"], await shop.refund(part["purchase_id"], "r2", ticket_ids=[ticket_id]), 1104),
    ]
    for purchase_id, answer, amount in decided:
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        assert answer.json()["amount_minor"] == amount
        seen = await shop.refunded(purchase_id, answer.json()["refund_id"])
        assert [(ticket["state"], ticket["token"]) for ticket in seen["tickets"]] == [("void", "burnt")] * (
            amount // 1104
        )
        for ticket in seen["tickets"]:
            assert await supply(shop, ticket["mint_address"]) == 0
        assert (await shop.stripe(f"/v1/refunds/{seen['stripe_refund_id']}"))["status"] == "succeeded"
    await shop.caught_up()
    assert (await shop.purchase(whole["purchase_id"]))["refund_state"] == "refunded"
    assert (await shop.purchase(part["purchase_id"]))["refund_state"] == "partly-refunded"
    receipt = await shop.get(f"/api/v1/purchases/{part['purchase_id']}/receipt")
    assert receipt["refunded_minor"] == 1104
    verified = await shop.get(f"/api/v1/tickets/{ticket_id}/verify")
    assert (verified["valid"], verified["on_chain"]) == (False, False)
    await shop.check_sums([whole["purchase_id"], part["purchase_id"]])


async def test_each_ticket_its_price(shop: Shop) -> None:
    """Three tickets of 10.00 are 10.00 each although no fee divides; the last amount voids what it pays back."""
    fixed = [{"currency": "eur", "platform_minor": 25, "processing_minor": 35}]
    await shop.open(rates={"platform_bps": 0, "processing_bps": 0, "fees": "absorbed", "fixed_fees": fixed})
    one = await sold(shop, "ticket-prices", 3)
    purchase_id, names = one["purchase_id"], [ticket["ticket_id"] for ticket in one["tickets"]]
    asked: list[dict[str, Any]] = [{"ticket_ids": [names[1]]}, {"amount_minor": 400}, {"amount_minor": 1600}]
    for number, wanted in enumerate(asked):
        decided = (await shop.refund(purchase_id, f"p{number}", **wanted)).json()
        assert decided["amount_minor"] == wanted.get("amount_minor", 1000)
        seen = await shop.refunded(purchase_id, decided["refund_id"])
    assert sorted(ticket["ticket_id"] for ticket in seen["tickets"]) == sorted([names[0], names[2]])
    assert [(ticket["state"], ticket["token"]) for ticket in seen["tickets"]] == [("void", "burnt")] * 2
    assert (await shop.refund(purchase_id, "p3", amount_minor=1)).json()["type"].endswith("refund-exceeds")
    await shop.check_sums([purchase_id])


async def test_a_refund_is_asked_twice_and_refused_beyond_the_rest(shop: Shop) -> None:
    """The same key returns the same refund; too large an amount, a foreign ticket and a used one are refused."""
    await shop.open()
    first, other = await sold(shop, "refund-twice"), await sold(shop, "refund-other", 1)
    purchase_id, ticket_ids = first["purchase_id"], [ticket["ticket_id"] for ticket in first["tickets"]]
    one = await shop.refund(purchase_id, "t1", amount_minor=1000)
    again = (await shop.refund(purchase_id, "t1", amount_minor=1000)).json()
    assert (again["refund_id"], again["amount_minor"]) == (one.json()["refund_id"], 1000)
    (await shop.post(f"/internal/tickets/{ticket_ids[0]}/redeem", {})).raise_for_status()
    refusals = [
        (await shop.refund(purchase_id, "t1", amount_minor=999), 409, "idempotency-key-reused"),
        (await shop.refund(purchase_id, "t2", amount_minor=1209), 409, "refund-exceeds"),
        (await shop.refund(purchase_id, "t3", ticket_ids=[other["tickets"][0]["ticket_id"]]), 404, "not-found"),
        (await shop.refund(purchase_id, "t4", ticket_ids=ticket_ids[:1]), 409, "ticket-redeemed"),
        (await shop.refund(purchase_id, "t5", ticket_ids=ticket_ids, amount_minor=1), 422, "invalid-request"),
    ]
    for answer, status, code in refusals:
        assert answer.status_code == status, answer.text
        assert answer.json()["type"].endswith(code)
    forced = await shop.refund(purchase_id, "t6", even_redeemed=True)
    assert forced.json()["amount_minor"] == 1208
    for answer in (one, forced):
        await shop.refunded(purchase_id, answer.json()["refund_id"])
    await shop.check_sums([purchase_id, other["purchase_id"]])


async def turned(shop: Shop, purchase_id: str, state: str) -> Any:
    """Wait until the only refund of a purchase is in a state."""
    return await shop.until(purchase_id, lambda now: [one["state"] for one in now["refunds"]] == [state], 60)


async def finish(shop: Shop, purchase_id: str, outcome: str) -> None:
    """Let the bank decide about the only refund of a purchase."""
    (refund,) = (await shop.purchase(purchase_id))["refunds"]
    await shop.emulate(f"refunds/{refund['stripe_refund_id']}/finish", outcome=outcome)


@pytest.mark.nightly
async def test_a_pending_and_a_failed_refund(shop: Shop) -> None:
    """A pending refund is not done; an operator retries one that failed, before or after it had succeeded."""
    await shop.open()
    slow = await sold(shop, "refund-slow", 1, "pm_card_pendingRefund")
    decided = (await shop.refund(slow["purchase_id"], "s1")).json()
    handle = (await shop.engine()).get_workflow_handle(f"refund/{decided['refund_id']}")
    await turned(shop, slow["purchase_id"], "pending")
    await finish(shop, slow["purchase_id"], "fail")
    failed = await turned(shop, slow["purchase_id"], "failed")
    assert (failed["refund_state"], bool(failed["refunds"][0]["failure"])) == ("refunding", True)
    await operate_in(handle, RETRY_NOW, "failed")
    await turned(shop, slow["purchase_id"], "pending")
    await finish(shop, slow["purchase_id"], "succeed")
    await shop.refunded(slow["purchase_id"], decided["refund_id"])
    await handle.result()
    await finish(shop, slow["purchase_id"], "fail")
    await turned(shop, slow["purchase_id"], "failed")
    await operate_in((await shop.engine()).get_workflow_handle(f"refund/{decided['refund_id']}"), RETRY_NOW, "failed")
    await turned(shop, slow["purchase_id"], "pending")
    await finish(shop, slow["purchase_id"], "succeed")
    await shop.refunded(slow["purchase_id"], decided["refund_id"])
    await shop.check_sums([slow["purchase_id"]])


@pytest.mark.nightly
async def test_a_failed_refund_that_a_person_makes_in_the_dashboard(shop: Shop) -> None:
    """It takes the place of ours: the same tickets, and nothing is given back twice when an operator tries again."""
    await shop.open()
    body = await sold(shop, "refund-elsewhere", 2, "pm_card_pendingRefund")
    purchase_id, ticket_id = body["purchase_id"], body["tickets"][0]["ticket_id"]
    decided = (await shop.refund(purchase_id, "e1", ticket_ids=[ticket_id])).json()
    await turned(shop, purchase_id, "pending")
    await finish(shop, purchase_id, "fail")
    await turned(shop, purchase_id, "failed")
    path = f"charges/{body['payment']['charge_id']}/refund_in_dashboard"
    made = await shop.emulate(path, amount=decided["amount_minor"])
    handle = (await shop.engine()).get_workflow_handle(f"refund/{decided['refund_id']}")
    await turned(shop, purchase_id, "pending")  # it looks by itself, and nothing but the bank ends that stage
    await operate_in(handle, RETRY_NOW, "pending")
    await finish(shop, purchase_id, "succeed")
    ended = await shop.refunded(purchase_id, decided["refund_id"])
    assert (ended["stripe_refund_id"], ended["ticket_ids"]) == (made["id"], [ticket_id])
    await handle.result()
    await shop.check_sums([purchase_id])
    assert [one["state"] for one in (await shop.purchase(purchase_id))["tickets"]].count("void") == 1


async def test_a_refund_that_is_paid_by_hand(shop: Shop) -> None:
    """After a dispute Stripe refuses the refund of the rest, and an operator records that it was paid by hand."""
    await shop.open()
    body = await sold(shop, "refund-by-hand", 1)
    purchase_id, intent_id = body["purchase_id"], body["payment"]["intent_id"]
    charge_id = (await shop.stripe(f"/v1/payment_intents/{intent_id}"))["latest_charge"]
    dispute = await shop.emulate(f"charges/{charge_id}/dispute", amount=552)
    await shop.until(purchase_id, lambda seen: any(line["event"] == "dispute.opened" for line in seen["timeline"]), 60)
    await shop.emulate(f"disputes/{dispute['id']}/finish", outcome="lost")
    await shop.until(purchase_id, lambda seen: any(line["event"] == "dispute.lost" for line in seen["timeline"]), 60)
    decided = (await shop.refund(purchase_id, "h1")).json()
    assert decided["amount_minor"] == 552
    assert (await turned(shop, purchase_id, "failed"))["refunds"][0]["failure"] == "charge_disputed"
    handle = (await shop.engine()).get_workflow_handle(f"refund/{decided['refund_id']}")
    await operate_in(handle, PAY_BY_HAND, "failed", reference="bank transfer 7")
    ended = await shop.refunded(purchase_id, decided["refund_id"])
    assert ended["paid_by_hand"] == "bank transfer 7"
    await handle.result()
    require_invariants((await shop.at_rest({purchase_id})).findings)


async def test_a_refunded_seat_is_sold_again(shop: Shop) -> None:
    """In a sold-out show that resells, another buyer gets the seat of a burnt ticket, minted in the same group."""
    await shop.open(capacity=2, resell_refunded=True)
    first = await sold(shop, "resale-first")
    assert (await shop.buy("resale-too-early", 1)).json()["type"].endswith("sold-out")
    ticket_id = first["tickets"][0]["ticket_id"]
    decided = (await shop.refund(first["purchase_id"], "resale", ticket_ids=[ticket_id])).json()
    await (await shop.engine()).get_workflow_handle(f"refund/{decided['refund_id']}").result()
    (seat,) = (await shop.show())["ticket_types"]
    assert (seat["capacity"], seat["sold"], seat["available"]) == (2, 1, 1)
    told = (await shop.purchase(first["purchase_id"]))["timeline"]
    assert "allocation.seats-restocked" in [line["event"] for line in told]
    second = await sold(shop, "resale-second", 1)
    minted = second["tickets"][0]["mint_address"]
    assert await supply(shop, minted) == 1
    verified = await shop.get(f"/api/v1/tickets/{second['tickets'][0]['ticket_id']}/verify")
    assert (verified["valid"], verified["on_chain"]) == (True, True)
    group = (await shop.show())["mint_address"]
    assert await sizes(shop, group) == (3, 3)  # one of them burnt: the chain never forgets a member
    assert await supply(shop, first["tickets"][0]["mint_address"]) == 0
    await shop.check_sums([first["purchase_id"], second["purchase_id"]])


async def test_tokens_that_their_holder_burnt_or_gave_away(shop: Shop) -> None:
    """The sale stays whole, the door is told, and the refund burns the token where it is now."""
    await shop.open()
    ann, bob = Keypair(), Keypair()
    ended = await sold(shop, "refund-moved", 2, buyer={"wallet": str(ann.pubkey())})
    burnt, moved = ended["tickets"]
    await rpc(shop, "requestAirdrop", str(ann.pubkey()), 10**9)
    await send_as(shop, ann, burn_one(*held_by(ann, burnt), ann.pubkey()))
    mint, account_of_ann = held_by(ann, moved)
    _, account_of_bob = held_by(bob, moved)
    give = Instruction(
        TOKEN_2022,
        bytes([12]) + (1).to_bytes(8, "little") + bytes([0]),
        [
            AccountMeta(account_of_ann, is_signer=False, is_writable=True),
            AccountMeta(mint, is_signer=False, is_writable=False),
            AccountMeta(account_of_bob, is_signer=False, is_writable=True),
            AccountMeta(ann.pubkey(), is_signer=True, is_writable=False),
        ],
    )
    await send_as(shop, ann, create_associated(ann.pubkey(), bob.pubkey(), mint), give)
    found = [await shop.get(f"/api/v1/tickets/{ticket['ticket_id']}/verify") for ticket in (burnt, moved)]
    assert [(one["valid"], one["on_chain"], one["token_holding"]) for one in found] == [
        (True, False, "burnt"),
        (True, True, "held-elsewhere"),
    ]
    by_token = await shop.http.post("/api/v1/verifications", json={"mint_address": burnt["mint_address"]})
    assert (by_token.json()["state"], by_token.json()["valid"]) == ("issued", False)
    await shop.check_sums([ended["purchase_id"]])
    refund = (await shop.refund(ended["purchase_id"], "moved")).json()
    seen = await shop.refunded(ended["purchase_id"], refund["refund_id"])
    assert [(ticket["state"], ticket["token"]) for ticket in seen["tickets"]] == [("void", "burnt")] * 2
    assert [await supply(shop, ticket["mint_address"]) for ticket in (burnt, moved)] == [0, 0]
    await shop.check_sums([ended["purchase_id"]])


def held_by(owner: Keypair, ticket: dict[str, Any]) -> tuple[Pubkey, Pubkey]:
    """Return a ticket's mint, and the account in which an owner holds it."""
    mint = Pubkey.from_string(ticket["mint_address"])
    return mint, associated_account(owner.pubkey(), mint)


async def rpc(shop: Shop, method: str, *params: Any) -> Any:
    """Call the chain."""
    call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    return (await shop.http.post(shop.stack.urls["solana_rpc"], json=call)).json()["result"]


async def send_as(shop: Shop, payer: Keypair, *instructions: Instruction) -> None:
    """Send instructions that a holder signs, and wait until they are final."""
    latest = Hash.from_string((await rpc(shop, "getLatestBlockhash"))["value"]["blockhash"])
    message = Message.new_with_blockhash(list(instructions), payer.pubkey(), latest)
    wire = base64.b64encode(bytes(VersionedTransaction(message, [payer]))).decode()
    signature = await rpc(shop, "sendTransaction", wire, {"encoding": "base64"})
    while True:
        (status,) = (await rpc(shop, "getSignatureStatuses", [signature]))["value"]
        if status is not None and status["confirmationStatus"] == "finalized":
            assert status["err"] is None
            return
        await asyncio.sleep(0.05)
