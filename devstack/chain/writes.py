"""The RPC methods that execute: sending, simulating and the airdrop."""

import json
from collections.abc import Callable
from typing import Any

from solders.transaction import VersionedTransaction

from devstack.chain import shapes
from devstack.chain.faults import AnswerLost, Faults
from devstack.chain.ledger import PACKET_BYTES_MAX, Ledger, Verdict
from devstack.chain.reads import Method
from devstack.chain.slots import last_valid_height

_PREFLIGHT_FAILED = -32002
_SIGNATURE_FAILED = -32003
_NODE_BEHIND = -32005
_AIRDROP_LAMPORTS_MAX = 10**15
_OBSTACLES = {
    "AlreadyProcessed": "This transaction has already been processed",
    "BlockhashNotFound": "Blockhash not found",
}


class Writes:
    """The executing half of the RPC, with its fault switches."""

    def __init__(self, ledger: Ledger, faults: Callable[[], Faults]) -> None:
        self._ledger = ledger
        self._faults = faults

    def methods(self) -> dict[str, Method]:
        """Return the methods by their names in the protocol."""
        return {
            "requestAirdrop": self._airdrop,
            "sendTransaction": self._send,
            "simulateTransaction": self._simulate,
        }

    def _airdrop(self, params: list[Any]) -> str:
        lamports = params[1]
        if not 0 < lamports <= _AIRDROP_LAMPORTS_MAX:
            raise shapes.RpcError(shapes.INVALID_PARAMS, f"Invalid param: at most {_AIRDROP_LAMPORTS_MAX} lamports")
        return self._ledger.airdrop(shapes.pubkey(params[0]), lamports)

    def _send(self, params: list[Any]) -> str:
        wanted = shapes.options(params, 1)
        transaction = _transaction(shapes.wire_bytes(params, wanted.get("encoding")))
        if not all(transaction.verify_with_results()):
            raise shapes.RpcError(_SIGNATURE_FAILED, "Transaction signature verification failure")
        faults = self._faults()
        if faults.take("reject_sends"):
            raise shapes.RpcError(_NODE_BEHIND, "Node is behind by 151 slots", {"numSlotsBehind": 151})
        if not wanted.get("skipPreflight"):
            self._preflight(transaction)
        # Without preflight a node takes what can never land and says nothing: so does the dev chain.
        if not faults.take("drop_sends") and self._ledger.obstacle(transaction) is None:
            self._ledger.land(transaction)
            if faults.take("lose_answers"):
                raise AnswerLost
        return str(transaction.signatures[0])

    def _preflight(self, transaction: VersionedTransaction) -> None:
        obstacle = self._ledger.obstacle(transaction)
        verdict = (
            Verdict(obstacle, [], 0, 0, {}) if obstacle is not None else self._ledger.simulate(transaction, verify=True)
        )
        if verdict.err is None:
            return
        reason = _OBSTACLES.get(obstacle or "", json.dumps(verdict.err))
        raise shapes.RpcError(
            _PREFLIGHT_FAILED, f"Transaction simulation failed: {reason}", _simulation_json(verdict, [], {})
        )

    def _simulate(self, params: list[Any]) -> Any:
        wanted = shapes.options(params, 1)
        transaction = _transaction(shapes.wire_bytes(params, wanted.get("encoding")))
        replace, verify = bool(wanted.get("replaceRecentBlockhash")), bool(wanted.get("sigVerify"))
        if replace and verify:
            raise shapes.RpcError(shapes.INVALID_PARAMS, "sigVerify may not be used with replaceRecentBlockhash")
        obstacle = self._ledger.obstacle(transaction, any_blockhash=replace)
        verdict = (
            Verdict(obstacle, [], 0, 0, {})
            if obstacle is not None
            else self._ledger.simulate(transaction, verify=verify)
        )
        accounts = wanted.get("accounts") or {}
        value = _simulation_json(verdict, accounts.get("addresses") or [], accounts)
        slot = self._ledger.slot(shapes.level(wanted))
        if replace:
            blockhash = str(self._ledger.window.hash_of(slot))
            value["replacementBlockhash"] = {"blockhash": blockhash, "lastValidBlockHeight": last_valid_height(slot)}
        return {"context": {"slot": slot, "apiVersion": "2.2.0"}, "value": value}


def _transaction(wire: bytes) -> VersionedTransaction:
    if len(wire) > PACKET_BYTES_MAX:
        raise shapes.RpcError(
            shapes.INVALID_PARAMS, f"decoded transaction too large: {len(wire)} bytes (max: {PACKET_BYTES_MAX} bytes)"
        )
    try:
        transaction = VersionedTransaction.from_bytes(wire)
        transaction.sanitize()
    except ValueError as error:
        raise shapes.RpcError(shapes.INVALID_PARAMS, f"failed to deserialize transaction: {error}") from error
    return transaction


def _simulation_json(verdict: Verdict, addresses: list[str], wanted: dict[str, Any]) -> dict[str, Any]:
    shown = [shapes.account_json(verdict.post_accounts.get(shapes.pubkey(address)), wanted) for address in addresses]
    return {
        "err": verdict.err,
        "logs": verdict.logs,
        "accounts": shown or None,
        "unitsConsumed": verdict.units,
        "returnData": None,
        "innerInstructions": None,
    }
