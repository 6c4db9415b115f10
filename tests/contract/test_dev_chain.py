"""What the dev chain promises: it forgets nothing, enforces what a cluster enforces, and fails on demand."""

import base64
import json
import struct
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction
from websockets.sync.client import connect

from adapters.solana.chain import SolanaTokenChain
from domain.tickets.token import TokenSpec
from tests.contract.dev_chain import FEE, SOL, DevChain, balance, pay, send, sign_for, status

_MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
_TOKEN_2022 = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevChain]:
    chain = DevChain(tmp_path_factory.mktemp("chain") / "chain.sqlite")
    chain.start()
    yield chain
    chain.close()


@pytest.fixture
def chain(shared: DevChain) -> Iterator[DevChain]:
    yield shared
    shared.faults()


@pytest.fixture
def payer(chain: DevChain) -> Keypair:
    key = Keypair()
    chain.result("requestAirdrop", str(key.pubkey()), SOL)
    return key


def test_the_same_transaction_lands_once(chain: DevChain, payer: Keypair) -> None:
    """A repeat is AlreadyProcessed with preflight, silent without it, and never executed."""
    friend = Keypair().pubkey()
    transaction = sign_for(chain, payer, pay(payer, friend, 5_000_000))
    assert "result" in send(chain, transaction)
    assert send(chain, transaction)["result"] == str(transaction.signatures[0])
    error = send(chain, transaction, skipPreflight=False)["error"]
    assert (error["code"], error["data"]["err"]) == (-32002, "AlreadyProcessed")
    assert balance(chain, friend) == 5_000_000


def test_a_blockhash_expires(chain: DevChain, payer: Keypair) -> None:
    """A transaction lands up to its last valid block height and not after it."""
    friend = Keypair().pubkey()
    latest = chain.result("getLatestBlockhash", {"commitment": "processed"})
    assert latest["value"]["lastValidBlockHeight"] == latest["context"]["slot"] + 150
    late = sign_for(chain, payer, pay(payer, friend, 5_000_000))
    chain.faults(jump_slots=160)
    assert chain.result("getBlockHeight") > latest["value"]["lastValidBlockHeight"]
    assert send(chain, late)["result"] == str(late.signatures[0])
    assert "Blockhash not found" in send(chain, late, skipPreflight=False)["error"]["message"]
    assert status(chain, late) is None
    assert balance(chain, friend) == 0


def test_a_blockhash_that_is_still_young_survives_a_jump(chain: DevChain, payer: Keypair) -> None:
    """Within 150 slots the old blockhash is as good as a new one."""
    friend = Keypair().pubkey()
    transaction = sign_for(chain, payer, pay(payer, friend, 5_000_000))
    chain.faults(jump_slots=60)
    send(chain, transaction)
    assert balance(chain, friend) == 5_000_000


def test_a_dropped_send_is_accepted_and_never_executed(chain: DevChain, payer: Keypair) -> None:
    """The fault switch drops as many sends as it says; the same bytes land afterwards."""
    transaction = sign_for(chain, payer, pay(payer, Keypair().pubkey(), 5_000_000))
    chain.faults(drop_sends=1)
    assert send(chain, transaction)["result"] == str(transaction.signatures[0])
    assert status(chain, transaction) is None
    send(chain, transaction)
    assert status(chain, transaction) is not None


def test_a_lost_answer_leaves_a_landed_transaction(chain: DevChain, payer: Keypair) -> None:
    """The sender gets an error of the network while the transaction has landed."""
    transaction = sign_for(chain, payer, pay(payer, Keypair().pubkey(), 5_000_000))
    chain.faults(lose_answers=1)
    assert send(chain, transaction)["status"] == 503
    assert status(chain, transaction) is not None


def test_a_rejected_send_has_no_effect(chain: DevChain, payer: Keypair) -> None:
    """The node answers that it is behind and does nothing."""
    transaction = sign_for(chain, payer, pay(payer, Keypair().pubkey(), 5_000_000))
    chain.faults(reject_sends=1)
    assert send(chain, transaction)["error"]["code"] == -32005
    assert status(chain, transaction) is None


def test_an_oversize_transaction_is_refused(chain: DevChain, payer: Keypair) -> None:
    """Nothing above 1,232 bytes is taken, neither to send nor to simulate."""
    transaction = sign_for(chain, payer, Instruction(_MEMO, b"x" * 1_100, []))
    assert len(bytes(transaction)) > 1_232
    assert "too large" in send(chain, transaction)["error"]["message"]
    wire = base64.b64encode(bytes(transaction)).decode()
    assert "too large" in chain.call("simulateTransaction", wire, {"encoding": "base64"})["error"]["message"]


def test_a_forged_signature_is_refused(chain: DevChain, payer: Keypair) -> None:
    """A transaction counts only with the signatures that it needs."""
    message = sign_for(chain, payer, pay(payer, Keypair().pubkey(), 5_000_000)).message
    forged = VersionedTransaction.populate(message, [Signature.default()])
    assert send(chain, forged)["error"]["code"] == -32003


