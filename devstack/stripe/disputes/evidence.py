"""Evidence of a dispute: its fields, and the texts that decide a dispute in Stripe's test mode."""

from devstack.stripe.core.errors import Json, invalid, unknown_parameter

RESPONSE_SECONDS = 7 * 86400
_FIELDS = (
    "access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name",
    "customer_purchase_ip", "customer_signature", "duplicate_charge_documentation", "duplicate_charge_explanation",
    "duplicate_charge_id", "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address", "shipping_carrier",
    "shipping_date", "shipping_documentation", "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
)  # fmt: skip
_VERDICTS = {"winning_evidence": "won", "losing_evidence": "lost"}


def no_evidence() -> Json:
    """Return empty evidence."""
    return {**dict.fromkeys(_FIELDS), "enhanced_evidence": {}}


def details(now: int) -> Json:
    """Return the details of evidence not yet submitted."""
    return {
        "due_by": now + RESPONSE_SECONDS, "enhanced_eligibility": {}, "has_evidence": False, "past_due": False,
        "submission_count": 0, "submission_method": "not_submitted",
    }  # fmt: skip


def merged(before: Json, given: object) -> Json:
    """Merge new evidence into the existing one; an empty text clears a field."""
    if not isinstance(given, dict):
        raise invalid("Invalid hash", param="evidence")
    for name in given:
        if name not in _FIELDS:
            raise unknown_parameter(f"evidence[{name}]")
    return before | {name: value or None for name, value in given.items()}


def verdict(dispute: Json) -> str:
    """Return won or lost if the evidence has the test mode's text for it, else an empty text: undecided."""
    return _VERDICTS.get(str(dispute["evidence"]["uncategorized_text"]), "")
