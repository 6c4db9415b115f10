"""Payouts to a bank: automatic by a switch, manual by the API; paid, failed, cancelled, reversed."""

from devstack.stripe.balance.balance_transactions import add_balance_transaction, balances_by_currency
from devstack.stripe.connect.accounts import disable_bank_account
from devstack.stripe.connect.onboarding import bank_accounts
from devstack.stripe.core.calls import Call, Endpoint, named_account
from devstack.stripe.core.errors import Json, invalid
from devstack.stripe.core.forms import choice, metadata, required_integer, required_text
from devstack.stripe.core.listing import reading
from devstack.stripe.core.store import new_id
from devstack.stripe.webhooks.events import emit

ARRIVAL_SECONDS = 2 * 86400
FAILURES = (
    "account_closed", "account_frozen", "bank_account_restricted", "could_not_process", "declined",
    "insufficient_funds", "invalid_account_number", "no_account",
)  # fmt: skip
_CREATE = frozenset({
    "amount", "currency", "description", "destination", "metadata", "method", "source_type", "statement_descriptor",
})  # fmt: skip


def _bank(call: Call, account_id: str) -> str:
    """Return an account's bank account for payouts, or raise if payouts are paused."""
    if not account_id:
        return "ba_1PlatformEmulatorBank0"
    account = call.store.get("account", account_id)
    if not account["payouts_enabled"]:
        message = "Cannot create payouts; this account has requirements that need to be collected."
        raise invalid(message, code="payouts_not_allowed")
    return str(bank_accounts(account)[0]["id"])


def _make(
    call: Call, account: str, amount: int, currency: str, *, automatic: bool = False, original: str | None = None
) -> Json:
    payout = {
        "id": new_id("po_1").replace("po_1_", "po_1"), "object": "payout", "amount": amount,
        "application_fee": None, "application_fee_amount": None, "arrival_date": call.now + ARRIVAL_SECONDS,
        "automatic": automatic, "created": call.now, "currency": currency,
        "description": "STRIPE PAYOUT" if automatic else call.params.get("description"),
        "destination": _bank(call, account), "failure_balance_transaction": None, "failure_code": None,
        "failure_message": None, "livemode": False, "metadata": metadata(call.params), "method": "standard",
        "original_payout": original, "reconciliation_status": "in_progress" if automatic else "not_applicable",
        "reversed_by": None, "source_type": "card", "statement_descriptor": call.params.get("statement_descriptor"),
        "status": "pending", "trace_id": None, "type": "bank_account", "_account": account,
    }  # fmt: skip
    entry = add_balance_transaction(call, "payout", payout, -amount, account=account)
    created = call.store.add({**payout, "balance_transaction": entry["id"]})
    if automatic:
        _mark_included(call, created)
    emit(call, "payout.created", created)
    return created


def _mark_included(call: Call, payout: Json) -> None:
    """Mark the balance transactions of an automatic payout: all available ones in no earlier payout, and its own."""
    fingerprint = (
        "UPDATE objects SET body = json_set(body, '$._payout', ?) WHERE kind = 'balance_transaction'"
        " AND json_extract(body, '$._account') = ? AND json_extract(body, '$.currency') = ?"
        " AND json_extract(body, '$.available_on') <= ? AND json_extract(body, '$._payout') IS NULL"
    )
    call.store.db.execute(fingerprint, (payout["id"], payout["_account"], payout["currency"], call.now))


def pay_out(call: Call) -> Json:
    """Create the automatic payouts that are due: one per currency with an available balance."""
    account = named_account(call)
    if account and call.store.get("account", account)["settings"]["payouts"]["schedule"]["interval"] == "manual":
        raise invalid("The payouts of this account are manual.")
    due = [(currency, free) for currency, (free, _) in balances_by_currency(call, account).items() if free > 0]
    created = [_make(call, account, free, currency, automatic=True) for currency, free in due]
    return {"object": "list", "url": "/v1/payouts", "has_more": False, "data": created}


def create(call: Call) -> Json:
    """Create a manual payout from the available balance."""
    amount, currency = required_integer(call.params, "amount"), required_text(call.params, "currency").lower()
    choice(call.params, "method", ("standard",))
    if amount > balances_by_currency(call, call.account).get(currency, (0, 0))[0]:
        message = "You have insufficient funds in your Stripe account for this transfer. Your card balance is too low."
        raise invalid(message, code="balance_insufficient")
    return _make(call, call.account, amount, currency)


