"""Every answer of a node is a result of the type asked for, or a transient error: each call with each odd answer."""

import ast
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

import adapters.solana
from adapters.solana.rpc.answers import HttpAnswer, parse
from adapters.solana.rpc.client import NO_LIMITS, NodeClient
from adapters.solana.rpc.node import NodeConfig
from adapters.solana.rpc.pool import NodePool
from domain.core.transient import TransientError
from tests.adapters.solana.odd_node import OddNode, error, odd_node, reply

KEY, SIGNATURE = Pubkey.default(), Signature.default()
TRANSACTION = VersionedTransaction(
    MessageV0.try_compile((PAYER := Keypair()).pubkey(), [], [], Hash.default()), [PAYER]
)
CONTEXT = {"slot": 1}
ACCOUNT = {"lamports": 1, "data": ["", "base64"], "owner": str(KEY), "executable": False, "rentEpoch": 0, "space": 0}

# Each call of the code: how it is made, the method whose answer is odd, and a good answer.
CALLS: dict[str, tuple[Callable[[NodeClient], Awaitable[Any]], str, Any]] = {
    "get_account_info": (lambda c: c.get_account_info(KEY), "getAccountInfo", {"context": CONTEXT, "value": None}),
    "get_balance": (lambda c: c.get_balance(KEY), "getBalance", {"context": CONTEXT, "value": 1}),
    "get_genesis_hash": (lambda c: c.get_genesis_hash(), "getGenesisHash", str(Hash.default())),
    "get_recent_prioritization_fees": (
        lambda c: c.get_recent_prioritization_fees([KEY]),
        "getRecentPrioritizationFees",
        [{"slot": 1, "prioritizationFee": 0}],
    ),
    "get_latest_blockhash": (
        lambda c: c.get_latest_blockhash(),
        "getLatestBlockhash",
        {"context": CONTEXT, "value": {"blockhash": str(Hash.default()), "lastValidBlockHeight": 1}},
    ),
    "get_minimum_balance_for_rent_exemption": (
        lambda c: c.get_minimum_balance_for_rent_exemption(1),
        "getMinimumBalanceForRentExemption",
        1,
    ),
    "get_multiple_accounts": (
        lambda c: c.get_multiple_accounts([KEY, KEY]),
        "getMultipleAccounts",
        {"context": CONTEXT, "value": [None, ACCOUNT]},
    ),
    "get_signature_statuses": (
        lambda c: c.get_signature_statuses([SIGNATURE, SIGNATURE], search_transaction_history=True),
        "getSignatureStatuses",
        {"context": CONTEXT, "value": [None, None]},
    ),
    "get_signatures_for_address": (lambda c: c.get_signatures_for_address(KEY), "getSignaturesForAddress", []),
    "get_transaction": (lambda c: c.get_transaction(SIGNATURE, "base64"), "getTransaction", None),
    "read_mint": (lambda c: c.read_mint(str(KEY)), "getAccountInfo", {"context": CONTEXT, "value": None}),
    "send_raw_transaction": (
        lambda c: c.send_raw_transaction(bytes(TRANSACTION)),
        "sendTransaction",
        str(SIGNATURE),
    ),
    "simulate_transaction": (
        lambda c: c.simulate_transaction(TRANSACTION),
        "simulateTransaction",
        {"context": CONTEXT, "value": {"err": None, "logs": [], "accounts": None, "unitsConsumed": 1}},
    ),
    "finality": (
        lambda c: c.finality([SIGNATURE]),
        "getSignatureStatuses",
        {"context": CONTEXT, "value": [None]},
    ),
    "finalized_slot": (
        lambda c: c.finalized_slot(),
        "getEpochInfo",
        {"absoluteSlot": 1, "blockHeight": 1, "epoch": 0, "slotIndex": 1, "slotsInEpoch": 9, "transactionCount": None},
    ),
    "finalized_accounts": (
        lambda c: c.finalized_accounts([KEY], 1),
        "getMultipleAccounts",
        {"context": CONTEXT, "value": [None]},
    ),
}
EPOCH = CALLS["finalized_slot"][2]

