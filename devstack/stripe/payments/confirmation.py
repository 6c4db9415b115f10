"""Outcomes of confirming an intent: approved, declined, action required, processing."""

from devstack.stripe.core.calls import Call, public_view
from devstack.stripe.core.errors import ApiError, Json
from devstack.stripe.core.store import new_id
from devstack.stripe.disputes.disputes import open_dispute
from devstack.stripe.payments.charges import capture_charge, make_charge, method_of
from devstack.stripe.payments.payment_methods import Method, decline_words, method_named, no_billing_details
from devstack.stripe.webhooks.events import emit


def attach_method(call: Call, intent: Json, name: str) -> None:
    """Attach a test payment method to an intent, under a new id."""
    if name == intent["payment_method"]:
        return
    method_named(name, intent["payment_method_types"], manual=intent["capture_method"] == "manual")
    intent |= {
        "payment_method": new_id("pm"), "_method": name, "_method_created": call.now, "status": "requires_confirmation",
    }  # fmt: skip
    call.store.save(intent)


def run_course(call: Call, intent: Json) -> Json:
    """Confirm as the intent's method prescribes; a decline raises the card error after storing the failed charge."""
    method = method_of(intent)
    intent |= {"last_payment_error": None, "next_action": None}
    if method.course == "decline":
        raise decline(call, intent, method)
    if method.course == "authenticate":
        return require_action_of_buyer(call, intent)
    if method.course == "wait":
        charge = make_charge(call, intent, method, "pending")
        intent |= {"status": "processing", "latest_charge": charge["id"]}
        emit(call, "payment_intent.processing", call.store.save(intent))
        emit(call, "charge.pending", charge)
        return intent
    return approve(call, intent)


def approve(call: Call, intent: Json) -> Json:
    """Authorise, and capture at once unless the capture method is manual."""
    pending = call.store.find(intent["latest_charge"] or "") if intent["status"] == "processing" else None
    charge = pending or make_charge(call, intent, method_of(intent), "succeeded")
    charge |= {"status": "succeeded", "paid": True}
    call.store.save(charge)
    intent |= {"latest_charge": charge["id"], "next_action": None, "last_payment_error": None}
    if intent["capture_method"] == "manual":
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        call.store.save(intent)
        emit(call, "charge.succeeded", charge)
        emit(call, "payment_intent.amount_capturable_updated", intent)
        return intent
    charge = capture_charge(call, charge, intent["amount"])
    intent |= {"status": "succeeded", "amount_received": intent["amount"]}
    call.store.save(intent)
    emit(call, "charge.succeeded", charge)
    emit(call, "payment_intent.succeeded", intent)
    dispute_at_once(call, intent)
    return intent


def dispute_at_once(call: Call, intent: Json) -> None:
    """Open the dispute of a dispute test card, as soon as it is captured."""
    reason = method_of(intent).dispute
    if reason:
        charge = call.store.get("charge", intent["latest_charge"])
        inquiry = reason == "inquiry"
        open_dispute(call, charge, charge["amount_captured"], "general" if inquiry else reason, inquiry=inquiry)


def require_action_of_buyer(call: Call, intent: Json) -> Json:
    """Require the buyer's authentication (3-D Secure)."""
    action = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect", "source": new_id("src")}}
    intent |= {"status": "requires_action", "next_action": action}
    emit(call, "payment_intent.requires_action", call.store.save(intent))
    return intent


def decline(call: Call, intent: Json, method: Method) -> ApiError:
    """Store a declined charge and return the card error."""
    decline_code = method.decline_code or "generic_decline"
    pending = call.store.find(intent["latest_charge"] or "") if intent["status"] == "processing" else None
    charge = pending or make_charge(call, intent, method, "failed")
    return fail_charge(call, intent, charge, decline_words(decline_code), decline_code)


def fail_charge(call: Call, intent: Json, charge: Json, words: tuple[str, str], decline_code: str) -> ApiError:
    """Store that a charge has failed, with the code and the message; return the card error."""
    code, message = words
    charge |= {"status": "failed", "failure_code": code, "failure_message": message, "paid": False}
    call.store.save(charge)
    trace = {"charge": charge["id"], "decline_code": decline_code}
    fail(call, intent, code, message, trace)
    emit(call, "charge.failed", charge)
    return ApiError(402, "card_error", message, code=code, effect=True, payment_intent=public_view(intent), **trace)


def fail(call: Call, intent: Json, code: str, message: str, trace: Json) -> Json:
    """Set an intent back to `requires_payment_method`, with the reason."""
    error = {
        "type": "card_error",
        "code": code,
        "message": message,
        **trace,
        "payment_method": {
            "id": intent["payment_method"], "object": "payment_method", "billing_details": no_billing_details(),
            "created": intent.get("_method_created", intent["created"]), "livemode": False,
            "type": method_of(intent).type,
        },
    }  # fmt: skip
    intent |= {
        "status": "requires_payment_method", "last_payment_error": error, "payment_method": None,
        "next_action": None, "latest_charge": trace.get("charge", intent["latest_charge"]),
    }  # fmt: skip
    emit(call, "payment_intent.payment_failed", call.store.save(intent))
    return intent
