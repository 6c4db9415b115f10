"""The mappings of refunds, disputes and payouts."""

from typing import Any

from domain.core.aggregate import DomainEvent
from domain.payments.dispute import DisputeLost, DisputeOpened, DisputeReturned, DisputeWon
from domain.payments.refunds import (
    RefundFailed,
    RefundHandedOut,
    RefundOwedAtTill,
    RefundPaidByBank,
    RefundPaidByHand,
    RefundPending,
    RefundRequested,
    RefundSucceeded,
)
from domain.payouts.payout import PayoutPaid, PayoutReturned
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
from domain.views.outgoing.mapping import Documents, MatterDocument, OwnedData, identity_of, owner_of, tells

PAID_BY: dict[type[DomainEvent], PaidBy] = {
    RefundSucceeded: "card",
    RefundHandedOut: "cash",
    RefundPaidByHand: "hand",
    RefundPaidByBank: "bank",
}


def _refund(documents: Documents, refund_id: str) -> tuple[EventOwner, dict[str, Any]] | None:
    """Return the owner of a refund, and the fields that describe it."""
    refund = documents.refund(refund_id)
    if refund is None:
        return None
    owner = owner_of(documents, refund["tenant_id"], refund["show_id"], refund["purchase_id"])
    told = ("refund_id", "purchase_id", "show_id", "amount_minor", "currency", "ticket_ids")
    return owner, {name: value for name, value in refund.items() if name in told}


@tells(RefundRequested)
def refund_requested(event: RefundRequested, documents: Documents) -> OwnedData | None:
    """Tell that a refund was decided."""
    found = _refund(documents, event.refund_id)
    return None if found is None else OwnedData(found[0], RefundRequested1(**found[1]))


@tells(RefundPending)
def refund_pending(event: RefundPending, documents: Documents) -> OwnedData | None:
    """Tell that a refund is on its way."""
    found = _refund(documents, event.refund_id)
    return None if found is None else OwnedData(found[0], RefundPending1(**found[1]))


@tells(RefundOwedAtTill)
def refund_owed_at_till(event: RefundOwedAtTill, documents: Documents) -> OwnedData | None:
    """Tell that cash waits for its buyer."""
    found = _refund(documents, event.refund_id)
    return None if found is None else OwnedData(found[0], RefundOwedAtTill1(**found[1]))


@tells(*PAID_BY)
def refund_succeeded(event: Any, documents: Documents) -> OwnedData | None:
    """Tell that the money is with the buyer; a bank may have paid a part only, of which nothing is told."""
    found, refund = _refund(documents, event.refund_id), documents.refund(event.refund_id)
    if found is None or refund is None or refund["state"] != "succeeded":
        return None
    return OwnedData(found[0], RefundSucceeded1(**found[1], paid_by=PAID_BY[type(event)]))


@tells(RefundFailed)
def refund_failed(event: RefundFailed, documents: Documents) -> OwnedData | None:
    """Tell that a refund did not arrive."""
    found = _refund(documents, event.refund_id)
    return None if found is None else OwnedData(found[0], RefundFailed1(**found[1], failure=event.failure))


def matter_begun(event: DomainEvent, documents: Documents) -> MatterDocument | None:
    """Return the dispute or payout that an event begins, for its later events; None for another event."""
    if isinstance(event, DisputeOpened):
        purchase = documents.purchase(event.purchase_id)
        return {
            "tenant_id": event.tenant_id,
            "venue_id": event.venue_id,
            "show_id": purchase["show_id"] if purchase else None,
            "purchase_id": event.purchase_id,
            "amount_minor": event.amount_minor,
            "currency": event.currency,
        }
    if isinstance(event, PayoutPaid):
        return {
            "tenant_id": event.tenant_id,
            "venue_id": event.venue_id,
            "show_id": None,
            "purchase_id": None,
            "amount_minor": event.amount_minor,
            "currency": event.currency,
        }
    return None


def _matter(documents: Documents, event: DomainEvent) -> tuple[EventOwner, dict[str, Any]] | None:
    """Return the owner of a dispute or payout, and its amount."""
    found = documents.matter(event.originator_id)
    if found is None:
        return None
    owner = EventOwner(found["tenant_id"], found["venue_id"], found["show_id"], found["purchase_id"])
    return owner, {"amount_minor": found["amount_minor"], "currency": found["currency"]}


@tells(DisputeOpened, DisputeWon, DisputeLost, DisputeReturned)
def dispute_changed(event: DomainEvent, documents: Documents) -> OwnedData | None:
    """Tell that a dispute was opened or decided, or that Stripe returned more of its money."""
    if (found := _matter(documents, event)) is None:
        return None
    owner, money = found
    named = {"dispute_id": identity_of(event), "purchase_id": owner.purchase_id, **money}
    match event:
        case DisputeOpened():
            return OwnedData(owner, DisputeOpened1(**named, of_sale=event.is_of_sale))
        case DisputeWon():
            returned = money["amount_minor"] if event.returned_minor is None else event.returned_minor
            return OwnedData(owner, DisputeWon1(**named, returned_minor=returned))
        case DisputeReturned():
            return OwnedData(owner, DisputeReturned1(**named, returned_minor=event.amount_minor))
        case _:
            return OwnedData(owner, DisputeLost1(**named))


@tells(PayoutPaid, PayoutReturned)
def payout_changed(event: DomainEvent, documents: Documents) -> OwnedData | None:
    """Tell that a payout arrived, or came back."""
    if (found := _matter(documents, event)) is None:
        return None
    owner, money = found
    named = {"payout_id": identity_of(event), "venue_id": owner.venue_id, **money}
    if isinstance(event, PayoutReturned):
        return OwnedData(owner, PayoutReturned1(**named, failure=event.failure))
    return OwnedData(owner, PayoutPaid1(**named, original=getattr(event, "original", "") or None))
