"""Runs a Stripe emulator on a free port."""

import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[3]
SECRET = "sk_test_contract"
BROWSER = {"Authorization": "Bearer pk_test_contract"}
AUTOMATIC: dict[str, Any] = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
_START_SECONDS = 20.0


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Emulator:
    """One emulator process, and the buyer's browser."""

    def __init__(self, state: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._flags = ["--port", str(self.port), "--state", str(state), "--webhook-retry-seconds", "0.1"]
        self._process: subprocess.Popen[bytes] | None = None
        self.client = httpx.Client(base_url=self.url, timeout=10)

    @property
    def pid(self) -> int:
        """The pid of the running process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it is healthy."""
        flags = [*self._flags, "--platform-secret", SECRET]
        self._process = subprocess.Popen([sys.executable, "-m", "devstack.stripe", *flags], cwd=ROOT)
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            assert self._process.poll() is None, "the emulator ended while starting"
            try:
                if self.client.get("/health").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        self.kill()
        raise AssertionError("the emulator did not become healthy")

    def kill(self) -> None:
        """Kill it, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Kill it and close the client."""
        self.kill()
        self.client.close()

    def fault(self, kind: str, **rule: Any) -> None:
        """Add a fault rule."""
        self.client.post("/_emulator/faults", json={"kind": kind, **rule}).raise_for_status()

    def switch(self, path: str, outcome: str | None = None, **given: Any) -> dict[str, Any]:
        """Run a switch; `outcome` finishes a waiting object."""
        ending = {} if outcome is None else {"outcome": outcome}
        answer = self.client.post(f"/_emulator/{path}", json=ending | given)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def confirm(self, intent_id: str, client_secret: str, method: str) -> httpx.Response:
        """Confirm as the buyer's browser does."""
        form = {"client_secret": client_secret, "payment_method": method}
        return self.client.post(f"/v1/payment_intents/{intent_id}/confirm", data=form, headers=BROWSER)


def intent_params(amount: int = 5000, **more: Any) -> dict[str, Any]:
    """Return the parameters of an intent."""
    return {"amount": amount, "currency": "usd", **AUTOMATIC, **more}


async def paid(api: Any, amount: int = 5000, method: str = "pm_card_visa", **more: Any) -> Any:
    """Create an intent and confirm it."""
    return await api.payment_intents.create_async(intent_params(amount, payment_method=method, confirm=True, **more))


async def event_types(api: Any, object_id: str, account: str | None = None) -> list[str]:
    """Return the types of an object's events, oldest first; of a connected account's with `account`."""
    options = {"stripe_account": account} if account else {}
    listed = await api.events.list_async({"limit": 100}, options)
    return [row.type for row in listed.data if row.data.object.to_dict().get("id") == object_id][::-1]
