"""How an order stands, in the words of its buyer: one sentence, and the steps of the purchase."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from api.routes.tickets import VerifiedTicket
from domain.views.purchase import UNSOLD_STATES, PurchaseDocument, was_charged

StepState = Literal["done", "now", "later", "not"]
STEPS = ("Seats held", "Price locked", "Payment", "Sale confirmed", "Tickets on chain", "Venue credited")
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
    "confirmed": "The tickets are yours. Their tokens are being minted.",
    "fulfilled": "The tickets are yours.",
}
ENDS: Mapping[str, str] = {
    "hold-expired": "The time to pay ran out, so the seats went back on sale.",
    "purchase-cancelled": "You cancelled this order.",
    "sold-out": "Somebody else was faster: these tickets are sold out.",
    "payment-refused": "The payment did not go through.",
    "queue-expired": "Too many people were buying at once, and your turn did not come in time.",
    "operator-cancelled": "The organiser cancelled this order.",
    "not-on-sale": "The sale of this show had ended.",
    "buyer-limit": "You have as many tickets for this show as one person may buy.",
    "discount-refused": "The discount code cannot be used for this order.",
    "price-changed": "The price had changed meanwhile.",
    "minting-unfunded": "The sale pauses for a moment.",
    "failed": "Something went wrong on our side.",
}
NEXT: Mapping[str, str] = {
    "price-changed": "have a look at the new one",
    "minting-unfunded": "try again soon",
    "failed": "try again",
}
ENDED_OTHERWISE = "This order ended without a sale."
REFUNDS: Mapping[str, str] = {
    "refunding": "Your refund is on its way. Banks take a few days.",
    "partly-refunded": "A part of your money was refunded.",
    "refunded": "Your money was refunded. The tickets are no longer valid.",
}
GIVEN_BACK_FREE = "You gave the tickets back. They are no longer valid."
REFUND_FAILED = "Your bank did not take the refund. You get your money another way: we are on it."
REFUND_AT_TILL = "Your refund waits for you in cash, at the box office."
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
    later = DISPUTES.get(order["dispute_state"]) or _refund_of(order)
    if later is not None:
        return later
    if order["state"] in UNSOLD_STATES:
        return _end_of(order)
    payment = order["payment"]
    if order["state"] == "awaiting-payment" and payment is not None and payment["processing_since"]:
        return "Your bank is working on the payment. That can take some days; your seats stay held."
    return SENTENCES[order["state"]]


def _refund_of(order: PurchaseDocument) -> str | None:
    """Return how the refunds of an order stand; None where there are none."""
    if any(refund["owed_at_till"] for refund in order["refunds"]):
        return REFUND_AT_TILL
    if any(refund["state"] == "failed" for refund in order["refunds"]):
        return REFUND_FAILED
    price, state = order["price"], order["refund_state"]
    return GIVEN_BACK_FREE if state == "refunded" and price and not price["total_minor"] else REFUNDS.get(state)


def _end_of(order: PurchaseDocument) -> str:
    """Return why an order ended without a sale, and where its money is."""
    reason, payment = order["end_reason"] or "", order["payment"]
    if not was_charged(order):
        advice = f": {NEXT[reason]}" if reason in NEXT else ""
        return f"{ENDS.get(reason, ENDED_OTHERWISE)} Nothing was charged{advice}."
    is_owed = payment is not None and payment["owed_minor"] > 0
    if is_owed or any(dispute["state"] == "open" for dispute in order["disputes"]):
        return f"{_why_unsold(order)} Your money is on its way back."
    return f"{_why_unsold(order)} Your money was given back."


def _why_unsold(order: PurchaseDocument) -> str:
    is_late = order["end_reason"] == "hold-expired"
    return "Your payment came after the time had run out." if is_late else ENDED_OTHERWISE


def steps_of(order: PurchaseDocument) -> list[OrderStep]:
    """Return the steps of an order in their order."""
    if order["state"] in UNSOLD_STATES:
        return [OrderStep(name, "not") for name in STEPS]
    done = DONE[order["state"]]
    return [OrderStep(name, _state(number, done)) for number, name in enumerate(STEPS)]


def _state(number: int, done: int) -> StepState:
    if number < done:
        return "done"
    return "now" if number == done else "later"


def was_declined(order: PurchaseDocument) -> bool:
    """Return whether the last card was declined, and none was taken since: another one may be tried."""
    payment = order["payment"]
    if order["state"] != "awaiting-payment" or payment is None or payment["decline_code"] is None:
        return False
    return payment["status"] == "open" and payment["processing_since"] is None


def proof_sentence(ticket: VerifiedTicket) -> str:
    """Return how a ticket stands on the chain, which has just been asked."""
    holding, leaf = ticket["token_holding"], ticket["leaf"]
    if holding == "burnt":
        return "Its token is gone: who held it has destroyed it. Your ticket is what it was before."
    if ticket["on_chain"]:
        found = "Read from the chain just now: its token is there, and it is the one that was made for this ticket."
        return found if holding == "held" else f"{found} Another wallet holds it by now."
    if leaf is not None and leaf["on_chain"] and leaf["proof"] is not None:
        return (
            "Read from the chain just now: the fingerprint of the list of this show's tickets is there, and this"
            " ticket is in the list."
        )
    return "It is not on chain yet. Your ticket is valid already."
