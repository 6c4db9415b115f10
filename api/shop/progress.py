"""How an order stands, in the words of its buyer: one sentence, and the steps of the purchase."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from domain.views.purchase import PurchaseDocument

StepState = Literal["done", "now", "later", "not"]
ENDED = ("cancelled", "refused")
STEPS = ("Seats held", "Price locked", "Payment", "Sale confirmed", "Tickets on the chain", "Venue credited")
# How many steps are done in each state; the next one is under way.
DONE: Mapping[str, int] = {
    "requested": 0,
    "reserving": 0,
    "awaiting-payment": 2,
    "cancelling": 2,
    "confirming": 3,
    "confirmed": 4,
    "fulfilled": len(STEPS),
}
SENTENCES: Mapping[str, str] = {
    "requested": "Your tickets are reserved. The checkout opens in a moment.",
    "reserving": "We are holding your seats.",
    "awaiting-payment": "Your seats are held. Pay before the time runs out.",
    "cancelling": "Your order is being cancelled.",
    "confirming": "Your payment has arrived. We are confirming the sale.",
    "confirmed": "The tickets are yours. Their tokens are being written to the chain.",
    "fulfilled": "The tickets are yours.",
}
ENDS: Mapping[str, str] = {
    "hold-expired": "The time to pay ran out, so the seats went back on sale. Nothing was charged.",
    "purchase-cancelled": "You cancelled this order. Nothing was charged.",
    "sold-out": "Somebody else was faster: these tickets are sold out. Nothing was charged.",
    "payment-refused": "The payment was refused. Nothing was charged.",
    "queue-expired": "Too many people were buying at once, and your turn did not come in time. Nothing was charged.",
    "operator-cancelled": "The organiser cancelled this order. Nothing was charged.",
    "not-on-sale": "The sale of this show had ended. Nothing was charged.",
}
ENDED_OTHERWISE = "This order ended without a sale. Nothing was charged."
REFUNDS: Mapping[str, str] = {
    "refunding": "Your refund is on its way. Banks take a few days.",
    "partly-refunded": "A part of your money was refunded.",
    "refunded": "Your money was refunded. The tickets are no longer valid.",
}
DISPUTES: Mapping[str, str] = {
    "open": "Your bank is asking about this payment. The tickets are blocked until that is settled.",
    "lost": "Your bank took this payment back. The tickets are no longer valid.",
}


class OrderStep(NamedTuple):
    """A step of a purchase, and whether it is done, under way, to come, or will not come."""

    name: str
    state: StepState


def sentence_of(order: PurchaseDocument) -> str:
    """Return how an order stands, as one sentence: what a bank or a refund did comes first."""
    later = DISPUTES.get(order["dispute_state"]) or REFUNDS.get(order["refund_state"])
    if later is not None:
        return later
    if order["state"] in ENDED:
        return _end_of(order)
    payment = order["payment"]
    if order["state"] == "awaiting-payment" and payment is not None and payment["processing_since"]:
        return "Your bank is working on the payment. That can take some days; your seats stay held."
    return SENTENCES[order["state"]]


def _end_of(order: PurchaseDocument) -> str:
    payment = order["payment"]
    if payment is not None and payment["owed_minor"]:
        return "This order ended without a sale. Your money is on its way back."
    if payment is not None and payment["refunded_minor"]:
        return "This order ended without a sale. Your money was given back."
    return ENDS.get(order["end_reason"] or "", ENDED_OTHERWISE)


def steps_of(order: PurchaseDocument) -> list[OrderStep]:
    """Return the steps of an order in their order."""
    if order["state"] in ENDED:
        return [OrderStep(name, "not") for name in STEPS]
    done = DONE[order["state"]]
    return [OrderStep(name, _state(number, done)) for number, name in enumerate(STEPS)]


def _state(number: int, done: int) -> StepState:
    if number < done:
        return "done"
    return "now" if number == done else "later"


def was_declined(order: PurchaseDocument) -> bool:
    """Return whether the last card was declined, and another one may be tried."""
    payment = order["payment"]
    return order["state"] == "awaiting-payment" and payment is not None and payment["decline_code"] is not None