def submit(call: Call) -> Json:
    """Submit a payout to the bank."""
    payout = _in_status(call.store.get("payout", call.subject), ("pending",), "submitted")
    emit(call, "payout.updated", call.store.save(payout | {"status": "in_transit"}), before=payout)
    return payout | {"status": "in_transit"}


def finish(call: Call) -> Json:
    """Finish a payout: paid, failed (even after `paid`, as banks do), or cancelled by Stripe."""
    outcome = choice(call.params, "outcome", ("succeed", "fail", "cancel"))
    payout = call.store.get("payout", call.subject)
    if outcome == "cancel":
        return _cancelled(call, payout)
    if outcome == "fail":
        return _failed(call, _in_status(payout, ("pending", "in_transit", "paid"), "failed"))
    _in_status(payout, ("pending", "in_transit"), "paid")
    payout["status"] = "paid"
    emit(call, "payout.paid", call.store.save(payout))
    if payout["automatic"]:
        payout["reconciliation_status"] = "completed"
        emit(call, "payout.reconciliation_completed", call.store.save(payout))
    return payout


def _failed(call: Call, payout: Json) -> Json:
    code = choice(call.params, "failure_code", FAILURES)
    entry = add_balance_transaction(call, "payout_failure", payout, payout["amount"], account=payout["_account"])
    payout |= {
        "status": "failed", "failure_balance_transaction": entry["id"], "failure_code": code,
        "failure_message": f"The bank refused the payout: {code}.",
    }  # fmt: skip
    emit(call, "payout.failed", call.store.save(payout))
    reversal = call.store.find(payout["reversed_by"]) if payout["reversed_by"] else None
    if reversal is not None and reversal["status"] == "pending":
        _cancelled(call, reversal)
    if payout["_account"] and payout["amount"] > 0:
        disable_bank_account(call, payout["_account"])
    return payout


def _cancelled(call: Call, payout: Json) -> Json:
    _in_status(payout, ("pending",), "canceled")
    entry = add_balance_transaction(call, "payout_cancel", payout, payout["amount"], account=payout["_account"])
    payout |= {"status": "canceled", "failure_balance_transaction": entry["id"]}
    emit(call, "payout.canceled", call.store.save(payout))
    return payout


def _in_status(payout: Json, allowed: tuple[str, ...], verb: str) -> Json:
    if payout["status"] not in allowed:
        raise invalid(f"This payout could not be {verb} because it has a status of {payout['status']}.")
    return payout


def cancel(call: Call) -> Json:
    """Cancel a manual payout that was not submitted to the bank."""
    payout = call.own("payout", call.subject, "payout")
    if payout["automatic"]:
        raise invalid("Automatic payouts cannot be canceled.")
    return _cancelled(call, payout)


def reverse(call: Call) -> Json:
    """Reverse a connected account's payout, by a new payout with a negative amount."""
    payout = _in_status(call.own("payout", call.subject, "payout"), ("in_transit", "paid"), "reversed")
    if payout["reversed_by"] or payout["original_payout"] or not call.account:
        raise invalid(f"The payout {payout['id']} cannot be reversed.")
    back = _make(call, call.account, -payout["amount"], payout["currency"], original=payout["id"])
    emit(call, "payout.updated", call.store.save(payout | {"reversed_by": back["id"]}), before=payout)
    return back


ENDPOINTS = (
    Endpoint("POST", "/v1/payouts", create, frozenset(_CREATE), open_to_accounts=True),
    *reading("payout", "/v1/payouts", "status", "destination", param="payout"),
    Endpoint("POST", "/v1/payouts/*/cancel", cancel, open_to_accounts=True),
    Endpoint("POST", "/v1/payouts/*/reverse", reverse, frozenset({"metadata"}), open_to_accounts=True),
)
SWITCHES = (
    Endpoint("POST", "/accounts/*/pay_out", pay_out),
    Endpoint("POST", "/payouts/*/submit", submit),
    Endpoint("POST", "/payouts/*/finish", finish, frozenset({"outcome", "failure_code"})),
)
