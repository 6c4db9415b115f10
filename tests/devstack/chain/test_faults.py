"""Lag, limits, skipped slots, forks and levels of the dev chain."""

import base64
import time
from typing import Any

import httpx
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from devstack.chain.faults import ODD
from tests.devstack.chain.dev_chain import NOW, SKIP, DevChain, balance, pay, send, sign_for, status

AMOUNT = 5_000_000


def _balance(chain: DevChain, address: Pubkey, **options: Any) -> int:
    return int(chain.result("getBalance", str(address), options)["value"])


def _paid(chain: DevChain, payer: Keypair) -> Pubkey:
    friend = Keypair().pubkey()
    send(chain, sign_for(chain, payer, pay(payer, friend, AMOUNT)))
    return friend


def test_a_read_has_the_state_of_its_level(chain: DevChain, payer: Keypair) -> None:
    """An account is there at processed first, and at finalized last; its level never falls."""
    friend, levels = _paid(chain, payer), ("finalized", "confirmed", "processed")
    seen: list[list[int]] = []
    while not seen or seen[-1][0] == 0:
        seen.append([_balance(chain, friend, commitment=level) for level in levels])
    assert all(row == sorted(row) for row in seen)
    assert seen[0][0] == 0
    assert seen[-1] == [AMOUNT] * 3


def test_a_lagging_node_knows_nothing_new(chain: DevChain, payer: Keypair) -> None:
    """It knows neither account nor signature, and refuses a read of a slot that it has not reached; a send lands."""
    # Its blockhash is old, and not too old.
    chain.faults(lag_slots=100)
    friend = Keypair().pubkey()
    transaction = sign_for(chain, payer, pay(payer, friend, AMOUNT))
    slot = chain.result("getSlot", NOW)
    assert "result" in send(chain, transaction)
    assert (balance(chain, friend), status(chain, transaction)) == (0, None)
    refused = chain.call("getBalance", str(friend), {**NOW, "minContextSlot": slot + 90})["error"]
    assert refused["code"] == -32016
    chain.faults(lag_slots=100, lag_methods=["getBalance"])
    assert balance(chain, friend) == 0
    assert status(chain, transaction) is not None
    chain.faults()
    assert balance(chain, friend) == AMOUNT


def test_a_call_with_an_odd_answer_was_executed(chain: DevChain, payer: Keypair) -> None:
    """So many calls are answered with something else, a send among them; each kind has its turn."""
    friend = Keypair().pubkey()
    transaction = sign_for(chain, payer, pay(payer, friend, AMOUNT))
    body = {"jsonrpc": "2.0", "id": 1, "method": "getSlot", "params": []}
    chain.faults(odd_answers=len(ODD) + 1)
    wire = base64.b64encode(bytes(transaction)).decode()
    httpx.post(chain.url, json={**body, "method": "sendTransaction", "params": [wire, SKIP]})
    answers = [httpx.post(chain.url, json=body) for _ in ODD]
    assert {(answer.status_code, answer.text) for answer in answers} == set(ODD)
    assert balance(chain, friend) == AMOUNT


def test_height_and_slot_are_apart(chain: DevChain) -> None:
    """A skipped slot has no block; an epoch's information has both numbers."""
    info = chain.result("getEpochInfo", NOW)
    assert info["absoluteSlot"] > info["blockHeight"]
    chain.faults(skip_slots=1_000)
    later = chain.result("getEpochInfo", NOW)
    assert later["absoluteSlot"] - info["absoluteSlot"] >= 1_000
    assert later["blockHeight"] - info["blockHeight"] < 500


def test_a_fork_undoes_what_was_not_final(chain: DevChain, payer: Keypair) -> None:
    """The transaction never landed and may land again; what was final stays."""
    first = _paid(chain, payer)
    while _balance(chain, first, commitment="finalized") == 0:
        time.sleep(0.01)
    friend = Keypair().pubkey()
    transaction = sign_for(chain, payer, pay(payer, friend, AMOUNT))
    send(chain, transaction)
    chain.faults(fork_slots=3)
    assert (balance(chain, friend), status(chain, transaction)) == (0, None)
    assert balance(chain, first) == AMOUNT
    send(chain, transaction)
    assert balance(chain, friend) == AMOUNT


def test_the_past_survives_no_restart_but_the_heights_do(chain: DevChain) -> None:
    """Skipped slots are stored."""
    chain.faults(skip_slots=500)
    before = chain.result("getEpochInfo", NOW)
    chain.kill()
    chain.start()
    after = chain.result("getEpochInfo", NOW)
    apart = before["absoluteSlot"] - before["blockHeight"]
    assert after["absoluteSlot"] - after["blockHeight"] == apart


def test_a_limiting_node_counts_refused_calls(chain: DevChain) -> None:
    """Too many calls of a method get 429 with Retry-After, and each refused call prolongs the pause."""
    chain.faults(calls_per_second=3, pause_seconds=1)
    body = {"jsonrpc": "2.0", "id": 1, "method": "getSlot"}
    answers = [httpx.post(chain.url, json=body) for _ in range(5)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429, 429]
    assert answers[-1].headers["Retry-After"] == "1"
    assert chain.call("getVersion")["status"] == 200
    time.sleep(1.2)
    assert chain.call("getSlot")["status"] == 200


def test_token_balances_are_in_a_transaction(chain: DevChain, payer: Keypair) -> None:
    """A transfer of lamports has none."""
    friend = Keypair().pubkey()
    transaction = sign_for(chain, payer, pay(payer, friend, AMOUNT))
    send(chain, transaction)
    read = chain.result("getTransaction", str(transaction.signatures[0]), {**NOW, "encoding": "base64"})
    assert base64.b64decode(read["transaction"][0]) == bytes(transaction)
    assert (read["meta"]["preTokenBalances"], read["meta"]["postTokenBalances"]) == ([], [])


def test_an_index_can_be_refused(chain: DevChain) -> None:
    """As public nodes do for the token programs."""
    chain.faults(refuse_indexes=True)
    assert chain.call("getTokenLargestAccounts", str(Pubkey.default()))["error"]["code"] == -32010
