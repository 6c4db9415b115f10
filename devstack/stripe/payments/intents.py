"""PaymentIntents: create, update, confirm, capture, cancel, retrieve, list, search."""

from devstack.stripe.core.calls import LIST_COMMON, Call, Endpoint, without_keys
from devstack.stripe.core.errors import Json, invalid, missing_parameter, unexpected_state
from devstack.stripe.core.forms import boolean, choice, integer, metadata, required_integer, required_text
from devstack.stripe.core.listing import page, search
from devstack.stripe.core.store import new_id
from devstack.stripe.payments.charges import capture_charge, release_authorisation
from devstack.stripe.payments.confirmation import attach_method, dispute_at_once, run_course
from devstack.stripe.payments.currencies import SUPPORTED, check_charge, check_digits
from devstack.stripe.payments.lapsed_authorisations import check_capture, lapse_when_due
from devstack.stripe.payments.offered_methods import offered
from devstack.stripe.payments.refused_intents import refuse_by_switch
from devstack.stripe.webhooks.events import emit

REASONS = ("requested_by_customer", "duplicate", "fraudulent", "abandoned")
CONFIRMABLE = {"requires_payment_method", "requires_confirmation", "requires_action"}
CANCELLABLE = CONFIRMABLE | {"requires_capture"}
_TEXTS = ("description", "receipt_email", "statement_descriptor_suffix", "transfer_group", "customer")
_CREATE = frozenset({
    "amount", "currency", "capture_method", "automatic_payment_methods", "confirm", "metadata", "payment_method",
    "allowed_payment_method_types", "payment_method_types",
    "return_url", "off_session", "setup_future_usage", *_TEXTS,
})  # fmt: skip
_UPDATE = frozenset({"amount", "currency", "metadata", "payment_method", *_TEXTS})
_CONFIRM = frozenset({"payment_method", "client_secret", "return_url", "off_session", "key", "use_stripe_sdk"})
_HIDDEN_FROM_BROWSERS = ("metadata", "transfer_group", "latest_charge", "application_fee_amount")


def _amount(call: Call, currency: str) -> int:
    amount = required_integer(call.params, "amount")
    check_charge(amount, currency)
    return amount


def _currency(call: Call) -> str:
    currency = required_text(call.params, "currency").lower()
    if currency not in SUPPORTED:
        raise invalid(f"Invalid currency: {currency}", param="currency")
    return currency


def create(call: Call) -> Json:
    """Create an intent, and confirm it if `confirm` is true; a switch refuses it for good."""
    refuse_by_switch(call)
    currency = _currency(call)
    intent_id = new_id("pi_3", 22).replace("pi_3_", "pi_3")
    capture_method = choice(call.params, "capture_method", ("automatic", "automatic_async", "manual"))
    automatic, types = offered(call.params, currency, manual=capture_method == "manual")
    intent = call.store.add({
        "id": intent_id, "object": "payment_intent", "amount": _amount(call, currency), "amount_capturable": 0,
        "amount_received": 0, "automatic_payment_methods": automatic,
        "canceled_at": None, "cancellation_reason": None, "client_secret": new_id(f"{intent_id}_secret", 25),
        "capture_method": capture_method,
        "confirmation_method": "automatic", "created": call.now, "currency": currency, "last_payment_error": None,
        "latest_charge": None, "livemode": False, "metadata": metadata(call.params), "next_action": None,
        "payment_method": None, "payment_method_types": types, "status": "requires_payment_method",
        **{name: call.params.get(name) for name in _TEXTS}, "_method": "",
    })  # fmt: skip
    emit(call, "payment_intent.created", intent)
    if "payment_method" in call.params:
        attach_method(call, intent, required_text(call.params, "payment_method"))
    if boolean(call.params.get("confirm")):
        return _confirmed(call, intent)
    return intent


def update(call: Call) -> Json:
    """Update an intent before its payment."""
    intent = call.store.get("payment_intent", call.subject)
    if intent["status"] not in CONFIRMABLE:
        raise unexpected_state(intent, "updated")
    if "currency" in call.params:
        intent["currency"] = _currency(call)
    if "amount" in call.params:
        intent["amount"] = _amount(call, intent["currency"])
    intent |= {name: call.params[name] for name in _TEXTS if name in call.params}
    intent["metadata"] = metadata(call.params, intent["metadata"])
    if "payment_method" in call.params:
        attach_method(call, intent, required_text(call.params, "payment_method"))
    return call.store.save(intent)


