"""Reading: history, transactions, token accounts, protocol errors."""

import base64
import struct
import time

import httpx
import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from adapters.solana.chain import SolanaTokenChain
from devstack.chain.rpc.token_json import amount_json
from domain.tickets.token import TokenSpec
from tests.devstack.chain.dev_chain import FEE, NOW, SOL, DevChain, pay, send, sign_for

_MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
_TOKEN_2022 = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"


def test_history_and_transactions_can_be_read(chain: DevChain, payer: Keypair) -> None:
    """A wallet's signatures are listed newest first, for a client that sends `limit: null` too."""
    friend = Keypair().pubkey()
    sent = [sign_for(chain, payer, pay(payer, friend, 5_000_000 + number)) for number in range(3)]
    for transaction in sent:
        send(chain, transaction)
    listed = chain.result("getSignaturesForAddress", str(friend), {**NOW, "limit": None})
    assert [one["signature"] for one in listed] == [str(one.signatures[0]) for one in reversed(sent)]
    older = {**NOW, "before": listed[0]["signature"], "limit": 1}
    page = chain.result("getSignaturesForAddress", str(friend), older)
    assert [one["signature"] for one in page] == [listed[1]["signature"]]
    for encoding in ("base64", "jsonParsed"):
        wanted = {"commitment": "processed", "encoding": encoding}
        assert chain.result("getTransaction", str(sent[0].signatures[0]), wanted)["meta"]["err"] is None
    newest = {"commitment": "processed", "encoding": "json", "maxSupportedTransactionVersion": 0}
    read = chain.result("getTransaction", str(sent[0].signatures[0]), newest)
    assert read["meta"]["fee"] == FEE
    assert read["meta"]["postBalances"][read["transaction"]["message"]["accountKeys"].index(str(friend))] == 5_000_000


def test_a_block_has_its_time(chain: DevChain) -> None:
    """The newest slot begins now, and an earlier one before it."""
    slot = chain.result("getSlot", NOW)
    newest, earlier = chain.result("getBlockTime", slot), chain.result("getBlockTime", slot - 500)
    assert abs(time.time() - newest) < 5
    assert newest > earlier


def test_wrong_calls_get_protocol_errors(chain: DevChain) -> None:
    """An unknown method, bad parameters and bad JSON are answered, each with its own code."""
    assert chain.call("noSuchMethod")["error"]["code"] == -32601
    assert chain.call("getBalance", "0OIl")["error"]["code"] == -32602
    assert chain.call("getBalance")["error"]["code"] == -32602
    assert httpx.post(chain.url, content=b"{").json()["error"]["code"] == -32700


async def test_a_plain_client_reads_a_minted_ticket(chain: DevChain) -> None:
    """Read without our decoder: the mint belongs to Token-2022 and the owner's one token account holds one token."""
    owner = str(Keypair().pubkey())
    solana = SolanaTokenChain(chain.url, bytes(Keypair()), b"s", str(Keypair().pubkey()))
    chain.fund(solana.payer_address, SOL)
    venue = TokenSpec(kind="venue", subject_id="v", name="Hall", symbol="H", uri="ipfs://v", max_size=1)
    show = TokenSpec(
        kind="show",
        subject_id="s",
        name="Show",
        symbol="S",
        uri="ipfs://s",
        group_address=solana.address_of("venue", "v"),
        max_size=1,
    )
    ticket = TokenSpec(
        kind="ticket",
        subject_id="t",
        name="Ticket",
        symbol="T",
        uri="ipfs://t",
        group_address=solana.address_of("show", "s"),
        owner_address=owner,
    )
    for spec in (venue, show, ticket):
        signed = await solana.sign(spec)
        await solana.send(signed)
        while await solana.fate(signed.signature) == "processed":
            pass
    await solana.close()

    mint = solana.address_of("ticket", "t")
    account = chain.result("getAccountInfo", mint, {**NOW, "encoding": "base64"})["value"]
    contents = base64.b64decode(account["data"][0])
    assert account["owner"] == _TOKEN_2022
    assert struct.unpack_from("<Q", contents, 36) == (1,)
    assert b"ipfs://t" in contents
    held = chain.result("getTokenAccountsByOwner", owner, {"mint": mint}, {"encoding": "base64"})["value"]
    assert len(held) == 1
    assert struct.unpack_from("<Q", base64.b64decode(held[0]["account"]["data"][0]), 64) == (1,)

    _is_explained(chain, solana, owner)


def _is_explained(chain: DevChain, solana: SolanaTokenChain, owner: str) -> None:
    """Check what the node explains of the mint, of its group and of its holder's account."""
    mint, explained = solana.address_of("ticket", "t"), {**NOW, "encoding": "jsonParsed"}
    of_mint = chain.result("getAccountInfo", mint, explained)["value"]["data"]
    assert (of_mint["program"], of_mint["parsed"]["type"]) == ("spl-token-2022", "mint")
    info = of_mint["parsed"]["info"]
    assert (info["supply"], info["mintAuthority"], info["freezeAuthority"]) == ("1", None, None)
    states = {one["extension"]: one["state"] for one in info["extensions"]}
    assert states["permanentDelegate"] == {"delegate": solana.payer_address}
    assert states["metadataPointer"]["metadataAddress"] == mint == states["groupMemberPointer"]["memberAddress"]
    assert states["tokenGroupMember"] == {"mint": mint, "group": solana.address_of("show", "s"), "memberNumber": 1}
    assert [states["tokenMetadata"][name] for name in ("name", "symbol", "uri")] == ["Ticket", "T", "ipfs://t"]
    group = chain.result("getMultipleAccounts", [solana.address_of("show", "s")], explained)["value"][0]["data"]
    states = {one["extension"]: one["state"] for one in group["parsed"]["info"]["extensions"]}
    assert (states["tokenGroup"]["size"], states["tokenGroup"]["maxSize"]) == (1, 1)
    program = {"programId": _TOKEN_2022}
    [one] = chain.result("getTokenAccountsByOwner", owner, program, explained)["value"]
    assert one["account"]["data"]["parsed"]["info"] == {
        "mint": mint,
        "owner": owner,
        "state": "initialized",
        "isNative": False,
        "tokenAmount": {"amount": "1", "decimals": 0, "uiAmount": 1.0, "uiAmountString": "1"},
        "extensions": [{"extension": "immutableOwner"}],
    }


def test_an_account_that_is_no_token_is_not_explained(chain: DevChain, payer: Keypair) -> None:
    """As on nodes it is answered as base64."""
    explained = {**NOW, "encoding": "jsonParsed"}
    assert chain.result("getAccountInfo", str(payer.pubkey()), explained)["value"]["data"] == ["", "base64"]


@pytest.mark.parametrize(
    ("amount", "decimals", "text"), [(1, 0, "1"), (10, 1, "1"), (105, 2, "1.05"), (1, 9, "0.000000001")]
)
def test_an_amount_is_written_with_its_decimals(amount: int, decimals: int, text: str) -> None:
    """Exactly, without zeros at its end."""
    assert amount_json(amount, decimals)["uiAmountString"] == text
    assert amount_json(2**64 - 1, 9)["uiAmountString"] == "18446744073.709551615"
