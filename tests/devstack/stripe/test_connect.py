"""Connected accounts on the emulator: onboarding, transfers and their reversals, payouts to the bank."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import stripe

from adapters.stripe.errors import code_of
from tests.devstack.stripe.emulator import Emulator, event_types, paid


async def venue(api: Any, **more: Any) -> Any:
    return await api.accounts.create_async({"type": "express", **more})


async def funded(api: Any, emulator: Emulator, amount: int = 9000) -> tuple[Any, Any]:
    """Create a venue with one available transfer of a charge; return both."""
    account = await venue(api)
    intent = await paid(api, 10_000, transfer_group="pu_1")
    transfer = await api.transfers.create_async(
        {"amount": amount, "currency": "usd", "destination": account.id, "source_transaction": intent.latest_charge}
    )
    emulator.switch(f"accounts/{account.id}/settle")
    return account, transfer


async def balance(api: Any, account: str) -> tuple[int, int]:
    found = await api.balance.retrieve_async({}, {"stripe_account": account})
    return found.available[0].amount, found.pending[0].amount


async def test_onboarding(api: Any, emulator: Emulator) -> None:
    """A new account accepts no transfers until it is onboarded; each step emits `account.updated` of that account."""
    emulator.switch("settings", onboarding="new")
    account = await venue(api, metadata={"venue_id": "v1"})
    emulator.switch("settings", onboarding="complete")
    assert (account.charges_enabled, account.payouts_enabled, account.details_submitted) == (False, False, False)
    assert "external_account" in account.requirements.currently_due
    link = {"account": account.id, "type": "account_onboarding"}
    with pytest.raises(stripe.InvalidRequestError):
        await api.account_links.create_async(link)
    urls = {"refresh_url": "http://127.0.0.1/again", "return_url": "http://127.0.0.1/done"}
    made = await api.account_links.create_async({**link, **urls})
    assert made.url.startswith("https://connect.stripe.com/")
    assert made.expires_at > made.created
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await api.transfers.create_async({"amount": 1, "currency": "usd", "destination": account.id})
    assert caught.value.code == "insufficient_capabilities_for_transfer"
    for state, flags in (("pending", (False, False)), ("payouts_paused", (True, False)), ("complete", (True, True))):
        emulator.switch(f"accounts/{account.id}/onboard", state=state)
        now = await api.accounts.retrieve_async(account.id)
        assert (now.charges_enabled, now.payouts_enabled) == flags
    assert now.external_accounts.data[0].object == "bank_account"
    events = (await api.events.list_async({"type": "account.updated"}, {"stripe_account": account.id})).data
    assert [row.account for row in events] == [account.id] * 3
    assert events[0].data.previous_attributes["payouts_enabled"] is False
    assert (await event_types(api, account.id)) == []
    changed = await api.accounts.update_async(account.id, {"metadata": {"venue_id": "v2"}})
    assert (changed.metadata["venue_id"], changed.payouts_enabled) == ("v2", True)


async def test_unknown_account_header(api: Any) -> None:
    """An unknown account in the header is a permission error; platform calls refuse the header."""
    with pytest.raises(stripe.PermissionError) as caught:
        await api.balance.retrieve_async({}, {"stripe_account": "acct_nobody"})
    assert caught.value.error is not None
    assert (caught.value.http_status, caught.value.error.code) == (403, "account_invalid")
    account = await venue(api)
    with pytest.raises(stripe.InvalidRequestError):
        await api.transfers.list_async({}, {"stripe_account": account.id})


async def test_transfer(api: Any, emulator: Emulator) -> None:
    """A transfer is listed by its group, is a payment in the account's balance, and its metadata can be updated."""
    account, transfer = await funded(api, emulator)
    assert [row.id for row in (await api.transfers.list_async({"transfer_group": "pu_1"})).data] == [transfer.id]
    header = {"stripe_account": account.id}
    entry = (await api.balance_transactions.list_async({"expand": ["data.source"]}, header)).data[0]
    assert (entry.type, entry.reporting_category, entry.source.id) == (
        "payment",
        "charge",
        transfer.destination_payment,
    )
    assert entry.source.source_transfer == transfer.id
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await api.charges.retrieve_async(transfer.destination_payment)
    assert caught.value.code == "resource_missing"
    assert transfer.destination_payment not in {row.id for row in (await api.charges.list_async()).data}
    changed = await api.transfers.update_async(transfer.id, {"metadata": {"purchase_id": "pu_1"}})
    assert changed.metadata["purchase_id"] == "pu_1"
    assert await event_types(api, transfer.id) == ["transfer.created", "transfer.updated"]


