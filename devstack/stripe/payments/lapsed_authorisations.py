"""Authorisations that lapse without a capture in time, and captures that fail."""

from devstack.stripe.core.calls import Call, public_view
from devstack.stripe.core.errors import ApiError, Json, unexpected_state
from devstack.stripe.payments.charges import method_of
from devstack.stripe.payments.confirmation import fail_charge
from devstack.stripe.payments.payment_methods import decline_words
from devstack.stripe.webhooks.events import emit

CAPTURE_FAILURES = ("decline", "expire")
_EXPIRED = (
    "The charge cannot be captured as the authorization has expired. Auth and capture charges must be captured within "
    "a set number of days (7 by default)."
)


def lapse(call: Call, intent: Json) -> Json:
    """Lapse an authorisation as Stripe does: expire the charge, cancel the intent."""
    charge = call.store.get("charge", intent["latest_charge"])
    charge |= {"refunded": True, "amount_refunded": charge["amount"]}
    emit(call, "charge.expired", call.store.save(charge))
    intent |= {
        "status": "canceled", "canceled_at": call.now, "cancellation_reason": "automatic", "amount_capturable": 0,
    }  # fmt: skip
    emit(call, "payment_intent.canceled", call.store.save(intent))
    return intent


def lapse_when_due(call: Call, intent: Json) -> Json:
    """Return the intent, lapsed first if its authorisation has ended: the emulator has no timer."""
    if intent["status"] != "requires_capture":
        return intent
    details = call.store.get("charge", intent["latest_charge"])["payment_method_details"]
    before = details[details["type"]].get("capture_before")
    return lapse(call, intent) if before is not None and before <= call.now else intent


def check_capture(call: Call, intent: Json) -> None:
    """Raise if this capture is to fail; the changes that come with the failure are kept."""
    how = intent.pop("_capture_fails", None)
    if how == "expire":
        lapse(call, intent)
        raise ApiError(400, "invalid_request_error", _EXPIRED, code="charge_expired_for_capture", effect=True)
    if how == "decline":
        intent["amount_capturable"] = 0
        charge = call.store.get("charge", intent["latest_charge"])
        words = decline_words(method_of(intent).decline_code or "generic_decline")
        raise fail_charge(call, intent, charge, words, "generic_decline")
    if lapse_when_due(call, intent)["status"] == "canceled":
        raise unexpected_state(public_view(intent), "captured", effect=True)
