"""Map Stripe's objects to the domain's."""

from typing import Any

import stripe

from domain.payments.dispute import DisputeStatus
from domain.payments.payment_intent import IntentState, StripeRefund

DEPLOYMENT = "deployment"  # the name of our deployment's id in metadata
# One read shows the intent, its charge and the real fee.
EXPAND = ["latest_charge.balance_transaction"]
# When a purchase has several intents, the one nearest to paid decides.
NEAREST_FIRST = (
    "succeeded", "requires_capture", "processing", "requires_action", "requires_confirmation",
    "requires_payment_method", "canceled",
)  # fmt: skip


def intent_state(intent: stripe.PaymentIntent) -> IntentState:
    """Map an intent that was requested with `EXPAND`."""
    charge = intent.latest_charge if isinstance(intent.latest_charge, stripe.Charge) else None
    return IntentState(
        intent_id=intent.id,
        purchase_id=metadata_value(intent.metadata, "purchase_id"),
        status=intent.status,
        amount_minor=intent.amount,
        received_minor=intent.amount_received,
        currency=intent.currency,
        client_secret=intent.client_secret or "",
        charge_id=charge.id if charge else None,
        stripe_fee_minor=_fee_minor(charge),
        refunded_minor=_refunded_minor(charge),
        decline_code=_decline_code(intent.last_payment_error),
    )


def metadata_value(metadata: Any, name: str) -> str:
    """Return a value of an object's metadata, or an empty text."""
    return str(metadata[name]) if metadata and name in metadata else ""


def is_foreign(metadata: Any, deployment_id: str) -> bool:
    """Return whether metadata names another deployment than ours."""
    return metadata_value(metadata, DEPLOYMENT) not in {"", deployment_id}


def _fee_minor(charge: stripe.Charge | None) -> int | None:
    entry = charge.balance_transaction if charge else None
    return entry.fee if isinstance(entry, stripe.BalanceTransaction) else None


def _refunded_minor(charge: stripe.Charge | None) -> int:
    """Return the refunded part of the captured amount; Stripe counts a released authorisation as refunded too."""
    if charge is None:
        return 0
    return max(0, charge.amount_refunded - (charge.amount - charge.amount_captured))


def _decline_code(error: Any) -> str | None:
    if error is None:
        return None
    return getattr(error, "decline_code", None) or getattr(error, "code", None)


def refund_state(refund: stripe.Refund, intent_id: str) -> StripeRefund:
    """Map a refund."""
    return StripeRefund.model_validate({
        "refund_id": refund.id,
        "intent_id": intent_id,
        "amount_minor": refund.amount,
        "status": refund.status,
        "failure": getattr(refund, "failure_reason", None),
        "key": metadata_value(refund.metadata, "refund_key"),
    })  # fmt: skip


def dispute_said(dispute: stripe.Dispute) -> DisputeStatus:
    """Map a dispute, with the amounts and the fees of its balance transactions."""
    moved = dispute.balance_transactions
    statuses = {"won": "won", "lost": "lost", "warning_closed": "closed", "prevented": "closed"}
    other = "warning" if dispute.status.startswith("warning") else "open"
    return DisputeStatus.model_validate({
        "dispute_id": dispute.id,
        "status": statuses.get(dispute.status, other),
        "amount_minor": -sum(entry.amount for entry in moved if entry.amount < 0) or dispute.amount,
        "currency": dispute.currency,
        "is_withdrawn": bool(moved),
        "returned_minor": sum(entry.amount for entry in moved if entry.amount > 0),
        "fee_minor": sum(entry.fee for entry in moved if entry.amount < 0),
        "fee_back_minor": -sum(entry.fee for entry in moved if entry.amount > 0),
        "charge_id": id_of(dispute.charge),
        "intent_id": id_of(dispute.payment_intent),
    })  # fmt: skip


def id_of(reference: Any) -> str:
    """Return the id of an object, expanded or not; empty without one."""
    return str(getattr(reference, "id", reference) or "")


def quoted(text: str) -> str:
    """Quote a value for Stripe's search language."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