async def test_reversals(api: Any, emulator: Emulator) -> None:
    """A transfer is reversed in parts up to its amount, and both balances change."""
    account, transfer = await funded(api, emulator)
    reverse = api.transfers.reversals.create_async
    part = await reverse(transfer.id, {"amount": 2500, "metadata": {"refund": "r1"}, "expand": ["balance_transaction"]})
    ours = part.balance_transaction
    assert (ours.amount, ours.type, ours.reporting_category) == (2500, "transfer_refund", "transfer_reversal")
    assert await balance(api, account.id) == (6500, 0)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await reverse(transfer.id, {"amount": 6501})
    assert caught.value.param == "amount"
    rest = await reverse(transfer.id)
    assert (rest.amount, await balance(api, account.id)) == (6500, (0, 0))
    now = await api.transfers.retrieve_async(transfer.id)
    assert (now.reversed, now.amount_reversed, [row.id for row in now.reversals.data]) == (
        True,
        9000,
        [rest.id, part.id],
    )
    with pytest.raises(stripe.InvalidRequestError, match="already fully reversed"):
        await reverse(transfer.id)
    listed = await api.transfers.reversals.list_async(transfer.id, {"limit": 1})
    assert (listed.data[0].id, listed.has_more) == (rest.id, True)
    kept = await api.transfers.reversals.retrieve_async(transfer.id, part.id)
    assert kept.metadata["refund"] == "r1"
    payment = await api.charges.retrieve_async(transfer.destination_payment, {}, {"stripe_account": account.id})
    assert (payment.refunded, payment.amount_refunded) == (True, 9000)
    assert (await event_types(api, transfer.id)).count("transfer.reversed") == 2


async def test_reversal_needs_balance(api: Any, emulator: Emulator) -> None:
    """A reversal beyond the account's balance is refused."""
    account, transfer = await funded(api, emulator)
    emulator.switch(f"accounts/{account.id}/pay_out")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await api.transfers.reversals.create_async(transfer.id, {"amount": 1})
    assert caught.value.code == "balance_insufficient"
    assert (await api.transfers.retrieve_async(transfer.id)).amount_reversed == 0


async def test_automatic_payout(api: Any, emulator: Emulator) -> None:
    """Pending money becomes available, is paid out in full, and the payout lists its balance transactions."""
    account = await venue(api)
    header = {"stripe_account": account.id}
    intent = await paid(api, 10_000)
    given = {"amount": 9000, "currency": "usd", "destination": account.id, "source_transaction": intent.latest_charge}
    transfer = await api.transfers.create_async(given)
    assert await balance(api, account.id) == (0, 9000)
    assert emulator.switch(f"accounts/{account.id}/pay_out")["data"] == []
    emulator.switch(f"accounts/{account.id}/settle")
    assert await balance(api, account.id) == (9000, 0)
    payout = emulator.switch(f"accounts/{account.id}/pay_out")["data"][0]
    assert (payout["status"], payout["amount"], payout["automatic"]) == ("pending", 9000, True)
    assert await balance(api, account.id) == (0, 0)
    emulator.switch(f"payouts/{payout['id']}/submit")
    emulator.switch(f"payouts/{payout['id']}/finish")
    now = await api.payouts.retrieve_async(payout["id"], {}, header)
    assert (now.status, now.reconciliation_status) == ("paid", "completed")
    expected = ["payout.created", "payout.updated", "payout.paid", "payout.reconciliation_completed"]
    assert await event_types(api, now.id, account.id) == expected
    entries = await api.balance_transactions.list_async({"payout": now.id, "expand": ["data.source"]}, header)
    assert {row.type: row.net for row in entries.data} == {"payout": -9000, "payment": 9000}
    assert next(row.source.source_transfer for row in entries.data if row.type == "payment") == transfer.id
    assert [row.id for row in (await api.payouts.list_async({"status": "paid"}, header)).data] == [now.id]
    assert now.id not in {row.id for row in (await api.payouts.list_async()).data}