ODD: dict[str, tuple[int, str]] = {
    "429 in a 200": error(429),
    "-32429 in a 200": error(-32429),
    "-32019 in a 200": error(-32019),
    "behind, without data": error(-32005),
    "behind, with data": error(-32005, "behind", data={"numSlotsBehind": 9}),
    "slot not reached": error(-32016, data={"contextSlot": 1}),
    "an index is missing": error(-32010),
    "no such method": error(-32601),
    "a code that is text": error("limit"),
    "a code out of range": error(10**30),
    "a message that is none": error(-32000, {"odd": True}),
    "preflight without data": error(-32002),
    "an error that is text": (200, json.dumps({"jsonrpc": "2.0", "id": 0, "error": "no"})),
    "an error and a result": (200, json.dumps({"jsonrpc": "2.0", "id": 0, "result": 1, "error": "no"})),
    "neither": (200, json.dumps({"jsonrpc": "2.0", "id": 0})),
    "a number": (200, "7"),
    "a list": (200, "[]"),
    "null": (200, "null"),
    "nothing": (200, ""),
    "HTML": (200, "<html>busy</html>"),
    "half an answer": (200, '{"jsonrpc":"2.0","id":0,"result":{"con'),
    "no UTF-8": (200, '{"jsonrpc":"2.0","id":0,"result":"\udcff"}'),
    "a number for an object": reply(-1),
    "text for an object": reply("odd"),
    "an object without values": reply({}),
    "a value that is odd": reply({"context": CONTEXT, "value": {"odd": 1}}),
    "a short list": reply({"context": CONTEXT, "value": []}),
    "a long list": reply({"context": CONTEXT, "value": [None] * 9}),
    "a list of odd things": reply({"context": CONTEXT, "value": [7, "x"]}),
    "an account that is odd": reply({"context": CONTEXT, "value": {**ACCOUNT, "data": ["%%", "base64"]}}),
    "429": (429, "slow down"),
    "403": (403, "<html>blocked</html>"),
    "404": (404, ""),
    "302": (302, ""),
    "500": (500, "{}"),
    "503": (503, "no"),
    "504 with a result": (504, json.dumps({"jsonrpc": "2.0", "id": 0, "result": 1})),
    "a closed connection": (0, ""),
}
GOOD: set[tuple[str, str]] = set()  # odd for other calls, good for this one


@pytest.fixture
async def node() -> AsyncIterator[OddNode]:
    async with odd_node() as made:
        yield made


def _called() -> set[str]:
    """Collect the calls of the client in the adapter's code."""
    trees = [ast.parse(path.read_text()) for path in Path(adapters.solana.__path__[0]).rglob("*.py")]
    calls = [one.func for tree in trees for one in ast.walk(tree) if isinstance(one, ast.Call)]
    of_client = (
        one.attr
        for one in calls
        if isinstance(one, ast.Attribute) and ast.unparse(one.value) in {"self._client", "self"}
    )
    return {name for name in of_client if hasattr(NodeClient, name)} - {"close"}


def test_the_table_has_every_call_of_the_code() -> None:
    """A call that is made somewhere in the adapter stands in the table."""
    assert _called() == CALLS.keys() - {"read_mint"} | ({"read_mint"} & _called())


@pytest.mark.parametrize("name", CALLS)
async def test_a_good_answer_is_a_result(name: str, node: OddNode) -> None:
    """The table's own good answers are taken, or every odd one would fail for another reason."""
    call, method, good = CALLS[name]
    node.answers |= {"getEpochInfo": reply(EPOCH), method: reply(good)}
    client = NodeClient(node.url)
    await call(client)
    await client.close()


@pytest.mark.parametrize("name", CALLS)
async def test_every_odd_answer_is_a_transient_error(name: str, node: OddNode) -> None:
    """Nothing else is raised, and nothing that is no result is returned."""
    call, method, _ = CALLS[name]
    wrong = []
    for odd, answer in ODD.items():
        node.answers |= {"getEpochInfo": reply(EPOCH), method: answer}
        client = NodeClient(NodePool([NodeConfig(node.url)], NO_LIMITS))
        try:
            found = await call(client)
        except TransientError:
            pass
        except BaseException as raised:  # noqa: BLE001 - a native panic is one
            wrong.append(f"{odd}: raised {type(raised).__name__} {raised}")
        else:
            if (name, odd) not in GOOD:
                wrong.append(f"{odd}: returned {found!r}")
        await client.close()
    assert wrong == []


class Panic(BaseException):
    """An error of native code: no Exception."""


class PanickingParser:
    """A parser of the RPC library that panics."""

    @staticmethod
    def from_json(_: str) -> None:
        """Panic."""
        raise Panic


def test_a_native_panic_is_a_transient_error() -> None:
    """It is no Exception, and would pass every handler of errors."""
    with pytest.raises(TransientError, match="Panic"):
        parse(HttpAnswer(200, {}, b'{"result": 1}'), PanickingParser)
