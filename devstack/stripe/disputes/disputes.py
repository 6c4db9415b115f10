"""Disputes and inquiries: open, answer with evidence, win, lose, close."""

from devstack.stripe.balance.balance_transactions import add_balance_transaction
from devstack.stripe.core.calls import Call, Endpoint
from devstack.stripe.core.errors import Json, invalid
from devstack.stripe.core.forms import boolean, choice, integer, metadata
from devstack.stripe.core.listing import reading
from devstack.stripe.core.store import new_id
from devstack.stripe.disputes.evidence import details, merged, no_evidence, verdict
from devstack.stripe.payments.currencies import dispute_fee_minor
from devstack.stripe.refunds.refunds import fail
from devstack.stripe.webhooks.events import emit

REASONS = (
    "fraudulent", "product_not_received", "duplicate", "credit_not_processed", "general", "product_unacceptable",
    "subscription_canceled", "unrecognized",
)  # fmt: skip
OPEN = ("needs_response", "under_review")
INQUIRIES = ("warning_needs_response", "warning_under_review")
_NETWORK_CODES = {"fraudulent": "10.4", "product_not_received": "13.1", "duplicate": "12.6"}


def open_dispute(call: Call, charge: Json, amount: int, reason: str, *, inquiry: bool = False) -> Json:
    """Open a dispute: withdraw the amount and a fee, and refuse refunds; an inquiry does neither."""
    case, code = ("inquiry" if inquiry else "chargeback"), _NETWORK_CODES.get(reason, "13.7")
    dispute = call.store.add({
        "id": new_id("du_1").replace("du_1_", "du_1"), "object": "dispute", "amount": amount,
        "balance_transactions": [], "charge": charge["id"], "created": call.now, "currency": charge["currency"],
        "enhanced_eligibility_types": [], "evidence": no_evidence(), "evidence_details": details(call.now),
        "is_charge_refundable": inquiry, "livemode": False, "metadata": {}, "network_reason_code": code,
        "payment_intent": charge["payment_intent"], **_method_details(charge, case, code), "reason": reason,
        "status": INQUIRIES[0] if inquiry else OPEN[0],
    })  # fmt: skip
    call.store.save(charge | {"disputed": True})
    emit(call, "charge.dispute.created", dispute)
    return dispute if inquiry else _withdraw(call, dispute)


def _method_details(charge: Json, case: str, code: str) -> Json:
    """Return the method of a disputed charge; Stripe has no details for a bank debit."""
    card = charge["payment_method_details"].get("card")
    if card is None:
        return {}
    about = {"brand": card["brand"], "case_type": case, "network": card["brand"], "network_reason_code": code}
    return {"payment_method_details": {"type": "card", "card": about}}


def _withdraw(call: Call, dispute: Json) -> Json:
    for refund in _pending_refunds(call, dispute["charge"]):
        fail(call, refund, "charge_for_pending_refund_disputed")
    fee = dispute_fee_minor(dispute["currency"])
    entry = add_balance_transaction(
        call, "adjustment", dispute, -dispute["amount"], fee_minor=fee, fee_words="Dispute fee", category="dispute"
    )
    dispute["balance_transactions"].append(entry)
    emit(call, "charge.dispute.funds_withdrawn", call.store.save(dispute))
    return dispute


def _pending_refunds(call: Call, charge_id: str) -> list[Json]:
    where = "json_extract(body, '$.charge') = ? AND json_extract(body, '$.status') = 'pending'"
    return call.store.select("refund", where, (charge_id,))


def dispute_charge(call: Call) -> Json:
    """Open a dispute on a captured charge, for `amount` or everything that is neither refunded nor disputed.

    A bank that does not know of a refund disputes its money too: `even_refunded`.
    """
    charge = call.own("charge", call.subject)
    still_pending = sum(refund["amount"] for refund in _pending_refunds(call, charge["id"]))
    refunded = 0 if boolean(call.params.get("even_refunded")) else charge["amount_refunded"] - still_pending
    left = charge["amount"] - refunded - _disputed(call, charge["id"])
    amount = integer(call.params, "amount", least=1) or left
    if not charge["captured"] or not 0 < amount <= left:
        raise invalid(f"Charge {charge['id']} cannot be disputed for {amount}.")
    reason = choice(call.params, "reason", REASONS)
    return open_dispute(call, charge, amount, reason, inquiry=boolean(call.params.get("inquiry")))


def _disputed(call: Call, charge_id: str) -> int:
    """Return what disputes of a charge claim: those not won, prevented or withdrawn."""
    found = call.store.select("dispute", "json_extract(body, '$.charge') = ?", (charge_id,))
    return sum(row["amount"] for row in found if row["status"] not in {"won", "prevented", "warning_closed"})


def escalate(call: Call) -> Json:
    """Escalate an inquiry to a dispute, which withdraws the money."""
    dispute = _in_status(call.store.get("dispute", call.subject), INQUIRIES)
    if "payment_method_details" in dispute:
        dispute["payment_method_details"]["card"]["case_type"] = "chargeback"
    dispute |= {"status": OPEN[0], "is_charge_refundable": False, "evidence_details": details(call.now)}
    return _withdraw(call, _changed(call, dispute))