def confirm(call: Call) -> Json:
    """Confirm an intent, from the server or from a browser with the client secret."""
    intent = _seen_by_caller(call)
    answer = _confirmed(call, intent)
    return without_keys(answer, *_HIDDEN_FROM_BROWSERS) if call.public else answer


def _confirmed(call: Call, intent: Json) -> Json:
    if intent["status"] not in CONFIRMABLE:
        raise unexpected_state(intent, "confirmed")
    if "payment_method" in call.params:
        attach_method(call, intent, required_text(call.params, "payment_method"))
    if not intent["payment_method"]:
        message = "You cannot confirm this PaymentIntent because it's missing a payment method."
        raise invalid(message, code="payment_intent_unexpected_state", payment_intent=intent)
    redirects = (intent["automatic_payment_methods"] or {}).get("allow_redirects", "always") == "always"
    if redirects and not call.public and "return_url" not in call.params:
        # As with Stripe: a confirm from the server needs a return_url for redirects.
        raise invalid("This PaymentIntent may need a redirect: pass a `return_url`, or allow_redirects=never.")
    return run_course(call, intent)


def _seen_by_caller(call: Call) -> Json:
    intent = call.store.get("payment_intent", call.subject, "intent")
    secret = call.params.get("client_secret")
    if call.public and secret is None:
        raise missing_parameter("client_secret")
    if secret is not None and secret != intent["client_secret"]:
        message = "The client_secret provided does not match the client_secret associated with the PaymentIntent."
        raise invalid(message, code="payment_intent_invalid_parameter", param="client_secret")
    return intent


def capture(call: Call) -> Json:
    """Capture an authorisation, whole or in part."""
    intent = call.store.get("payment_intent", call.subject, "intent")
    if intent["status"] != "requires_capture":
        raise unexpected_state(intent, "captured")
    amount = integer(call.params, "amount_to_capture", least=1) or intent["amount_capturable"]
    if amount > intent["amount_capturable"]:
        message = "The amount to capture is greater than the amount authorised."
        raise invalid(message, code="amount_too_large", param="amount_to_capture")
    check_digits(amount, intent["currency"], "amount_to_capture")
    check_capture(call, intent)
    charge = capture_charge(call, call.store.get("charge", intent["latest_charge"]), amount)
    intent |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0}
    call.store.save(intent)
    emit(call, "charge.captured", charge)
    emit(call, "payment_intent.succeeded", intent)
    dispute_at_once(call, intent)
    return intent


def cancel(call: Call) -> Json:
    """Cancel an intent before its capture, and release its authorisation."""
    intent = lapse_when_due(call, call.store.get("payment_intent", call.subject, "intent"))
    if intent["status"] not in CANCELLABLE:
        raise unexpected_state(intent, "canceled", effect=True)
    reason = choice(call.params, "cancellation_reason", REASONS) if "cancellation_reason" in call.params else None
    if intent["status"] == "requires_capture":
        release_authorisation(call, call.store.get("charge", intent["latest_charge"]))
    intent |= {
        "status": "canceled", "canceled_at": call.now, "cancellation_reason": reason, "amount_capturable": 0,
        "next_action": None,
    }  # fmt: skip
    emit(call, "payment_intent.canceled", call.store.save(intent))
    return intent


def retrieve(call: Call) -> Json:
    """Return one intent; a browser needs its client secret."""
    intent = lapse_when_due(call, _seen_by_caller(call))
    return without_keys(intent, *_HIDDEN_FROM_BROWSERS) if call.public else intent


def listing(call: Call) -> Json:
    """List the intents."""
    return page(call, "payment_intent", "/v1/payment_intents", ("customer",))


def find(call: Call) -> Json:
    """Search the intents; unlike Stripe's, this index is never behind."""
    return search(call, "payment_intent", "/v1/payment_intents/search")


ENDPOINTS = (
    Endpoint("POST", "/v1/payment_intents", create, _CREATE),
    Endpoint("GET", "/v1/payment_intents", listing, LIST_COMMON | {"customer"}),
    Endpoint("GET", "/v1/payment_intents/search", find, frozenset({"query", "limit", "page"})),
    Endpoint("GET", "/v1/payment_intents/*", retrieve, frozenset({"client_secret", "key"}), open_to_browsers=True),
    Endpoint("POST", "/v1/payment_intents/*", update, _UPDATE),
    Endpoint("POST", "/v1/payment_intents/*/confirm", confirm, _CONFIRM, open_to_browsers=True),
    Endpoint("POST", "/v1/payment_intents/*/capture", capture, frozenset({"amount_to_capture"})),
    Endpoint("POST", "/v1/payment_intents/*/cancel", cancel, frozenset({"cancellation_reason"})),
)
