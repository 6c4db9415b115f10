"""What confirming an intent leads to: approved, declined, the buyer is asked, or the bank takes its time."""

from devstack.stripe.calls import Call, shown
from devstack.stripe.charges import capture_charge, make_charge, method_of
from devstack.stripe.disputes import open_dispute
from devstack.stripe.errors import ApiError, Json
from devstack.stripe.events import tell
from devstack.stripe.methods import Method, decline_words, method_named
from devstack.stripe.store import opaque


def name_method(call: Call, intent: Json, name: str) -> None:
    """Attach a test payment method to an intent, under an id of its own."""
    if name == intent["payment_method"]:
        return
    method_named(name, manual=intent["capture_method"] == "manual")
    intent |= {"payment_method": opaque("pm"), "_method": name, "status": "requires_confirmation"}
    call.store.save(intent)


def follow(call: Call, intent: Json) -> Json:
    """Go the course of the intent's method; a decline raises the card error after its traces are written."""
    method = method_of(intent)
    intent |= {"last_payment_error": None, "next_action": None}
    if method.course == "decline":
        raise declined(call, intent, method)
    if method.course == "authenticate":
        return ask_buyer(call, intent)
    if method.course == "wait":
        charge = make_charge(call, intent, method, "pending")
        intent |= {"status": "processing", "latest_charge": charge["id"]}
        tell(call, "payment_intent.processing", call.store.save(intent))
        tell(call, "charge.pending", charge)
        return intent
    return approve(call, intent)


def approve(call: Call, intent: Json) -> Json:
    """Authorise, and capture at once unless the intent is captured by hand."""
    pending = call.store.find(intent["latest_charge"] or "") if intent["status"] == "processing" else None
    charge = pending or make_charge(call, intent, method_of(intent), "succeeded")
    charge |= {"status": "succeeded", "paid": True}
    call.store.save(charge)
    intent |= {"latest_charge": charge["id"], "next_action": None, "last_payment_error": None}
    if intent["capture_method"] == "manual":
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        call.store.save(intent)
        tell(call, "charge.succeeded", charge)
        tell(call, "payment_intent.amount_capturable_updated", intent)
        return intent
    charge = capture_charge(call, charge, intent["amount"])
    intent |= {"status": "succeeded", "amount_received": intent["amount"]}
    call.store.save(intent)
    tell(call, "charge.succeeded", charge)
    tell(call, "payment_intent.succeeded", intent)
    dispute_at_once(call, intent)
    return intent


def dispute_at_once(call: Call, intent: Json) -> None:
    """Open the dispute that a test card brings with it as soon as its money is taken."""
    reason = method_of(intent).dispute
    if reason:
        charge = call.store.get("charge", intent["latest_charge"])
        inquiry = reason == "inquiry"
        open_dispute(call, charge, charge["amount_captured"], "general" if inquiry else reason, inquiry=inquiry)


def ask_buyer(call: Call, intent: Json) -> Json:
    """Ask the buyer to prove who they are."""
    action = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect", "source": opaque("src")}}
    intent |= {"status": "requires_action", "next_action": action}
    tell(call, "payment_intent.requires_action", call.store.save(intent))
    return intent


def declined(call: Call, intent: Json, method: Method) -> ApiError:
    """Write the traces of a decline and return the card error."""
    code, message = decline_words(method.decline_code or "generic_decline")
    pending = call.store.find(intent["latest_charge"] or "") if intent["status"] == "processing" else None
    charge = pending or make_charge(call, intent, method, "failed")
    charge |= {"status": "failed", "failure_code": code, "failure_message": message, "paid": False}
    call.store.save(charge)
    trace = {"charge": charge["id"], "decline_code": method.decline_code or "generic_decline"}
    fail(call, intent, code, message, trace)
    tell(call, "charge.failed", charge)
    return ApiError(402, "card_error", message, code=code, effect=True, payment_intent=shown(intent), **trace)


def fail(call: Call, intent: Json, code: str, message: str, trace: Json) -> Json:
    """Send an intent back to `requires_payment_method`, with the reason."""
    error = {
        "type": "card_error",
        "code": code,
        "message": message,
        **trace,
        "payment_method": {"id": intent["payment_method"], "object": "payment_method", "type": method_of(intent).type},
    }
    intent |= {
        "status": "requires_payment_method", "last_payment_error": error, "payment_method": None,
        "next_action": None, "latest_charge": trace.get("charge", intent["latest_charge"]),
    }  # fmt: skip
    tell(call, "payment_intent.payment_failed", call.store.save(intent))
    return intent
