"""Execution: one landing per transaction, blockhashes that expire, confirmation levels."""

import time

from solders.keypair import Keypair
from solders.pubkey import Pubkey

from tests.devstack.chain.dev_chain import NOW, DevChain, balance, pay, send, sign_for, status

_MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
_TOKEN_2022 = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"


def test_the_same_transaction_lands_once(chain: DevChain, payer: Keypair) -> None:
    """A repeated send is AlreadyProcessed with preflight, accepted without it, and never executed."""
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
    assert latest["value"]["lastValidBlockHeight"] - chain.result("getBlockHeight", NOW) in (149, 150)
    late = sign_for(chain, payer, pay(payer, friend, 5_000_000))
    chain.faults(jump_slots=160)
    assert chain.result("getBlockHeight") > latest["value"]["lastValidBlockHeight"]
    assert send(chain, late)["result"] == str(late.signatures[0])
    assert "Blockhash not found" in send(chain, late, skipPreflight=False)["error"]["message"]
    assert status(chain, late) is None
    assert balance(chain, friend) == 0


def test_a_blockhash_that_is_still_young_survives_a_jump(chain: DevChain, payer: Keypair) -> None:
    """A blockhash is usable for 150 slots."""
    friend = Keypair().pubkey()
    transaction = sign_for(chain, payer, pay(payer, friend, 5_000_000))
    chain.faults(jump_slots=60)
    send(chain, transaction)
    assert balance(chain, friend) == 5_000_000


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
