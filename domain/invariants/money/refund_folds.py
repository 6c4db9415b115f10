"""Folds of refunds into the summaries judged by the invariants: the amounts by recipient, and the tickets."""

from collections.abc import Callable
from typing import Any

from domain.core.aggregate import DomainEvent
from domain.invariants.state import InvariantState, PurchaseSummary, RefundSummary
from domain.payments.refunds import (
    RefundExcessReturned,
    RefundFailed,
    RefundHandedOut,
    RefundOwedAgain,
    RefundOwedAtTill,
    RefundPaidByBank,
    RefundPaidByHand,
    RefundPending,
    RefundReduced,
    RefundRequested,
    RefundSucceeded,
)

RefundUpdate = RefundPending | RefundSucceeded | RefundFailed


def _owner(all_of: InvariantState, event: DomainEvent) -> PurchaseSummary:
    return all_of.purchase(event.originator_id.partition(":")[2])


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


def _updated(state: str) -> Callable[[InvariantState, RefundUpdate], None]:
    def fold(all_of: InvariantState, event: RefundUpdate) -> None:
        _owner(all_of, event).refunds[event.refund_id].state = state

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


def _at_till(all_of: InvariantState, event: RefundOwedAtTill) -> None:
    _owner(all_of, event).refunds[event.refund_id].at_till = True


def _handed_out(all_of: InvariantState, event: RefundHandedOut) -> None:
    returned = _owner(all_of, event).refunds[event.refund_id]
    returned.state, returned.at_till = "succeeded", False


REFUND_FOLDS: dict[type[DomainEvent], Callable[[InvariantState, Any], None]] = {
    RefundRequested: _requested,
    RefundPending: _updated("pending"),
    RefundSucceeded: _updated("succeeded"),
    RefundFailed: _updated("failed"),
    RefundPaidByHand: _by_hand,
    RefundPaidByBank: _by_bank,
    RefundOwedAgain: _owed_again,
    RefundExcessReturned: _excess_returned,
    RefundReduced: _reduced,
    RefundOwedAtTill: _at_till,
    RefundHandedOut: _handed_out,
}