async def test_payout_fails(api: Any, emulator: Emulator) -> None:
    """A payout can fail after it was paid: the money returns, and payouts pause until there is another bank account."""
    account, _ = await funded(api, emulator)
    payout = emulator.switch(f"accounts/{account.id}/pay_out")["data"][0]
    emulator.switch(f"payouts/{payout['id']}/finish")
    failed = emulator.switch(f"payouts/{payout['id']}/finish", "fail", failure_code="account_closed")
    assert (failed["status"], failed["failure_code"]) == ("failed", "account_closed")
    assert failed["failure_balance_transaction"]
    assert await balance(api, account.id) == (9000, 0)
    assert (await event_types(api, payout["id"], account.id))[-1] == "payout.failed"
    now = await api.accounts.retrieve_async(account.id)
    assert (now.payouts_enabled, now.charges_enabled) == (False, True)
    assert now.external_accounts.data[0].status == "errored"
    refused = emulator.client.post(f"/_emulator/accounts/{account.id}/pay_out").json()
    assert refused["error"]["code"] == "payouts_not_allowed"
    emulator.switch(f"accounts/{account.id}/onboard", state="complete")
    again = emulator.switch(f"accounts/{account.id}/pay_out")["data"][0]
    assert again["amount"] == 9000
    entries = await api.balance_transactions.list_async({"payout": again["id"]}, {"stripe_account": account.id})
    assert {row.type for row in entries.data} == {"payout", "payout_failure"}


async def test_manual_payout(api: Any, emulator: Emulator) -> None:
    """A manual payout is limited to the available balance; it can be cancelled while pending and reversed later."""
    account, _ = await funded(api, emulator)
    header = {"stripe_account": account.id}
    await api.accounts.update_async(account.id, {"settings": {"payouts": {"schedule": {"interval": "manual"}}}})
    assert emulator.client.post(f"/_emulator/accounts/{account.id}/pay_out").status_code == 400
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await api.payouts.create_async({"amount": 9001, "currency": "usd"}, header)
    assert caught.value.code == "balance_insufficient"
    first = await api.payouts.create_async({"amount": 4000, "currency": "usd"}, header)
    assert (await api.payouts.cancel_async(first.id, {}, header)).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError):
        await api.payouts.cancel_async(first.id, {}, header)
    assert await event_types(api, first.id, account.id) == ["payout.created", "payout.canceled"]
    second = await api.payouts.create_async({"amount": 4000, "currency": "usd"}, header)
    with pytest.raises(stripe.InvalidRequestError):
        await api.balance_transactions.list_async({"payout": second.id}, header)
    emulator.switch(f"payouts/{second.id}/finish")
    back = await api.payouts.reverse_async(second.id, {}, header)
    assert (back.amount, back.original_payout) == (-4000, second.id)
    newest = (await api.events.list_async({"type": "payout.created", "limit": 1}, header)).data[0]
    assert newest.data.object.original_payout == second.id
    assert (await api.payouts.retrieve_async(second.id, {}, header)).reversed_by == back.id
    assert await balance(api, account.id) == (9000, 0)
    with pytest.raises(stripe.InvalidRequestError):
        await api.payouts.reverse_async(second.id, {}, header)


async def test_a_payout_that_fails_cancels_its_pending_reversal(api: Any, emulator: Emulator) -> None:
    """The money is back once, and the bank account is refused by the first failure alone."""
    account, _ = await funded(api, emulator)
    header = {"stripe_account": account.id}
    payout = await api.payouts.create_async({"amount": 9000, "currency": "usd"}, header)
    emulator.switch(f"payouts/{payout.id}/submit")
    back = await api.payouts.reverse_async(payout.id, {}, header)
    emulator.switch(f"payouts/{payout.id}/finish", "fail")
    assert (await api.payouts.retrieve_async(back.id, {}, header)).status == "canceled"
    assert await balance(api, account.id) == (9000, 0)


