"""Runs a Stripe emulator on a free port."""

from pathlib import Path
from typing import Any

import httpx

from tests.devstack.server import Server

SECRET = "sk_test_contract"
BROWSER = {"Authorization": "Bearer pk_test_contract"}
AUTOMATIC: dict[str, Any] = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}


class Emulator(Server):
    """One emulator process, and the buyer's browser."""

    def __init__(self, state: Path) -> None:
        flags = {"state": state, "webhook-retry-seconds": 0.1, "platform-secret": SECRET}
        super().__init__("devstack.stripe", *(f"--{name}={value}" for name, value in flags.items()))

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
