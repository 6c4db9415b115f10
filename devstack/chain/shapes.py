"""The JSON shapes of the RPC: accounts, transactions, statuses, and the parameters that clients send."""

import base64
import json
from typing import Any

import base58
from solders.account import Account
from solders.hash import Hash
from solders.instruction import CompiledInstruction
from solders.message import MessageHeader, MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from devstack.chain.book import Landing
from devstack.chain.ledger import Level

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
    """An error answer of the JSON-RPC protocol."""

    def __init__(self, code: int, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


def options(params: list[Any], position: int) -> dict[str, Any]:
    """Return the options object at a position, empty when it is absent or null."""
    found = params[position] if len(params) > position else None
    return found if isinstance(found, dict) else {}


def level(wanted: dict[str, Any], name: str = "commitment") -> Level:
    """Return the confirmation level that a client asked for; finalized when it asked for none."""
    return _LEVELS.get(wanted.get(name) or "finalized", "finalized")


def pubkey(text: Any) -> Pubkey:
    """Read an address, or answer that it is none."""
    try:
        return Pubkey.from_string(text)
    except (ValueError, TypeError) as error:
        raise RpcError(INVALID_PARAMS, f"Invalid param: {error}") from error


def wire_bytes(params: list[Any], encoding: str | None) -> bytes:
    """Read the bytes of a transaction; the protocol's default encoding is base58."""
    try:
        return base64.b64decode(params[0], validate=True) if encoding == "base64" else base58.b58decode(params[0])
    except (ValueError, IndexError, TypeError) as error:
        raise RpcError(INVALID_PARAMS, f"invalid {encoding or 'base58'} encoding: {error}") from error


def account_json(account: Account | None, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """Write an account; an encoding that the dev chain does not know is answered in base64, as nodes do."""
    if account is None:
        return None
    contents = bytes(account.data)
    part = wanted.get("dataSlice")
    if part:
        contents = contents[part["offset"] : part["offset"] + part["length"]]
    written: Any = [base64.b64encode(contents).decode(), "base64"]
    if wanted.get("encoding") == "base58":
        written = [base58.b58encode(contents).decode(), "base58"]
    return {
        "data": written,
        "executable": account.executable,
        "lamports": account.lamports,
        "owner": str(account.owner),
        "rentEpoch": account.rent_epoch,
        "space": len(account.data),
    }


def status_json(landing: Landing, reached: Level, depth: int) -> dict[str, Any]:
    """Write what getSignatureStatuses says of one landed transaction."""
    err = None if landing.err is None else json.loads(landing.err)
    return {
        "slot": landing.slot,
        "confirmations": None if reached == "finalized" else depth,
        "err": err,
        "status": {"Ok": None} if err is None else {"Err": err},
        "confirmationStatus": reached,
    }


def landing_json(landing: Landing, encoding: str) -> dict[str, Any]:
    """Write what getTransaction says of one landed transaction."""
    meta, err = json.loads(landing.meta), None if landing.err is None else json.loads(landing.err)
    transaction = VersionedTransaction.from_bytes(landing.wire)
    version: Any = 0 if isinstance(transaction.message, MessageV0) else "legacy"
    body: Any = _transaction_json(transaction, explained=encoding == "jsonParsed")
    if encoding in {"base64", "base58"}:
        encode = base64.b64encode if encoding == "base64" else base58.b58encode
        body = [encode(landing.wire).decode(), encoding]
    return {
        "slot": landing.slot,
        "blockTime": landing.landed_at,
        "version": version,
        "transaction": body,
        "meta": {
            "err": err,
            "status": {"Ok": None} if err is None else {"Err": err},
            "fee": meta["fee"],
            "preBalances": meta["pre"],
            "postBalances": meta["post"],
            "innerInstructions": [],
            "preTokenBalances": [],
            "postTokenBalances": [],
            "logMessages": meta["logs"],
            "rewards": [],
            "loadedAddresses": {"writable": [], "readonly": []},
            "computeUnitsConsumed": meta["units"],
        },
    }


def _transaction_json(transaction: VersionedTransaction, *, explained: bool) -> dict[str, Any]:
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
    # Accounts from a lookup table have no name here: the dev chain does not keep what the table said then.
    named = [keys[index] for index in accounts if index < len(keys)]
    return {"programId": keys[instruction.program_id_index], "accounts": named, "data": body, "stackHeight": None}
