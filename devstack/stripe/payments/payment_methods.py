"""Stripe's test payment methods: approved, declined, with 3-D Secure, slow, disputed."""

import time
from dataclasses import dataclass
from typing import Literal

from devstack.stripe.core.errors import Json, invalid, not_found

Course = Literal["approve", "decline", "authenticate", "wait"]


@dataclass(frozen=True)
class Method:
    """A test payment method and its behaviour."""

    course: Course = "approve"
    type: str = "card"
    brand: str = "visa"
    last4: str = "4242"
    decline_code: str | None = None
    refund: Literal["succeeded", "pending", "failed"] = "succeeded"
    pending_seconds: int = 2 * 86400
    dispute: str = ""


_DECLINED = {
    "pm_card_chargeDeclined": "generic_decline",
    "pm_card_visa_chargeDeclined": "generic_decline",
    "pm_card_chargeDeclinedInsufficientFunds": "insufficient_funds",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "insufficient_funds",
    "pm_card_visa_chargeDeclinedLostCard": "lost_card",
    "pm_card_visa_chargeDeclinedStolenCard": "stolen_card",
    "pm_card_chargeDeclinedExpiredCard": "expired_card",
    "pm_card_chargeDeclinedIncorrectCvc": "incorrect_cvc",
    "pm_card_chargeDeclinedProcessingError": "processing_error",
}
_OWN_CODES = {"expired_card", "incorrect_cvc", "processing_error"}
_MESSAGES = {
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
}
METHODS: dict[str, Method] = {
    "pm_card_visa": Method(),
    "pm_card_us": Method(),
    "pm_card_mastercard": Method(brand="mastercard", last4="4444"),
    "pm_card_amex": Method(brand="amex", last4="8431"),
    "pm_card_bypassPending": Method(last4="0077", pending_seconds=0),
    "pm_card_threeDSecure2Required": Method(course="authenticate", last4="3220"),
    "pm_card_threeDSecureRequired": Method(course="authenticate", last4="3063"),
    "pm_card_authenticationRequired": Method(course="authenticate", last4="3184"),
    "pm_card_createDispute": Method(last4="0259", dispute="fraudulent"),
    "pm_card_createDisputeProductNotReceived": Method(last4="2685", dispute="product_not_received"),
    "pm_card_createDisputeInquiry": Method(last4="1976", dispute="inquiry"),
    "pm_card_pendingRefund": Method(last4="7726", refund="pending"),
    "pm_card_refundFail": Method(last4="5126", refund="failed"),
    "pm_usBankAccount": Method(course="wait", type="us_bank_account", brand="", last4="6789"),
    "pm_usBankAccount_success": Method(course="wait", type="us_bank_account", brand="", last4="6789"),
    "pm_success_de": Method(course="wait", type="sepa_debit", brand="", last4="3201"),
    # Stripe has no slow card; this one allows manual capture after `processing`.
    "pm_emulator_slowCard": Method(course="wait", last4="0000"),
    **{name: Method(course="decline", last4="0002", decline_code=code) for name, code in _DECLINED.items()},
}


def card_details(method: Method, now: int) -> Json:
    """Return the card of a test payment method, which expires a year from now as Stripe's test cards do."""
    today = time.gmtime(now)
    return {
        "brand": method.brand, "last4": method.last4, "country": "US", "funding": "credit",
        "exp_month": today.tm_mon, "exp_year": today.tm_year + 1, "network": method.brand,
    }  # fmt: skip


def no_billing_details() -> Json:
    """Return the billing details of a buyer who gave none."""
    address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    return {"address": address, "email": None, "name": None, "phone": None, "tax_id": None}


def method_named(name: str, types: list[str], *, manual: bool) -> Method:
    """Return a test payment method, of a type that is offered; a bank debit does not support manual capture."""
    method = METHODS.get(name)
    if method is None:
        raise not_found("PaymentMethod", name, "payment_method")
    if manual and method.type != "card":
        message = f"The payment method type {method.type} does not support manual capture."
        raise invalid(message, code="payment_intent_incompatible_payment_method", param="payment_method")
    if method.type not in types:
        message = f"The PaymentMethod provided ({method.type}) is not allowed for this PaymentIntent."
        raise invalid(message, code="payment_intent_incompatible_payment_method", param="payment_method")
    return method


def decline_words(decline_code: str) -> tuple[str, str]:
    """Return the error code and the message of a decline."""
    code = decline_code if decline_code in _OWN_CODES else "card_declined"
    return code, _MESSAGES.get(decline_code, "Your card was declined.")
