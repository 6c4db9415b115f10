"""The emulator's objects have only fields that Stripe's own library knows."""

import re
from pathlib import Path
from typing import Any

import stripe

from devstack.stripe.http.switches import SWITCHES
from tests.devstack.stripe.emulator import Emulator, paid


def unknown_fields(body: Any) -> set[str]:
    """Return the fields of an object that its library class lacks."""
    known: set[str] = set()
    for kind in type(body).__mro__:
        known |= set(vars(kind).get("__annotations__", {}))
    return set(body.to_dict()) - known


async def test_shapes(api: Any, emulator: Emulator) -> None:
    """Every emulated object has a class in the library, and only fields of that class."""
    account = await api.accounts.create_async({"type": "express"})
    header = {"stripe_account": account.id}
    intent = await paid(api, 10_000)
    form = {"amount": 9000, "currency": "usd", "destination": account.id, "source_transaction": intent.latest_charge}
    transfer = await api.transfers.create_async(form)
    reversal = await api.transfers.reversals.create_async(transfer.id, {"amount": 100})
    refund = await api.refunds.create_async({"payment_intent": intent.id, "amount": 100})
    disputed = emulator.switch(f"charges/{intent.latest_charge}/dispute")
    emulator.switch(f"accounts/{account.id}/settle")
    payout = emulator.switch(f"accounts/{account.id}/pay_out")["data"][0]
    urls = {"refresh_url": "http://127.0.0.1/a", "return_url": "http://127.0.0.1/b"}
    bodies = [
        await api.accounts.retrieve_async(account.id),
        await api.payment_intents.retrieve_async(intent.id),
        await api.charges.retrieve_async(intent.latest_charge),
        await api.charges.retrieve_async(transfer.destination_payment, {}, header),
        await api.transfers.retrieve_async(transfer.id),
        reversal,
        await api.refunds.retrieve_async(refund.id),
        await api.refunds.retrieve_async(reversal.destination_payment_refund, {}, header),
        await api.disputes.retrieve_async(disputed["id"]),
        await api.payouts.retrieve_async(payout["id"], {}, header),
        await api.balance.retrieve_async(),
        (await api.balance_transactions.list_async({"limit": 1})).data[0],
        (await api.events.list_async({"limit": 1})).data[0],
        (await api.events.list_async({"limit": 1}, header)).data[0],
        await api.account_links.create_async({"account": account.id, "type": "account_onboarding", **urls}),
        (await api.accounts.retrieve_async(account.id)).external_accounts.data[0],
    ]
    assert {type(body).__name__: unknown_fields(body) for body in bodies if unknown_fields(body)} == {}
    assert [type(body).__name__ for body in bodies if type(body) is stripe.StripeObject] == []
    for body in bodies:
        assert body.object
        assert [name for name in body.to_dict() if name.startswith("_")] == []


async def test_no_field_of_its_own_leaks(api: Any, emulator: Emulator) -> None:
    """The emulator's internal fields are in no response, event or switch."""
    account = await api.accounts.create_async({"type": "express"})
    intent = await paid(api, method="pm_card_createDispute", expand=["latest_charge.balance_transaction"])
    moved = emulator.switch(f"accounts/{account.id}/onboard", state="restricted")
    event = (await api.events.list_async({"limit": 1}, {"stripe_account": account.id})).data[0]
    for body in (str(intent), str(moved), str(event), str((await api.disputes.list_async()).data)):
        assert '"_' not in body
        assert "'_" not in body


def test_switches_are_documented() -> None:
    """The README has a row for every switch, with all its parameters."""
    page = (Path(__file__).parents[3] / "devstack" / "stripe" / "README.md").read_text()
    for switch in SWITCHES:
        rows = re.findall(rf"^\| `{re.escape(switch.path)}` \|.*$(?:\n\| \|.*$)*", page, re.MULTILINE)
        assert len(rows) == 1, switch.path
        assert [name for name in switch.takes if f"`{name}`" not in rows[0]] == [], switch.path
