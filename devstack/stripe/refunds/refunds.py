"""Refunds, never beyond the captured amount."""

from devstack.stripe.balance.balance_transactions import add_balance_transaction, balances_by_currency
from devstack.stripe.core.calls import Call, Endpoint
from devstack.stripe.core.errors import Json, invalid, missing_parameter
from devstack.stripe.core.forms import choice, integer, metadata, required_text
from devstack.stripe.core.listing import reading
from devstack.stripe.core.store import new_id
from devstack.stripe.payments.currencies import check_digits
from devstack.stripe.webhooks.events import emit

REASONS = ("requested_by_customer", "duplicate", "fraudulent")
WAITS_FOR_MONEY = "insufficient_funds"
_CREATE = frozenset({"payment_intent", "charge", "amount", "reason", "metadata", "instructions_email"})


def _charge_of(call: Call) -> Json:
    if "charge" in call.params:
        return call.own("charge", required_text(call.params, "charge"), "charge")
    if "payment_intent" not in call.params:
        raise missing_parameter("charge")
    intent = call.store.get("payment_intent", required_text(call.params, "payment_intent"), "payment_intent")
    charge = call.store.find(intent["latest_charge"] or "")
    if charge is None or intent["status"] not in {"succeeded", "requires_capture"}:
        message = "This PaymentIntent does not have a successful charge to refund."
        raise invalid(message, code="payment_intent_unexpected_state")
    return charge


def create(call: Call) -> Json:
    """Refund a captured charge, in full when no amount is given; raise `charge_already_refunded` if nothing is left."""
    charge = _charge_of(call)
    if not charge["captured"]:
        message = "This PaymentIntent has a status of requires_capture: cancel it instead."
        raise invalid(message, code="payment_intent_unexpected_state")
    if _is_charged_back(call, charge):
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise invalid(message, code="charge_disputed")
    return _make(call, charge, _amount(call, charge))


def _is_charged_back(call: Call, charge: Json) -> bool:
    """Return whether a dispute has withdrawn money of a charge, unless it was won."""
    withdrawn = "json_array_length(body, '$.balance_transactions') > 0 AND json_extract(body, '$.status') <> 'won'"
    return bool(call.store.select("dispute", f"json_extract(body, '$.charge') = ? AND {withdrawn}", (charge["id"],)))


def _amount(call: Call, charge: Json) -> int:
    left = int(charge["amount"] - charge["amount_refunded"])
    if charge["refunded"] or left == 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise invalid(message, code="charge_already_refunded")
    amount = integer(call.params, "amount", least=1) or left
    if amount > left:
        message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
        raise invalid(message, code="amount_too_large", param="amount")
    check_digits(amount, charge["currency"], "amount")
    return amount


def _make(call: Call, charge: Json, amount: int) -> Json:
    waits = _has_to_wait(call, charge["currency"], amount)
    slow = charge["_refund"] == "pending"
    refund = call.store.add({
        "id": new_id("re_3", 22).replace("re_3_", "re_3"), "object": "refund", "amount": amount,
        "balance_transaction": None, "charge": charge["id"], "created": call.now, "currency": charge["currency"],
        "failure_reason": None, "metadata": metadata(call.params), "next_action": None,
        "payment_intent": charge["payment_intent"], "receipt_number": None,
        "pending_reason": WAITS_FOR_MONEY if waits else "processing" if slow else None,
        "reason": choice(call.params, "reason", REASONS) if "reason" in call.params else None,
        "status": "pending" if waits or slow else "succeeded",
    })  # fmt: skip
    if not waits:
        take(call, refund, charge)
    refunded = charge["amount_refunded"] + amount
    charge |= {"amount_refunded": refunded, "refunded": refunded == charge["amount"]}
    emit(call, "charge.refunded", call.store.save(charge))
    emit(call, "refund.created", refund)
    if charge["_refund"] == "failed" and not waits:
        # Stripe answers such a refund as succeeded and lets it fail later, which only the event shows.
        fail(call, dict(refund), "unknown")
    return refund


def _has_to_wait(call: Call, currency: str, amount: int) -> bool:
    """Return whether a refund waits until the balance covers it, or raise; by default the balance is overdrawn."""
    rule = call.store.setting("uncovered_refunds", "overdraw")
    if rule == "overdraw" or is_covered(call, currency, amount):
        return False
    if rule == "refuse":
        message = "Insufficient funds in your Stripe balance to refund this amount."
        raise invalid(message, code="insufficient_funds", message_code="insufficient_balance_for_refund")
    return True


def is_covered(call: Call, currency: str, amount: int) -> bool:
    """Return whether the platform's balance, pending money included, covers an amount."""
    return sum(balances_by_currency(call, "").get(currency, (0, 0))) >= amount


def take(call: Call, refund: Json, charge: Json) -> Json:
    """Debit a refund from the balance: from pending money while the charge's is pending."""
    held = call.store.get("balance_transaction", charge["balance_transaction"])["available_on"]
    entry = add_balance_transaction(call, "refund", refund, -refund["amount"], available_on=held)
    refund["balance_transaction"] = entry["id"]
    return call.store.save(refund)


def fail(call: Call, refund: Json, reason: str, status: str = "failed") -> Json:
    """Fail or cancel a refund: credit the balance, and make the charge's amount refundable again."""
    charge = call.store.get("charge", refund["charge"])
    charge |= {"amount_refunded": charge["amount_refunded"] - refund["amount"], "refunded": False}
    call.store.save(charge)
    refund |= {"status": status, "pending_reason": None, "next_action": None}
    if refund["balance_transaction"]:
        entry = add_balance_transaction(call, "refund_failure", refund, refund["amount"])
        refund["failure_balance_transaction"] = entry["id"]
    if status == "failed":
        refund["failure_reason"] = reason
        emit(call, "refund.failed", call.store.save(refund))
    return changed(call, refund)


def changed(call: Call, refund: Json) -> Json:
    """Store a refund's new state and emit it under both of Stripe's event names."""
    call.store.save(refund)
    emit(call, "refund.updated", refund)
    emit(call, "charge.refund.updated", refund)
    return refund


def update(call: Call) -> Json:
    """Update a refund's metadata."""
    refund = call.own("refund", call.subject)
    refund["metadata"] = metadata(call.params, refund["metadata"])
    return changed(call, refund)


def cancel(call: Call) -> Json:
    """Cancel a refund that waits for the buyer; others cannot be cancelled."""
    refund = call.own("refund", call.subject)
    if refund["status"] != "requires_action":
        raise invalid(f"This refund cannot be canceled because it has a status of {refund['status']}.")
    return fail(call, refund, "", status="canceled")


ENDPOINTS = (
    Endpoint("POST", "/v1/refunds", create, _CREATE),
    *reading("refund", "/v1/refunds", "payment_intent", "charge"),
    Endpoint("POST", "/v1/refunds/*", update, frozenset({"metadata"})),
    Endpoint("POST", "/v1/refunds/*/cancel", cancel),
)