def test_simulation_needs_no_signature_and_changes_nothing(chain: DevChain, payer: Keypair) -> None:
    """Unsigned bytes can be simulated, unless the caller asks for the signatures to be checked."""
    friend = Keypair().pubkey()
    message = sign_for(chain, payer, pay(payer, friend, 5_000_000)).message
    wire = base64.b64encode(bytes(VersionedTransaction.populate(message, [Signature.default()]))).decode()
    loose = chain.result("simulateTransaction", wire, {"encoding": "base64"})["value"]
    assert (loose["err"], loose["unitsConsumed"]) == (None, 150)
    strict = chain.result("simulateTransaction", wire, {"encoding": "base64", "sigVerify": True})["value"]
    assert strict["err"] == "SignatureFailure"
    assert balance(chain, friend) == 0


def test_confirmation_rises_with_the_slots(chain: DevChain, payer: Keypair) -> None:
    """A landed transaction is processed, then confirmed, then finalized."""
    transaction = sign_for(chain, payer, pay(payer, Keypair().pubkey(), 5_000_000))
    send(chain, transaction)
    seen: list[str] = []
    while "finalized" not in seen:
        found = status(chain, transaction)
        assert found is not None
        seen.append(found["confirmationStatus"])
        time.sleep(0.01)
    order = ["processed", "confirmed", "finalized"]
    assert [order.index(level) for level in seen] == sorted(order.index(level) for level in seen)
    assert "confirmed" in seen


def test_history_and_transactions_can_be_read(chain: DevChain, payer: Keypair) -> None:
    """A wallet's signatures are listed newest first, also for a client that sends `limit: null`."""
    friend = Keypair().pubkey()
    sent = [sign_for(chain, payer, pay(payer, friend, 5_000_000 + number)) for number in range(3)]
    for transaction in sent:
        send(chain, transaction)
    listed = chain.result("getSignaturesForAddress", str(friend), {"limit": None})
    assert [one["signature"] for one in listed] == [str(one.signatures[0]) for one in reversed(sent)]
    older = {"before": listed[0]["signature"], "limit": 1}
    page = chain.result("getSignaturesForAddress", str(friend), older)
    assert [one["signature"] for one in page] == [listed[1]["signature"]]
    for encoding in ("base64", "jsonParsed"):
        wanted = {"commitment": "processed", "encoding": encoding}
        assert chain.result("getTransaction", str(sent[0].signatures[0]), wanted)["meta"]["err"] is None
    wanted = {"commitment": "processed", "encoding": "json", "maxSupportedTransactionVersion": 0}
    read = chain.result("getTransaction", str(sent[0].signatures[0]), wanted)
    assert read["meta"]["fee"] == FEE
    assert read["meta"]["postBalances"][read["transaction"]["message"]["accountKeys"].index(str(friend))] == 5_000_000


def test_wrong_calls_get_protocol_errors(chain: DevChain) -> None:
    """An unknown method, bad parameters and bad JSON are answered, each with its own code."""
    assert chain.call("noSuchMethod")["error"]["code"] == -32601
    assert chain.call("getBalance", "0OIl")["error"]["code"] == -32602
    assert chain.call("getBalance")["error"]["code"] == -32602
    assert httpx.post(chain.url, content=b"{").json()["error"]["code"] == -32700


@pytest.mark.parametrize("second_port", [True, False])
def test_the_web_socket_tells_of_slots_and_signatures(chain: DevChain, payer: Keypair, *, second_port: bool) -> None:
    """Both ports take subscriptions; a signature is told once it has reached the level."""
    transaction = sign_for(chain, payer, pay(payer, Keypair().pubkey(), 5_000_000))
    port = chain.ws_port if second_port else chain.port
    with connect(f"ws://127.0.0.1:{port}/") as socket:
        wanted = [str(transaction.signatures[0]), {"commitment": "confirmed"}]
        for number, (method, params) in enumerate([("slotSubscribe", []), ("signatureSubscribe", wanted)]):
            socket.send(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}))
        send(chain, transaction)
        heard: dict[str, Any] = {}
        while not {"slotNotification", "signatureNotification"} <= heard.keys():
            news = json.loads(socket.recv(timeout=10))
            heard[news.get("method", "answer")] = news
    assert heard["signatureNotification"]["params"]["result"]["value"] == {"err": None}
    assert heard["slotNotification"]["params"]["result"]["slot"] > 0


async def test_a_plain_client_reads_a_minted_ticket(chain: DevChain) -> None:
    """Without our own decoder: the mint belongs to Token-2022 and the owner's one token account holds one."""
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
        await solana.send(await solana.sign(spec))
    await solana.close()

    mint = solana.address_of("ticket", "t")
    account = chain.result("getAccountInfo", mint, {"encoding": "base64"})["value"]
    contents = base64.b64decode(account["data"][0])
    assert account["owner"] == _TOKEN_2022
    assert struct.unpack_from("<Q", contents, 36) == (1,)
    assert b"ipfs://t" in contents
    held = chain.result("getTokenAccountsByOwner", owner, {"mint": mint}, {"encoding": "base64"})["value"]
    assert len(held) == 1
    assert struct.unpack_from("<Q", base64.b64decode(held[0]["account"]["data"][0]), 64) == (1,)
