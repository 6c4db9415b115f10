"""Folds of refunds into the summaries judged by the invariants: the amounts by recipient, and the tickets."""

from collections.abc import Callable
from typing import Any

from domain.core.aggregate import DomainEvent
from domain.invariants.state import InvariantState, PurchaseSummary, RefundSummary
from domain.payments.disputed_refunds import RefundOwedAgain, RefundPaidByBank
from domain.payments.refunds import (
    RefundExcessReturned,
    RefundFailed,
    RefundHandedOut,
    RefundOwedAtTill,
    RefundPaidByHand,
    RefundPending,
    RefundReduced,
    RefundRequested,
    RefundSucceeded,
)


def _owner(all_of: InvariantState, event: DomainEvent) -> PurchaseSummary:
    return all_of.purchase(event.identity)


def _requested(all_of: InvariantState, event: RefundRequested) -> None:
    given = event.given
    fees = given["platform_minor"] + given["processing_minor"] if event.fees == "venue" else 0
    returned = RefundSummary(event.timestamp, event.amount_minor, given["venue_minor"] + fees, given["tax_minor"])
    if event.fees != "venue":
        returned.platform_minor, returned.processing_minor = given["platform_minor"], given["processing_minor"]
    returned.intent_id, returned.currency = event.intent_id, event.currency
    returned.excess_minor = event.excess_minor
    purchase = _owner(all_of, event)
    purchase.refunds[event.refund_id] = returned
    purchase.refunded_tickets |= set(event.ticket_ids)


def _sets(**values: Any) -> Callable[[InvariantState, Any], None]:
    def fold(all_of: InvariantState, event: Any) -> None:
        returned = _owner(all_of, event).refunds[event.refund_id]
        for name, value in values.items():
            setattr(returned, name, value)

    return fold


def _by_hand(all_of: InvariantState, event: RefundPaidByHand) -> None:
    returned = _owner(all_of, event).refunds[event.refund_id]
    returned.state = "succeeded"
    returned.by_hand_minor += event.amount_minor


def _by_bank(all_of: InvariantState, event: RefundPaidByBank) -> None:
    returned = _owner(all_of, event).refunds[event.refund_id]
    returned.by_bank_minor += event.amount_minor
    if returned.by_bank_minor == returned.amount_minor:
        returned.state = "succeeded"


def _owed_again(all_of: InvariantState, event: RefundOwedAgain) -> None:
    returned = _owner(all_of, event).refunds[event.refund_id]
    returned.by_bank_minor -= event.amount_minor
    returned.amount_minor -= event.amount_minor


def _excess_returned(all_of: InvariantState, event: RefundExcessReturned) -> None:
    returned = _owner(all_of, event).refunds[event.refund_id]
    returned.excess_minor -= event.amount_minor
    returned.amount_minor -= event.amount_minor
    if returned.by_bank_minor == returned.amount_minor:
        returned.state = "succeeded"


def _reduced(all_of: InvariantState, event: RefundReduced) -> None:
    returned = _owner(all_of, event).refunds[event.refund_id]
    returned.amount_minor -= event.by_minor
    if returned.by_bank_minor == returned.amount_minor:
        returned.state = "succeeded"


REFUND_FOLDS: dict[type[DomainEvent], Callable[[InvariantState, Any], None]] = {
    RefundRequested: _requested,
    RefundPending: _sets(state="pending"),
    RefundSucceeded: _sets(state="succeeded"),
    RefundFailed: _sets(state="failed"),
    RefundPaidByHand: _by_hand,
    RefundPaidByBank: _by_bank,
    RefundOwedAgain: _owed_again,
    RefundExcessReturned: _excess_returned,
    RefundReduced: _reduced,
    RefundOwedAtTill: _sets(at_till=True),
    RefundHandedOut: _sets(state="succeeded", at_till=False),
}
