"""Switches of the buyer's bank: 3-D Secure, slow payments, authorisations that lapse, captures that fail."""

from devstack.stripe.calls import Call, Endpoint, shown
from devstack.stripe.charges import method_of
from devstack.stripe.confirming import approve, declined, fail
from devstack.stripe.errors import Json, unexpected
from devstack.stripe.forms import choice, needed_integer
from devstack.stripe.lapses import CAPTURE_FAILURES, lapse

ENDS = ("succeed", "fail")
_FAILED_PROOF = "The provided PaymentMethod has failed authentication."


def wants_success(call: Call) -> bool:
    """Read `outcome`: succeed or fail."""
    return choice(call.params, "outcome", ENDS) == "succeed"


def _in_status(call: Call, status: str, verb: str) -> Json:
    intent = call.store.get("payment_intent", call.subject)
    if intent["status"] != status:
        raise unexpected(shown(intent), verb)
    return intent


def authenticate(call: Call) -> Json:
    """Let the buyer pass or fail 3-D Secure."""
    intent = _in_status(call, "requires_action", "authenticated")
    if wants_success(call):
        return approve(call, intent)
    return fail(call, intent, "payment_intent_authentication_failure", _FAILED_PROOF, {})


def finish_processing(call: Call) -> Json:
    """Let a payment that is processing come to its end."""
    intent = _in_status(call, "processing", "finished")
    if wants_success(call):
        return approve(call, intent)
    declined(call, intent, method_of(intent))  # its traces are wanted, not the error: nobody waits for an answer
    return intent


def lapse_now(call: Call) -> Json:
    """Let an authorisation lapse, as the bank does when nobody captures."""
    return lapse(call, _in_status(call, "requires_capture", "lapsed"))


def near_lapse(call: Call) -> Json:
    """Move the end of an authorisation (`capture_before`) to so many `seconds` from now."""
    intent = _in_status(call, "requires_capture", "shortened")
    charge = call.store.get("charge", intent["latest_charge"])
    details = charge["payment_method_details"]
    details[details["type"]]["capture_before"] = call.now + needed_integer(call.params, "seconds", least=0)
    call.store.save(charge)
    return intent


def fail_capture(call: Call) -> Json:
    """Make the next capture of this intent fail: the bank declines it, or the authorisation has lapsed."""
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
