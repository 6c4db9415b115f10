"""Switches of the buyer's bank: 3-D Secure, slow payments, lapsed authorisations, failed captures."""

from devstack.stripe.core.calls import Call, Endpoint, public_view
from devstack.stripe.core.errors import Json, unexpected_state
from devstack.stripe.core.forms import choice, required_integer
from devstack.stripe.payments.charges import method_of
from devstack.stripe.payments.confirmation import approve, decline, fail
from devstack.stripe.payments.lapsed_authorisations import CAPTURE_FAILURES, lapse

ENDS = ("succeed", "fail")
_FAILED_PROOF = "The provided PaymentMethod has failed authentication."


def wants_success(call: Call) -> bool:
    """Read `outcome`: succeed or fail."""
    return choice(call.params, "outcome", ENDS) == "succeed"


def _in_status(call: Call, status: str, verb: str) -> Json:
    intent = call.store.get("payment_intent", call.subject)
    if intent["status"] != status:
        raise unexpected_state(public_view(intent), verb)
    return intent


def authenticate(call: Call) -> Json:
    """Pass or fail 3-D Secure."""
    intent = _in_status(call, "requires_action", "authenticated")
    if wants_success(call):
        return approve(call, intent)
    return fail(call, intent, "payment_intent_authentication_failure", _FAILED_PROOF, {})


def finish_processing(call: Call) -> Json:
    """Finish a payment that is processing."""
    intent = _in_status(call, "processing", "finished")
    if wants_success(call):
        return approve(call, intent)
    decline(call, intent, method_of(intent))  # only its changes are needed: no caller waits for the error
    return intent


def lapse_now(call: Call) -> Json:
    """Lapse an authorisation, as the bank does without a capture."""
    return lapse(call, _in_status(call, "requires_capture", "lapsed"))


def near_lapse(call: Call) -> Json:
    """Set the end of an authorisation (`capture_before`) to `seconds` from now."""
    intent = _in_status(call, "requires_capture", "shortened")
    charge = call.store.get("charge", intent["latest_charge"])
    details = charge["payment_method_details"]
    details[details["type"]]["capture_before"] = call.now + required_integer(call.params, "seconds", least=0)
    call.store.save(charge)
    return intent


def fail_capture(call: Call) -> Json:
    """Make the next capture of this intent fail: declined, or the authorisation has lapsed."""
    intent = _in_status(call, "requires_capture", "made to fail")
    intent["_capture_fails"] = choice(call.params, "how", CAPTURE_FAILURES)
    return call.store.save(intent)


_END = frozenset({"outcome"})
SWITCHES = (
    Endpoint("POST", "/payment_intents/*/authenticate", authenticate, _END),
    Endpoint("POST", "/payment_intents/*/finish_processing", finish_processing, _END),
    Endpoint("POST", "/payment_intents/*/lapse", lapse_now),
    Endpoint("POST", "/payment_intents/*/near_lapse", near_lapse, frozenset({"seconds"})),
    Endpoint("POST", "/payment_intents/*/fail_capture", fail_capture, frozenset({"how"})),
)
