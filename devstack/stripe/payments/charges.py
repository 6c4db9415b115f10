"""Charges: create, capture, release, retrieve, list."""

from devstack.stripe.balance.balance_transactions import add_balance_transaction, card_fee_minor
from devstack.stripe.core.calls import Call
from devstack.stripe.core.errors import Json
from devstack.stripe.core.listing import reading
from devstack.stripe.core.store import new_id
from devstack.stripe.payments.payment_methods import METHODS, Method, card_details, decline_words, no_billing_details
from devstack.stripe.webhooks.events import emit

CAPTURE_SECONDS_MAX = 7 * 86400


def make_charge(call: Call, intent: Json, method: Method, status: str) -> Json:
    """Create an uncaptured charge for an intent; `status` is succeeded, pending or failed."""
    code, message = decline_words(method.decline_code) if method.decline_code else (None, None)
    details: Json = card_details(method, call.now) if method.type == "card" else {"last4": method.last4}
    if intent["capture_method"] == "manual":
        details["capture_before"] = call.now + CAPTURE_SECONDS_MAX
    return call.store.add({
        "id": new_id("ch_3", 22).replace("ch_3_", "ch_3"), "object": "charge", "amount": intent["amount"],
        "amount_captured": 0, "amount_refunded": 0, "balance_transaction": None,
        "billing_details": no_billing_details(), "captured": False, "created": call.now,
        "currency": intent["currency"], "description": intent["description"],
        "disputed": False, "failure_code": code, "failure_message": message, "livemode": False,
        "metadata": intent["metadata"], "outcome": {"network_status": "approved_by_network", "type": "authorized"},
        "paid": status == "succeeded", "payment_intent": intent["id"], "payment_method": intent["payment_method"],
        "payment_method_details": {"type": method.type, method.type: details}, "refunded": False,
        "status": status, "transfer_group": intent["transfer_group"], "_refund": method.refund,
        "_pending_seconds": method.pending_seconds,
    })  # fmt: skip


def capture_charge(call: Call, charge: Json, amount_minor: int) -> Json:
    """Capture an authorised charge: release the rest, and charge Stripe's fee."""
    entry = add_balance_transaction(
        call,
        "charge",
        charge,
        amount_minor,
        fee_minor=card_fee_minor(amount_minor),
        available_on=call.now + charge["_pending_seconds"],
    )
    charge |= {
        "captured": True, "amount_captured": amount_minor, "amount_refunded": charge["amount"] - amount_minor,
        "balance_transaction": entry["id"], "paid": True, "status": "succeeded",
    }  # fmt: skip
    return call.store.save(charge)


def release_authorisation(call: Call, charge: Json) -> None:
    """Release an authorisation, which Stripe shows as refunded in full."""
    charge |= {"refunded": True, "amount_refunded": charge["amount"]}
    emit(call, "charge.refunded", call.store.save(charge))


def method_of(intent: Json) -> Method:
    """Return the test payment method of an intent's last confirmation."""
    return METHODS[intent["_method"]]


ENDPOINTS = reading("charge", "/v1/charges", "payment_intent", "transfer_group")
