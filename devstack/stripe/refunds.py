"""Refunds: money given back, never more than was taken."""

from devstack.stripe.calls import LIST_COMMON, Call, Endpoint
from devstack.stripe.currencies import check_digits
from devstack.stripe.errors import Json, absent_parameter, invalid
from devstack.stripe.events import tell
from devstack.stripe.forms import choice, integer, metadata, needed_text
from devstack.stripe.ledger import book
from devstack.stripe.listing import page
from devstack.stripe.store import opaque

REASONS = ("requested_by_customer", "duplicate", "fraudulent")
_CREATE = frozenset({"payment_intent", "charge", "amount", "reason", "metadata"})


def _charge_of(call: Call) -> Json:
    if "charge" in call.params:
        return call.store.get("charge", needed_text(call.params, "charge"), "charge")
    if "payment_intent" not in call.params:
        raise absent_parameter("charge")
    intent = call.store.get("payment_intent", needed_text(call.params, "payment_intent"), "payment_intent")
    charge = call.store.find(intent["latest_charge"] or "")
    if charge is None or intent["status"] not in {"succeeded", "requires_capture"}:
        message = "This PaymentIntent does not have a successful charge to refund."
        raise invalid(message, code="payment_intent_unexpected_state")
    return charge


def create(call: Call) -> Json:
    """Refund a captured charge, wholly when no amount is given; `charge_already_refunded` when nothing is left."""
    charge = _charge_of(call)
    if not charge["captured"]:
        message = "This PaymentIntent has a status of requires_capture: cancel it instead."
        raise invalid(message, code="payment_intent_unexpected_state")
    left = charge["amount"] - charge["amount_refunded"]
    if charge["refunded"] or left == 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise invalid(message, code="charge_already_refunded")
    amount = integer(call.params, "amount", least=1) or left
    if amount > left:
        message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
        raise invalid(message, code="amount_too_large", param="amount")
    check_digits(amount, charge["currency"], "amount")
    refund = {
        "id": opaque("re_3", 22).replace("re_3_", "re_3"), "object": "refund", "amount": amount,
        "charge": charge["id"], "created": call.now, "currency": charge["currency"], "failure_reason": None,
        "metadata": metadata(call.params), "payment_intent": charge["payment_intent"], "receipt_number": None,
        "reason": choice(call.params, "reason", REASONS) if "reason" in call.params else None,
        "status": "pending" if charge["_refund"] == "pending" else "succeeded",
    }  # fmt: skip
    held = call.store.get("balance_transaction", charge["balance_transaction"])["available_on"]
    entry = book(call, "refund", refund, -amount, available_on=held)
    call.store.add({**refund, "balance_transaction": entry["id"]})
    refunded = charge["amount_refunded"] + amount
    charge |= {"amount_refunded": refunded, "refunded": refunded == charge["amount"]}
    call.store.save(charge)
    tell(call, "charge.refunded", charge)
    tell(call, "refund.created", call.store.get("refund", refund["id"]))
    if charge["_refund"] == "failed":
        # Stripe answers such a refund as succeeded and lets it fail afterwards: the event says so.
        finish(call, refund["id"], succeeded=False)
    return call.store.get("refund", refund["id"]) | {"status": refund["status"]}


def finish(call: Call, refund_id: str, *, succeeded: bool) -> Json:
    """Bring a refund to its end; a failed one gives the money back to the balance and to the charge."""
    refund = call.store.get("refund", refund_id)
    if refund["status"] not in {"pending", "succeeded"} or (succeeded and refund["status"] == "succeeded"):
        raise invalid(f"The refund is {refund['status']}.", code="refund_not_pending")
    refund["status"] = "succeeded" if succeeded else "failed"
    if not succeeded:
        charge = call.store.get("charge", refund["charge"])
        charge |= {"amount_refunded": charge["amount_refunded"] - refund["amount"], "refunded": False}
        call.store.save(charge)
        entry = book(call, "refund_failure", refund, refund["amount"])
        refund |= {"failure_reason": "unknown", "failure_balance_transaction": entry["id"]}
    call.store.save(refund)
    tell(call, "refund.updated" if succeeded else "refund.failed", refund)
    return refund


def retrieve(call: Call) -> Json:
    """Answer one refund."""
    return call.store.get("refund", call.subject)


def listing(call: Call) -> Json:
    """Answer the refunds, by intent or charge."""
    return page(call, "refund", "/v1/refunds", ("payment_intent", "charge"))


def finish_switch(call: Call) -> Json:
    """Bring a pending refund to its end, or let a succeeded one fail."""
    return finish(call, call.subject, succeeded=choice(call.params, "outcome", ("succeed", "fail")) == "succeed")


SWITCHES = (Endpoint("POST", "/refunds/*/finish", finish_switch, frozenset({"outcome"})),)
ENDPOINTS = (
    Endpoint("POST", "/v1/refunds", create, _CREATE),
    Endpoint("GET", "/v1/refunds", listing, LIST_COMMON | {"payment_intent", "charge"}),
    Endpoint("GET", "/v1/refunds/*", retrieve),
)
