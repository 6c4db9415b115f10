"""Refunds after their creation: pay those that wait for money, and the switches that finish them."""

from devstack.stripe.core.calls import Call, Endpoint
from devstack.stripe.core.errors import Json, invalid
from devstack.stripe.core.forms import choice
from devstack.stripe.refunds.refunds import WAITS_FOR_MONEY, changed, create, fail, is_covered, take

FAILURES = (
    "unknown", "declined", "expired_or_canceled_card", "insufficient_funds", "lost_or_stolen_card", "merchant_request",
)  # fmt: skip
ACTION_SECONDS = 30 * 86400


def pay_waiting_refunds(call: Call) -> None:
    """Pay refunds that wait for money, oldest first, while the balance covers them."""
    lack = "json_extract(body, '$.pending_reason') = 'insufficient_funds'"
    for refund in call.store.select("refund", lack, (), "ORDER BY seq"):
        if not is_covered(call, refund["currency"], refund["amount"]):
            return
        _pay(call, refund)


def _pay(call: Call, refund: Json) -> Json:
    charge = call.store.get("charge", refund["charge"])
    slow = charge["_refund"] == "pending"
    refund |= {"pending_reason": "processing" if slow else None, "status": "pending" if slow else "succeeded"}
    return changed(call, take(call, refund, charge))


def finish(call: Call) -> Json:
    """Finish a refund; one that succeeded can still fail, one that waits for money is paid."""
    refund = call.own("refund", call.subject)
    succeeded = choice(call.params, "outcome", ("succeed", "fail")) == "succeed"
    open_states = {"pending", "requires_action"} if succeeded else {"pending", "requires_action", "succeeded"}
    if refund["status"] not in open_states:
        raise invalid(f"The refund is {refund['status']}.", code="refund_not_pending")
    if not succeeded:
        return fail(call, refund, choice(call.params, "failure_reason", FAILURES))
    if refund["pending_reason"] == WAITS_FOR_MONEY:
        return _pay(call, refund)
    return changed(call, refund | {"status": "succeeded", "pending_reason": None, "next_action": None})


def require_action(call: Call) -> Json:
    """Make a pending refund wait for the buyer to name a destination."""
    refund = call.own("refund", call.subject)
    if refund["status"] != "pending":
        raise invalid(f"The refund is {refund['status']}.", code="refund_not_pending")
    sent = {"email_sent_at": call.now, "email_sent_to": "buyer@example.com"}
    details = {"email_sent": sent, "expires_at": call.now + ACTION_SECONDS}
    action = {"type": "display_details", "display_details": details}
    return changed(call, refund | {"status": "requires_action", "pending_reason": None, "next_action": action})


def refund_in_dashboard(call: Call) -> Json:
    """Refund a charge as from Stripe's dashboard: no key, no request, no metadata."""
    given = {name: value for name, value in call.params.items() if name in {"amount", "reason"}}
    return create(Call(call.store, {**given, "charge": call.subject}, now=call.now))


SWITCHES = (
    Endpoint("POST", "/refunds/*/finish", finish, frozenset({"outcome", "failure_reason"})),
    Endpoint("POST", "/refunds/*/require_action", require_action),
    Endpoint("POST", "/charges/*/refund_in_dashboard", refund_in_dashboard, frozenset({"amount", "reason"})),
)