def finish(call: Call) -> Json:
    """Finish a dispute: won, lost, (an inquiry) withdrawn, or prevented; `return_fee` returns the fee too.

    A lost one returns `returned` of its money: the part that was refunded before. Prevented is an inquiry that takes
    nothing, or a dispute that keeps what was withdrawn.
    """
    dispute = call.store.get("dispute", call.subject)
    outcome = choice(call.params, "outcome", ("won", "lost", "withdrawn", "prevented"))
    if outcome == "withdrawn":
        return _closed(call, _in_status(dispute, INQUIRIES), "warning_closed")
    if outcome == "prevented":
        return _closed(call, _in_status(dispute, (*INQUIRIES, *OPEN)), "prevented")
    _in_status(dispute, OPEN)
    if outcome == "won":
        return win(call, dispute, return_fee=boolean(call.params.get("return_fee")))
    returned = integer(call.params, "returned", least=1)
    lost = lose(call, dispute)
    return _reinstate(call, lost, returned) if returned else lost


def give_back(call: Call) -> Json:
    """Return a part of the money of a lost dispute, after its end."""
    dispute = _in_status(call.store.get("dispute", call.subject), ("lost", "prevented"))
    return _reinstate(call, dispute, integer(call.params, "amount", least=1) or dispute["amount"])


def _reinstate(call: Call, dispute: Json, amount: int, fee: int = 0) -> Json:
    """Return an amount, at most what was withdrawn, with the fee or without it."""
    if amount > -sum(entry["amount"] for entry in dispute["balance_transactions"]):
        raise invalid(f"The dispute {dispute['id']} has taken less than {amount}.")
    entry = add_balance_transaction(
        call,
        "adjustment",
        dispute,
        amount,
        fee_minor=fee,
        fee_words="Dispute fee refund",
        category="dispute_reversal",
    )
    dispute["balance_transactions"].append(entry)
    emit(call, "charge.dispute.funds_reinstated", call.store.save(dispute))
    return dispute


def win(call: Call, dispute: Json, *, return_fee: bool = False) -> Json:
    """Return the money, the fee only on request."""
    fee = -dispute_fee_minor(dispute["currency"]) if return_fee else 0
    dispute = _reinstate(call, dispute | {"status": "won"}, dispute["amount"], fee)
    return _closed(call, dispute, "won")


def lose(call: Call, dispute: Json) -> Json:
    """Close a dispute as lost: the buyer keeps the money."""
    return _closed(call, dispute, "lost")


def _closed(call: Call, dispute: Json, status: str) -> Json:
    emit(call, "charge.dispute.closed", call.store.save(dispute | {"status": status}))
    return dispute | {"status": status}


def _changed(call: Call, dispute: Json) -> Json:
    before = call.store.get("dispute", dispute["id"])
    emit(call, "charge.dispute.updated", call.store.save(dispute), before=before)
    return dispute


def _in_status(dispute: Json, allowed: tuple[str, ...]) -> Json:
    if dispute["status"] not in allowed:
        raise invalid(f"This dispute has a status of {dispute['status']}.")
    return dispute


def update(call: Call) -> Json:
    """Update evidence and metadata; submit the evidence, once, unless `submit` is false."""
    dispute = call.store.get("dispute", call.subject)
    dispute["metadata"] = metadata(call.params, dispute["metadata"])
    given = call.params.get("evidence")
    submits = boolean(call.params.get("submit", given is not None))
    if given is None and not submits:
        return _changed(call, dispute)
    _in_status(dispute, (OPEN[0], INQUIRIES[0]))
    dispute["evidence"] = merged(dispute["evidence"], given or {})
    dispute["evidence_details"]["has_evidence"] = True
    if not submits:
        return _changed(call, dispute)
    inquiry = dispute["status"] in INQUIRIES
    dispute["evidence_details"] |= {"submission_count": 1, "submission_method": "manual"}
    _changed(call, dispute | {"status": INQUIRIES[1] if inquiry else OPEN[1]})
    dispute["status"] = INQUIRIES[1] if inquiry else OPEN[1]
    return {"won": win, "lost": lose}.get("" if inquiry else verdict(dispute), lambda _, same: same)(call, dispute)


def close(call: Call) -> Json:
    """Accept a dispute: it is lost for good."""
    return lose(call, _in_status(call.store.get("dispute", call.subject), (OPEN[0], INQUIRIES[0])))


ENDPOINTS = (
    *reading("dispute", "/v1/disputes", "charge", "payment_intent", open_to_accounts=False),
    Endpoint("POST", "/v1/disputes/*", update, frozenset({"evidence", "metadata", "submit"})),
    Endpoint("POST", "/v1/disputes/*/close", close),
)
SWITCHES = (
    Endpoint("POST", "/charges/*/dispute", dispute_charge, frozenset({"amount", "reason", "inquiry", "even_refunded"})),
    Endpoint("POST", "/disputes/*/escalate", escalate),
    Endpoint("POST", "/disputes/*/finish", finish, frozenset({"outcome", "return_fee", "returned"})),
    Endpoint("POST", "/disputes/*/return", give_back, frozenset({"amount"})),
)
