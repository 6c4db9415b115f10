"""Sending and simulating: fault switches, packet size, signatures."""

import base64

from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from tests.devstack.chain.dev_chain import DevChain, balance, pay, send, sign_for, status

_MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
_TOKEN_2022 = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"


def test_a_dropped_send_is_accepted_and_never_executed(chain: DevChain, payer: Keypair) -> None:
    """The fault switch drops this number of sends; the same bytes land afterwards."""
    transaction = sign_for(chain, payer, pay(payer, Keypair().pubkey(), 5_000_000))
    chain.faults(drop_sends=1)
    assert send(chain, transaction)["result"] == str(transaction.signatures[0])
    assert status(chain, transaction) is None
    send(chain, transaction)
    assert status(chain, transaction) is not None


def test_a_lost_answer_leaves_a_landed_transaction(chain: DevChain, payer: Keypair) -> None:
    """The sender gets a network error although the transaction has landed."""
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
    """Transactions above 1,232 bytes are refused, by send and simulate."""
    transaction = sign_for(chain, payer, Instruction(_MEMO, b"x" * 1_100, []))
    assert len(bytes(transaction)) > 1_232
    assert "too large" in send(chain, transaction)["error"]["message"]
    wire = base64.b64encode(bytes(transaction)).decode()
    assert "too large" in chain.call("simulateTransaction", wire, {"encoding": "base64"})["error"]["message"]


def test_a_forged_signature_is_refused(chain: DevChain, payer: Keypair) -> None:
    """A transaction without its signatures is refused."""
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
