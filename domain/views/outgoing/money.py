"""The mappings of refunds, disputes and payouts."""

from typing import Any

from domain.core.aggregate import DomainEvent
from domain.payments.dispute import DisputeLost, DisputeOpened, DisputeReturned, DisputeWon
from domain.payments.disputed_refunds import RefundPaidByBank
from domain.payments.refunds import (
    RefundFailed,
    RefundHandedOut,
    RefundOwedAtTill,
    RefundPaidByHand,
    RefundPending,
    RefundRequested,
    RefundSucceeded,
)
from domain.payouts.payout import PayoutPaid, PayoutReturned
from domain.views.common import part_of
from domain.views.outgoing.data import (
    DisputeLost1,
    DisputeOpened1,
    DisputeReturned1,
    DisputeWon1,
    PaidBy,
    PayoutPaid1,
    PayoutReturned1,
    RefundFailed1,
    RefundOwedAtTill1,
    RefundPending1,
    RefundRequested1,
    RefundSucceeded1,
)
from domain.views.outgoing.event import EventOwner
from domain.views.outgoing.mapping import Documents, Found, MatterDocument, OwnedData, owner_of, tell, tells

PAID_BY: dict[type[DomainEvent], PaidBy] = {
    RefundSucceeded: "card",
    RefundHandedOut: "cash",
    RefundPaidByHand: "hand",
    RefundPaidByBank: "bank",
}


def _refund(documents: Documents, event: Any) -> Found | None:
    """Return the owner of a refund, and the fields that describe it."""
    refund = documents.refund(event.refund_id)
    if refund is None:
        return None
    owner = owner_of(documents, refund["tenant_id"], refund["show_id"], refund["purchase_id"])
    told = ("refund_id", "purchase_id", "show_id", "amount_minor", "currency", "ticket_ids")
    return owner, {name: value for name, value in refund.items() if name in told}


tell(RefundRequested, _refund, RefundRequested1)
tell(RefundPending, _refund, RefundPending1)
tell(RefundOwedAtTill, _refund, RefundOwedAtTill1)
tell(RefundFailed, _refund, RefundFailed1, lambda event: {"failure": event.failure})


@tells(*PAID_BY)
def refund_succeeded(event: Any, documents: Documents) -> OwnedData | None:
    """Tell that the money is with the buyer; a bank may have paid a part only, of which nothing is told."""
    found, refund = _refund(documents, event), documents.refund(event.refund_id)
    if found is None or refund is None or refund["state"] != "succeeded":
        return None
    return OwnedData(found[0], RefundSucceeded1(**found[1], paid_by=PAID_BY[type(event)]))


def matter_begun(event: DomainEvent, documents: Documents) -> MatterDocument | None:
    """Return the dispute or payout that an event begins, for its later events; None for another event."""
    if isinstance(event, DisputeOpened):
        purchase = documents.purchase(event.purchase_id)
        return part_of(event, MatterDocument, show_id=purchase["show_id"] if purchase else None)
    return part_of(event, MatterDocument, show_id=None, purchase_id=None) if isinstance(event, PayoutPaid) else None


def _matter(documents: Documents, event: DomainEvent) -> Found | None:
    """Return the owner of a dispute or payout, and its amount."""
    found = documents.matter(event.originator_id)
    if found is None:
        return None
    owner = EventOwner(found["tenant_id"], found["venue_id"], found["show_id"], found["purchase_id"])
    return owner, {"amount_minor": found["amount_minor"], "currency": found["currency"]}


def _dispute(documents: Documents, event: DomainEvent) -> Found | None:
    """Return the owner of a dispute, and the fields that describe it."""
    if (found := _matter(documents, event)) is None:
        return None
    return found[0], {"dispute_id": event.identity, "purchase_id": found[0].purchase_id, **found[1]}


def _payout(documents: Documents, event: DomainEvent) -> Found | None:
    """Return the owner of a payout, and the fields that describe it."""
    if (found := _matter(documents, event)) is None:
        return None
    return found[0], {"payout_id": event.identity, "venue_id": found[0].venue_id, **found[1]}


@tells(DisputeWon)
def dispute_won(event: DisputeWon, documents: Documents) -> OwnedData | None:
    """Tell that a dispute was won; the oldest events do not say how much came back: it was all."""
    if (found := _dispute(documents, event)) is None:
        return None
    owner, named = found
    returned = named["amount_minor"] if event.returned_minor is None else event.returned_minor
    return OwnedData(owner, DisputeWon1(**named, returned_minor=returned))


tell(DisputeOpened, _dispute, DisputeOpened1, lambda event: {"of_sale": event.is_of_sale})
tell(DisputeLost, _dispute, DisputeLost1)
tell(DisputeReturned, _dispute, DisputeReturned1, lambda event: {"returned_minor": event.amount_minor})
tell(PayoutPaid, _payout, PayoutPaid1, lambda event: {"original": event.original or None})
tell(PayoutReturned, _payout, PayoutReturned1, lambda event: {"failure": event.failure})
