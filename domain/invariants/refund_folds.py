"""The folds of refunds into what the laws ask for: whose money went back, and which tickets it was for."""

from collections.abc import Callable
from typing import Any

from domain.invariants.state import Owner, Return, Standing
from domain.payments.refund import RefundFailed, RefundPaidByHand, RefundPending, RefundRequested, RefundSucceeded


def _owner(all_of: Standing, fact: Any) -> Owner:
    return all_of.owner(fact.originator_id.partition(":")[2])


def _requested(all_of: Standing, fact: RefundRequested) -> None:
    given = fact.given
    fees = given["platform_minor"] + given["processing_minor"] if fact.fees == "venue" else 0
    returned = Return(fact.timestamp, fact.amount_minor, given["venue_minor"] + fees, given["tax_minor"])
    owner = _owner(all_of, fact)
    owner.refunds[fact.refund_id] = returned
    owner.refunded_tickets |= set(fact.ticket_ids)


def _turned(state: str) -> Callable[[Standing, Any], None]:
    def fold(all_of: Standing, fact: Any) -> None:
        _owner(all_of, fact).refunds[fact.refund_id].state = state

    return fold


def _by_hand(all_of: Standing, fact: RefundPaidByHand) -> None:
    returned = _owner(all_of, fact).refunds[fact.refund_id]
    returned.state, returned.by_hand = "succeeded", True


REFUND_FOLDS: dict[type, Callable[[Standing, Any], None]] = {
    RefundRequested: _requested,
    RefundPending: _turned("pending"),
    RefundSucceeded: _turned("succeeded"),
    RefundFailed: _turned("failed"),
    RefundPaidByHand: _by_hand,
}
