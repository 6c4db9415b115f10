"""The payment methods that an intent offers: those of the dashboard, or the allowed ones that fit the intent."""

from devstack.stripe.core.errors import Json, invalid
from devstack.stripe.core.forms import boolean

AUTOMATIC, ALLOWED, FORMER = "automatic_payment_methods", "allowed_payment_method_types", "payment_method_types"
# Of the methods that the emulator has; a debit has one currency and is never authorised first.
DEBITS = {"sepa_debit": "eur", "us_bank_account": "usd"}
DASHBOARD = ("card", *DEBITS)


def offered(params: Json, currency: str, *, manual: bool) -> tuple[Json | None, list[str]]:
    """Return the intent's `automatic_payment_methods` and `payment_method_types`."""
    if FORMER in params:
        message = "payment_method_types is no longer supported; use allowed_payment_method_types."
        raise invalid(message, code="payment_method_types_no_longer_supported", param=FORMER)
    if ALLOWED not in params:
        given = params.get(AUTOMATIC) or {"enabled": "true"}
        if not isinstance(given, dict):
            raise invalid("Invalid hash", param=AUTOMATIC)
        redirects = given.get("allow_redirects", "always")
        automatic = {"enabled": boolean(given.get("enabled")), "allow_redirects": redirects}
        return automatic, _fitting(DASHBOARD, currency, manual=manual)
    if AUTOMATIC in params:
        raise invalid(f"You may only specify one of these parameters: {AUTOMATIC}, {ALLOWED}.", param=ALLOWED)
    allowed = params[ALLOWED]
    types = _fitting(tuple(allowed) if isinstance(allowed, list) else (), currency, manual=manual)
    if not types:
        message = "No valid payment method types for this Payment Intent."
        raise invalid(message, code="payment_intent_invalid_parameter", param=ALLOWED)
    return None, types


def _fitting(types: tuple[str, ...], currency: str, *, manual: bool) -> list[str]:
    """Return the types that can pay in this currency and way; Stripe leaves out the others without a word."""
    return [name for name in types if name == "card" or (DEBITS.get(name) == currency and not manual)]
