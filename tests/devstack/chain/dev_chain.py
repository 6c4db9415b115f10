"""Runs a dev chain on free ports, and signs and sends transactions."""

import base64
import time
from pathlib import Path
from typing import Any

from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from devstack.supervisor.ports import free_port
from tests.devstack.server import Server

SOL = 10**9
FEE = 5_000
SKIP = {"encoding": "base64", "skipPreflight": True, "maxRetries": 0}
NOW = {"commitment": "processed"}


class DevChain(Server):
    """One dev chain process."""

    def __init__(self, state: Path, *, slot_ms: int = 40, finalized_slots: int = 4) -> None:
        self.ws_port = free_port()
        flags = {"ws-port": self.ws_port, "state": state, "slot-ms": slot_ms, "finalized-slots": finalized_slots}
        super().__init__("devstack.chain", *(f"--{name}={value}" for name, value in flags.items()))

    def call(self, method: str, *params: Any) -> dict[str, Any]:
        """Make one JSON-RPC call and return the whole response."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer = self.client.post("/", json=body)
        return {"status": answer.status_code, **(answer.json() if answer.status_code == 200 else {})}

    def result(self, method: str, *params: Any) -> Any:
        """Make one JSON-RPC call and return its result."""
        return self.call(method, *params)["result"]

    def fund(self, address: str, lamports: int = 10**10) -> None:
        """Give an address lamports, and wait until they are confirmed."""
        before = self._confirmed(address)
        self.result("requestAirdrop", address, lamports)
        while self._confirmed(address) == before:
            time.sleep(0.01)

    def _confirmed(self, address: str) -> int:
        return int(self.result("getBalance", address, {"commitment": "confirmed"})["value"])

    def faults(self, **switches: Any) -> None:
        """Set the fault switches."""
        assert self.client.post(f"{self.url}/_chain/faults", json=switches).status_code == 200


def sign_for(chain: DevChain, payer: Keypair, *instructions: Instruction) -> VersionedTransaction:
    """Sign with the newest blockhash."""
    latest = chain.result("getLatestBlockhash", {"commitment": "processed"})["value"]["blockhash"]
    message = Message.new_with_blockhash(list(instructions), payer.pubkey(), Hash.from_string(latest))
    return VersionedTransaction(message, [payer])


def pay(payer: Keypair, to: Pubkey, lamports: int) -> Instruction:
    """Move lamports."""
    return transfer(TransferParams(from_pubkey=payer.pubkey(), to_pubkey=to, lamports=lamports))


def send(chain: DevChain, transaction: VersionedTransaction, **wanted: Any) -> dict[str, Any]:
    """Send, without preflight by default, and return the whole response."""
    return chain.call("sendTransaction", base64.b64encode(bytes(transaction)).decode(), {**SKIP, **wanted})


def balance(chain: DevChain, address: Pubkey) -> int:
    """Return the lamports of an address."""
    return int(chain.result("getBalance", str(address), NOW)["value"])


def status(chain: DevChain, transaction: VersionedTransaction) -> dict[str, Any] | None:
    """Return a transaction's status, None if it never landed."""
    signatures = [str(transaction.signatures[0])]
    found: dict[str, Any] | None = chain.result("getSignatureStatuses", signatures)["value"][0]
    return found
