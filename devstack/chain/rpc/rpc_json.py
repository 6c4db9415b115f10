"""JSON of the RPC: accounts, transactions, statuses, and request parameters."""

import base64
import json
from collections.abc import Callable
from typing import Any

import base58
from solders.account import Account
from solders.hash import Hash
from solders.instruction import CompiledInstruction
from solders.message import MessageHeader, MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from devstack.chain.account_store import LandedTransaction
from devstack.chain.executor import Level
from devstack.chain.rpc.token_json import amount_json, parsed_token

INVALID_PARAMS = -32602
_LEVELS: dict[str, Level] = {
    "processed": "processed",
    "recent": "processed",
    "single": "confirmed",
    "confirmed": "confirmed",
    "finalized": "finalized",
    "max": "finalized",
}


class RpcError(Exception):
    """A JSON-RPC error response."""

    def __init__(self, code: int, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


def options_at(params: list[Any], position: int) -> dict[str, Any]:
    """Return the options object at a position, empty when it is absent or null."""
    found = params[position] if len(params) > position else None
    return found if isinstance(found, dict) else {}


def level(options: dict[str, Any], name: str = "commitment") -> Level:
    """Return the requested confirmation level; finalized when none is given."""
    return _LEVELS.get(options.get(name) or "finalized", "finalized")


def pubkey(text: Any) -> Pubkey:
    """Parse an address, or raise `RpcError`."""
    try:
        return Pubkey.from_string(text)
    except (ValueError, TypeError) as error:
        raise RpcError(INVALID_PARAMS, f"Invalid param: {error}") from error


def wire_bytes(params: list[Any], encoding: str | None) -> bytes:
    """Decode a transaction's bytes; the protocol's default encoding is base58."""
    try:
        return base64.b64decode(params[0], validate=True) if encoding == "base64" else base58.b58decode(params[0])
    except (ValueError, IndexError, TypeError) as error:
        raise RpcError(INVALID_PARAMS, f"invalid {encoding or 'base58'} encoding: {error}") from error


def account_json(
    account: Account | None, options: dict[str, Any], decimals_of_mint: Callable[[Pubkey], int]
) -> dict[str, Any] | None:
    """Serialise an account; as on nodes, one that `jsonParsed` cannot explain and an unknown encoding become base64."""
    if account is None:
        return None
    contents = bytes(account.data)
    part = options.get("dataSlice")
    if part:
        contents = contents[part["offset"] : part["offset"] + part["length"]]
    written: Any = [base64.b64encode(contents).decode(), "base64"]
    if options.get("encoding") == "base58":
        written = [base58.b58encode(contents).decode(), "base58"]
    if options.get("encoding") == "jsonParsed":
        written = parsed_token(account, decimals_of_mint) or written
    return {
        "data": written,
        "executable": account.executable,
        "lamports": account.lamports,
        "owner": str(account.owner),
        "rentEpoch": account.rent_epoch,
        "space": len(account.data),
    }


def status_json(landed: LandedTransaction, reached: Level, depth: int) -> dict[str, Any]:
    """Serialise one transaction for getSignatureStatuses."""
    err = None if landed.err is None else json.loads(landed.err)
    return {
        "slot": landed.slot,
        "confirmations": None if reached == "finalized" else depth,
        "err": err,
        "status": {"Ok": None} if err is None else {"Err": err},
        "confirmationStatus": reached,
    }


def transaction_json(landed: LandedTransaction, encoding: str) -> dict[str, Any]:
    """Serialise one transaction for getTransaction."""
    meta, err = json.loads(landed.meta), None if landed.err is None else json.loads(landed.err)
    transaction = VersionedTransaction.from_bytes(landed.wire)
    version: Any = 0 if isinstance(transaction.message, MessageV0) else "legacy"
    body: Any = _body_json(transaction, explained=encoding == "jsonParsed")
    if encoding in {"base64", "base58"}:
        encode = base64.b64encode if encoding == "base64" else base58.b58encode
        body = [encode(landed.wire).decode(), encoding]
    return {
        "slot": landed.slot,
        "blockTime": landed.landed_at,
        "version": version,
        "transaction": body,
        "meta": {
            "err": err,
            "status": {"Ok": None} if err is None else {"Err": err},
            "fee": meta["fee"],
            "preBalances": meta["pre"],
            "postBalances": meta["post"],
            "innerInstructions": [],
            "preTokenBalances": [_token_json(one) for one in meta.get("pre_tokens", ())],
            "postTokenBalances": [_token_json(one) for one in meta.get("post_tokens", ())],
            "logMessages": meta["logs"],
            "rewards": [],
            "loadedAddresses": {"writable": [], "readonly": []},
            "computeUnitsConsumed": meta["units"],
        },
    }


def _token_json(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "accountIndex": one["index"],
        "mint": one["mint"],
        "owner": one["owner"],
        "programId": one["program"],
        "uiTokenAmount": amount_json(one["amount"], one["decimals"]),
    }


def _body_json(transaction: VersionedTransaction, *, explained: bool) -> dict[str, Any]:
    message = transaction.message
    blockhash: Hash = message.recent_blockhash
    keys = [str(key) for key in message.account_keys]
    written: dict[str, Any] = {
        "accountKeys": _explained_keys(keys, message.header) if explained else keys,
        "recentBlockhash": str(blockhash),
        "instructions": [_instruction_json(one, keys if explained else None) for one in message.instructions],
    }
    if not explained:
        written["header"] = {
            "numRequiredSignatures": message.header.num_required_signatures,
            "numReadonlySignedAccounts": message.header.num_readonly_signed_accounts,
            "numReadonlyUnsignedAccounts": message.header.num_readonly_unsigned_accounts,
        }
    if isinstance(message, MessageV0):
        written["addressTableLookups"] = []
    return {"signatures": [str(signature) for signature in transaction.signatures], "message": written}


def _explained_keys(keys: list[str], header: MessageHeader) -> list[dict[str, Any]]:
    signers = header.num_required_signatures
    writable_signers = signers - header.num_readonly_signed_accounts
    writable_until = len(keys) - header.num_readonly_unsigned_accounts
    return [
        {
            "pubkey": key,
            "signer": index < signers,
            "writable": index < writable_signers or signers <= index < writable_until,
            "source": "transaction",
        }
        for index, key in enumerate(keys)
    ]


def _instruction_json(instruction: CompiledInstruction, keys: list[str] | None) -> dict[str, Any]:
    body = base58.b58encode(bytes(instruction.data)).decode()
    accounts = list(instruction.accounts)
    if keys is None:
        index = instruction.program_id_index
        return {"programIdIndex": index, "accounts": accounts, "data": body, "stackHeight": None}
    # Accounts from a lookup table have no address here: the dev chain does not keep the table's old content.
    named = [keys[index] for index in accounts if index < len(keys)]
    return {"programId": keys[instruction.program_id_index], "accounts": named, "data": body, "stackHeight": None}
