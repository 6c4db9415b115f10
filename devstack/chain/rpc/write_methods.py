"""RPC methods that execute: send, simulate and airdrop."""

import json
from collections.abc import Callable
from typing import Any

from solders.transaction import VersionedTransaction

from devstack.chain.executor import PACKET_BYTES_MAX, ExecutionResult, Executor
from devstack.chain.faults import AnswerLost, Faults
from devstack.chain.rpc import rpc_json
from devstack.chain.rpc.read_methods import Method
from devstack.chain.slots import last_valid_height

_PREFLIGHT_FAILED = -32002
_SIGNATURE_FAILED = -32003
_NODE_BEHIND = -32005
_AIRDROP_LAMPORTS_MAX = 10**15
_REJECTION_MESSAGES = {
    "AlreadyProcessed": "This transaction has already been processed",
    "BlockhashNotFound": "Blockhash not found",
}


class WriteMethods:
    """The executing RPC methods, with their fault switches."""

    def __init__(self, executor: Executor, faults: Callable[[], Faults]) -> None:
        self._executor = executor
        self._faults = faults

    def methods(self) -> dict[str, Method]:
        """Return the methods by RPC name."""
        return {
            "requestAirdrop": self._airdrop,
            "sendTransaction": self._send,
            "simulateTransaction": self._simulate,
        }

    def _airdrop(self, params: list[Any]) -> str:
        lamports = params[1]
        if not 0 < lamports <= _AIRDROP_LAMPORTS_MAX:
            raise rpc_json.RpcError(rpc_json.INVALID_PARAMS, f"Invalid param: at most {_AIRDROP_LAMPORTS_MAX} lamports")
        return self._executor.airdrop(rpc_json.pubkey(params[0]), lamports)

    def _send(self, params: list[Any]) -> str:
        options = rpc_json.options_at(params, 1)
        transaction = _transaction(rpc_json.wire_bytes(params, options.get("encoding")))
        if not all(transaction.verify_with_results()):
            raise rpc_json.RpcError(_SIGNATURE_FAILED, "Transaction signature verification failure")
        faults = self._faults()
        if faults.take("reject_sends"):
            raise rpc_json.RpcError(_NODE_BEHIND, "Node is behind by 151 slots", {"numSlotsBehind": 151})
        if not options.get("skipPreflight"):
            self._preflight(transaction)
        # Without preflight a node accepts a transaction that can never land, without an error: so does the dev chain.
        if not faults.take("drop_sends") and self._executor.rejection_reason(transaction) is None:
            self._executor.land(transaction)
            if faults.take("lose_answers"):
                raise AnswerLost
        return str(transaction.signatures[0])

    def _preflight(self, transaction: VersionedTransaction) -> None:
        rejection_reason = self._executor.rejection_reason(transaction)
        result = (
            ExecutionResult(rejection_reason, [], 0, 0, {})
            if rejection_reason is not None
            else self._executor.simulate(transaction, verify=True)
        )
        if result.err is None:
            return
        reason = _REJECTION_MESSAGES.get(rejection_reason or "", json.dumps(result.err))
        raise rpc_json.RpcError(
            _PREFLIGHT_FAILED, f"Transaction simulation failed: {reason}", self._simulated(result, [], {})
        )

    def _simulate(self, params: list[Any]) -> Any:
        options = rpc_json.options_at(params, 1)
        transaction = _transaction(rpc_json.wire_bytes(params, options.get("encoding")))
        replace, verify = bool(options.get("replaceRecentBlockhash")), bool(options.get("sigVerify"))
        if replace and verify:
            raise rpc_json.RpcError(rpc_json.INVALID_PARAMS, "sigVerify may not be used with replaceRecentBlockhash")
        rejection_reason = self._executor.rejection_reason(transaction, any_blockhash=replace)
        result = (
            ExecutionResult(rejection_reason, [], 0, 0, {})
            if rejection_reason is not None
            else self._executor.simulate(transaction, verify=verify)
        )
        accounts = options.get("accounts") or {}
        value = self._simulated(result, accounts.get("addresses") or [], accounts)
        slot = self._executor.slot(rpc_json.level(options))
        if replace:
            height = self._executor.height(rpc_json.level(options))
            blockhash = str(self._executor.blockhashes.hash_of(height))
            value["replacementBlockhash"] = {"blockhash": blockhash, "lastValidBlockHeight": last_valid_height(height)}
        return {"context": {"slot": slot, "apiVersion": "2.2.0"}, "value": value}

    def _simulated(self, result: ExecutionResult, addresses: list[str], options: dict[str, Any]) -> dict[str, Any]:
        after = [result.post_accounts.get(rpc_json.pubkey(address)) for address in addresses]
        shown = [rpc_json.account_json(account, options, self._executor.decimals) for account in after]
        return {
            "err": result.err,
            "logs": result.logs,
            "accounts": shown or None,
            "unitsConsumed": result.units,
            "returnData": None,
            "innerInstructions": None,
        }


def _transaction(wire: bytes) -> VersionedTransaction:
    if len(wire) > PACKET_BYTES_MAX:
        raise rpc_json.RpcError(
            rpc_json.INVALID_PARAMS, f"decoded transaction too large: {len(wire)} bytes (max: {PACKET_BYTES_MAX} bytes)"
        )
    try:
        transaction = VersionedTransaction.from_bytes(wire)
        transaction.sanitize()
    except ValueError as error:
        raise rpc_json.RpcError(rpc_json.INVALID_PARAMS, f"failed to deserialize transaction: {error}") from error
    return transaction