async def test_a_reversal_can_fail_after_it_was_paid(api: Any, emulator: Emulator) -> None:
    """The bank takes the money back, and the account goes on being paid out."""
    account, _ = await funded(api, emulator)
    header = {"stripe_account": account.id}
    payout = emulator.switch(f"accounts/{account.id}/pay_out")["data"][0]
    emulator.switch(f"payouts/{payout['id']}/finish")
    back = await api.payouts.reverse_async(payout["id"], {}, header)
    emulator.switch(f"payouts/{back.id}/finish")
    assert await balance(api, account.id) == (9000, 0)
    emulator.switch(f"payouts/{back.id}/finish", "fail")
    assert await balance(api, account.id) == (0, 0)
    assert (await api.accounts.retrieve_async(account.id)).payouts_enabled


async def test_access_to_an_account(api: Any, emulator: Emulator) -> None:
    """A vanished account answers as an unknown one, a forbidden one without a code; access can come back."""
    account, transfer = await funded(api, emulator)
    header = {"stripe_account": account.id}
    emulator.switch(f"accounts/{account.id}/access", state="vanished")
    given = {"amount": 1, "currency": "usd", "destination": account.id}
    calls: list[tuple[Callable[[], Awaitable[Any]], str]] = [
        (lambda: api.accounts.retrieve_async(account.id), "account_invalid"),
        (lambda: api.payouts.list_async({}, header), "account_invalid"),
        (lambda: api.transfers.reversals.create_async(transfer.id, {"amount": 1}), "account_invalid"),
        (lambda: api.transfers.create_async(given), "resource_missing"),
    ]
    for call, code in calls:
        with pytest.raises(stripe.StripeError) as caught:
            await call()
        assert code_of(caught.value) == code
    emulator.switch(f"accounts/{account.id}/access", state="forbidden")
    with pytest.raises(stripe.PermissionError) as refused:
        await api.events.list_async({}, header)
    assert code_of(refused.value) is None
    emulator.switch(f"accounts/{account.id}/access", state="granted")
    listed = await api.events.list_async({"type": "account.application.deauthorized"}, header)
    assert [event.account for event in listed.data] == [account.id]


async def test_transfers_and_balance(api: Any) -> None:
    """Transfers of a charge are limited to its amount; all balance transactions add up to the balance."""
    account = await api.accounts.create_async({"type": "express", "metadata": {"venue_id": "v1"}})
    intent = await paid(api, 10_000, transfer_group="p1")
    base = {"currency": "usd", "destination": account.id, "source_transaction": intent.latest_charge}
    made = await api.transfers.create_async({**base, "amount": 9000})
    assert (made.transfer_group, made.amount) == ("p1", 9000)
    with pytest.raises(stripe.InvalidRequestError):
        await api.transfers.create_async({**base, "amount": 1001})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await api.transfers.create_async({"amount": 10**8, "currency": "usd", "destination": account.id})
    assert caught.value.code == "balance_insufficient"
    assert [row.id for row in (await api.transfers.list_async({"transfer_group": "p1"})).data] == [made.id]
    await api.refunds.create_async({"payment_intent": intent.id, "amount": 500})
    venue = await api.balance.retrieve_async({}, {"stripe_account": account.id})
    assert venue.available[0].amount + venue.pending[0].amount == 9000
    entries = [row async for row in (await api.balance_transactions.list_async({"limit": 100})).auto_paging_iter()]
    ours = [row for row in entries if row.currency == "usd"]
    whole = await api.balance.retrieve_async()
    assert sum(row.net for row in ours) == whole.available[0].amount + whole.pending[0].amount
    assert all(row.net == row.amount - row.fee for row in ours)
    charge = await api.charges.retrieve_async(intent.latest_charge, {"expand": ["balance_transaction"]})
    assert charge.balance_transaction.fee == 320
