"""Runs a dev chain on free ports, and signs and sends transactions."""

import base64
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

ROOT = Path(__file__).resolve().parents[3]
SOL = 10**9
FEE = 5_000
SKIP = {"encoding": "base64", "skipPreflight": True, "maxRetries": 0}
NOW = {"commitment": "processed"}
_START_SECONDS = 20.0


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class DevChain:
    """One dev chain process."""

    def __init__(self, state: Path, *, slot_ms: int = 40, finalized_slots: int = 4) -> None:
        self.port, self.ws_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._flags = ["--port", str(self.port), "--ws-port", str(self.ws_port), "--state", str(state)]
        self._flags += ["--slot-ms", str(slot_ms), "--finalized-slots", str(finalized_slots)]
        self._process: subprocess.Popen[bytes] | None = None
        # One client for all calls: each new one reads the certificates of the system first.
        self._client = httpx.Client(timeout=10)

    @property
    def pid(self) -> int:
        """The pid of the running process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it is healthy."""
        self._process = subprocess.Popen([sys.executable, "-m", "devstack.chain", *self._flags], cwd=ROOT)
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            assert self._process.poll() is None, "the dev chain ended while starting"
            try:
                if self._client.get(f"{self.url}/health").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        self.kill()
        raise AssertionError("the dev chain did not become healthy")

    def kill(self) -> None:
        """Kill it, as a crash would."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)
            self.wait()

    def stop(self) -> int:
        """Stop it by SIGTERM; return its exit code."""
        if self._process is None:
            return 0
        os.kill(self._process.pid, signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Wait until it exits; return its exit code."""
        assert self._process is not None
        code = self._process.wait(timeout=10)
        self._process = None
        self._client.close()
        self._client = httpx.Client(timeout=10)
        return code

    def close(self) -> None:
        """Kill it, if it still runs, and close the connections."""
        self.kill()
        self._client.close()

    def call(self, method: str, *params: Any) -> dict[str, Any]:
        """Make one JSON-RPC call and return the whole response."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer = self._client.post(self.url, json=body)
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
        assert self._client.post(f"{self.url}/_chain/faults", json=switches).status_code == 200


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
