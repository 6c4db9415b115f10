"""Refunds of one purchase: of its sale, never more than was paid, and of payments that bought nothing."""

from dataclasses import field
from datetime import datetime
from typing import Any

from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent
from domain.core.errors import KeyReused, RefundExceeds, UnknownSubject, WrongState
from domain.money.breakdown import AmountBreakdown, FeesBorneBy, breakdown_of, summed
from domain.money.money import Price
from domain.payments.holdings import remaining
from domain.payments.payment_intent import StripeRefund
from domain.payments.refund import DECIDED, MADE_AT_STRIPE, NOTHING, Refund, exceeding, part_of


class RefundsOpened(CreatedEvent["Refunds"]):
    """The first refund of a purchase was decided."""

    TOPIC = "refunds.opened"

    tenant_id: str
    price: dict[str, Any]

    def apply(self, refunds: "Refunds") -> None:
        """Set the price."""
        refunds.price = Price.model_validate(self.price)


class RefundRequested(DomainEvent["Refunds"]):
    """An amount is owed to the buyer, and these tickets are void.

    `intent_id` is set when the amount was captured by a payment that bought nothing, `currency` when it differs from
    that of the price, `handed_out` when the box office paid it before. `excess_minor` of the amount was owed to nobody,
    `in_place_minor` by failed refunds of the sale that a person's refund at Stripe has paid.
    """

    TOPIC = "refunds.refund-requested"

    refund_id: str
    body_digest: str
    reason: str
    fees: FeesBorneBy
    ticket_ids: list[str]
    given: dict[str, Any]
    amount_minor: int
    intent_id: str = ""
    currency: str = ""
    handed_out: bool = False
    excess_minor: int = 0
    in_place_minor: int = 0

    def apply(self, refunds: "Refunds") -> None:
        """Add the refund."""
        values = {name: getattr(self, name) for name in DECIDED}
        unsold_minor = self.amount_minor - self.excess_minor if self.intent_id else self.in_place_minor
        refunds.refunds[self.refund_id] = Refund.model_validate(
            {**values, "ticket_ids": tuple(self.ticket_ids), "unsold_minor": unsold_minor}
        )


class RefundsPriced(DomainEvent["Refunds"]):
    """The order has a price, which it had not when a stray payment was given back."""

    TOPIC = "refunds.priced"

    price: dict[str, Any]

    def apply(self, refunds: "Refunds") -> None:
        """Take the price."""
        refunds.price = Price.model_validate(self.price)


class RefundReduced(DomainEvent["Refunds"]):
    """A refund made at Stripe has paid a failed one, or a part of it."""

    TOPIC = "refunds.refund-reduced"

    refund_id: str
    by_minor: int
    stripe_refund_id: str

    def apply(self, refunds: "Refunds") -> None:
        """Owe less by this refund; its parts were taken from their owners and stay taken."""
        elsewhere_minor = refunds.refunds[self.refund_id].paid_elsewhere_minor + self.by_minor
        refunds.lower(self.refund_id, paid_elsewhere_minor=elsewhere_minor)


class RefundOwedAtTill(DomainEvent["Refunds"]):
    """The cash is owed to the buyer at the till of the box office."""

    TOPIC = "refunds.refund-owed-at-till"

    refund_id: str
    amount_minor: int

    def apply(self, refunds: "Refunds") -> None:
        """Mark the refund as owed at the till."""
        refunds.change(self.refund_id, at_till=True)


class RefundHandedOut(DomainEvent["Refunds"]):
    """A clerk of the box office handed the cash out."""

    TOPIC = "refunds.refund-handed-out"

    refund_id: str
    amount_minor: int

    def apply(self, refunds: "Refunds") -> None:
        """Mark the refund as succeeded."""
        refunds.change(self.refund_id, state="succeeded", at_till=False, handed_out=True)


class RefundPending(DomainEvent["Refunds"]):
    """Stripe accepted the refund; the bank has not received it yet."""

    TOPIC = "refunds.refund-pending"

    refund_id: str
    stripe_refund_id: str

    def apply(self, refunds: "Refunds") -> None:
        """Mark the refund as pending."""
        refunds.change(self.refund_id, state="pending", stripe_refund_id=self.stripe_refund_id)


class RefundSucceeded(DomainEvent["Refunds"]):
    """Stripe reported that the refund reached the buyer."""

    TOPIC = "refunds.refund-succeeded"

    refund_id: str
    stripe_refund_id: str
    amount_minor: int

    def apply(self, refunds: "Refunds") -> None:
        """Mark the refund as succeeded."""
        known = self.stripe_refund_id or None
        refunds.change(self.refund_id, state="succeeded", stripe_refund_id=known, failure=None)


class RefundPaidByHand(DomainEvent["Refunds"]):
    """An operator paid the buyer another way; `reference` names the payment."""

    TOPIC = "refunds.refund-paid-by-hand"

    refund_id: str
    reference: str
    amount_minor: int

    def apply(self, refunds: "Refunds") -> None:
        """Mark the refund as succeeded without Stripe."""
        by_hand = refunds.refunds[self.refund_id].by_hand_minor + self.amount_minor
        refunds.change(self.refund_id, state="succeeded", stripe_refund_id=None, failure=None, by_hand_minor=by_hand)


class RefundExcessReturned(DomainEvent["Refunds"]):
    """A refund of more than was owed has failed: the excess is with us again, and nobody is owed it."""

    TOPIC = "refunds.refund-excess-returned"

    refund_id: str
    amount_minor: int

    def apply(self, refunds: "Refunds") -> None:
        """Drop the excess; a refund of nothing else is over."""
        refunds.lower(self.refund_id, excess_minor=0)


class RefundFailed(DomainEvent["Refunds"]):
    """Stripe or the bank rejected the refund, perhaps after success: the buyer is still owed."""

    TOPIC = "refunds.refund-failed"

    refund_id: str
    stripe_refund_id: str
    failure: str

    def apply(self, refunds: "Refunds") -> None:
        """Mark the refund as failed, and begin the next attempt with a key of its own."""
        turn = refunds.refunds[self.refund_id].turn + 1
        refunds.change(self.refund_id, state="failed", stripe_refund_id=None, failure=self.failure, turn=turn)


class Refunds(Aggregate):
    """All refunds of one purchase; decided one after another, so that those of its sale stay within the price."""

    TOPIC = "refunds"
    STREAM_CATEGORY = "refunds"

    tenant_id: str
    price: Price = field(init=False)
    refunds: dict[str, Refund] = field(default_factory=dict)

    def left(self, lost: AmountBreakdown = NOTHING) -> AmountBreakdown:
        """Return the refundable amount after `lost`, the losses to banks; a failed refund is still owed, and counts."""
        given = summed([refund.given for refund in self.refunds.values()])
        return remaining(breakdown_of(self.price).less(given), lost, self.price.currency)

    def find(self, refund_id: str, body_digest: str) -> Refund | None:
        """Return the refund of a repeated key, or None; raise KeyReused for another body."""
        known = self.refunds.get(refund_id)
        if known is not None and known.body_digest != body_digest:
            raise KeyReused("this Idempotency-Key was used with a different body")
        return known

    def get(self, refund_id: str) -> Refund:
        """Return a refund; raise UnknownSubject if it does not exist."""
        if refund_id not in self.refunds:
            raise UnknownSubject(f"refund {refund_id} does not exist", id=refund_id)
        return self.refunds[refund_id]

    def currency_of(self, refund: Refund) -> str:
        """Return the currency of a refund's amount."""
        return refund.currency or self.price.currency

    def change(self, refund_id: str, **values: Any) -> None:
        """Assign values of one refund."""
        self.refunds[refund_id] = self.refunds[refund_id].model_copy(update=values)

    def lower(self, refund_id: str, **values: Any) -> None:
        """Assign values that lower what is due of a refund; nothing due is a success."""
        self.change(refund_id, **values)
        if not self.refunds[refund_id].due_minor:
            self.change(refund_id, state="succeeded", failure=None)

    def request(self, wanted: Refund, at: datetime, lost: AmountBreakdown = NOTHING) -> Refund:
        """Request a refund; raise RefundExceeds for more than the rest of any part, or for nothing at all."""
        given, left = wanted.given, self.left(lost)
        is_nothing = not (wanted.amount_minor or wanted.ticket_ids)
        if given.capped(left) != given or is_nothing:
            raise RefundExceeds(exceeding(given, left, self.price.currency), left_minor=left.total_minor)
        return self._decide(wanted, at)

    def give_back(self, unsold: Refund, at: datetime) -> Refund:
        """Decide to give back money that bought nothing, once; it takes nothing from anybody's share."""
        return self.refunds.get(unsold.refund_id) or self._decide(unsold, at)

    def _decide(self, wanted: Refund, at: datetime) -> Refund:
        values = wanted.model_dump(include=set(DECIDED))
        values["in_place_minor"] = 0 if wanted.intent_id else wanted.unsold_minor
        tickets, amount = list(wanted.ticket_ids), wanted.amount_minor
        self.record(RefundRequested, at, ticket_ids=tickets, amount_minor=amount, **values)
        return self.refunds[wanted.refund_id]

    def set_price(self, price: Price, at: datetime) -> None:
        """Take the price of an order that had none when its first refund was decided."""
        if not self.price.total_minor and price.total_minor:
            self.record(RefundsPriced, at, price=price.model_dump())

    def holder_of(self, made: StripeRefund) -> str | None:
        """Return the refund that one at Stripe is an attempt of, or is recorded for; None for an unknown one."""
        maker = made.key.partition(":")[0]
        recorded = (one.refund_id for one in self.refunds.values() if one.stripe_refund_id == made.refund_id)
        return maker if maker in self.refunds else next(recorded, None)

    def take_place(self, made: StripeRefund, intent_id: str, at: datetime) -> bool:
        """Let a refund that a person made at Stripe pay a failed one of ours, or a part of it; False without one.

        It takes the place of one of the same amount. It pays a part of a larger one, which then owes the rest.
        `intent_id` is that of a payment that bought nothing, empty for the payment of the sale.
        """
        failed = self._failed(made, intent_id)
        alike = next((refund for refund in failed if refund.due_minor == made.amount_minor), None)
        larger = next((refund for refund in failed if refund.due_minor > made.amount_minor), None)
        if alike is not None:
            self.pend(alike.refund_id, made.refund_id, at)
        elif larger is not None:
            self._reduce(larger, made.amount_minor, made, at)
            wanted = part_of(larger, made.refund_id, MADE_AT_STRIPE, made.intent_id, made.amount_minor)
            part = self.give_back(wanted, at)
            self.pend(part.refund_id, made.refund_id, at)
        return alike is not None or larger is not None

    def pay_failed(self, made: StripeRefund, intent_id: str, at: datetime) -> int:
        """Let a person's refund, which the caller records as a whole, pay failed ones; return how much of it does."""
        rest_minor = made.amount_minor
        for refund in self._failed(made, intent_id):
            if paid_minor := min(rest_minor, refund.due_minor):
                self._reduce(refund, paid_minor, made, at)
                rest_minor -= paid_minor
        return made.amount_minor - rest_minor

    def _reduce(self, refund: Refund, by_minor: int, made: StripeRefund, at: datetime) -> None:
        self.record(RefundReduced, at, refund_id=refund.refund_id, by_minor=by_minor, stripe_refund_id=made.refund_id)

    def _failed(self, made: StripeRefund, intent_id: str) -> list[Refund]:
        return [refund for refund in self.of_payment(intent_id, made.intent_id) if refund.state == "failed"]

    def owe_at_till(self, refund_id: str, at: datetime) -> None:
        """Record that the cash is owed at the till, once."""
        refund = self.get(refund_id)
        if refund.state == "requested" and not refund.at_till:
            self.record(RefundOwedAtTill, at, refund_id=refund_id, amount_minor=refund.amount_minor)

    def hand_out(self, refund_id: str, at: datetime) -> bool:
        """Record that the cash was handed out; False if already recorded, WrongState unless it is owed at the till."""
        refund = self.get(refund_id)
        if refund.handed_out and refund.state == "succeeded":
            return False
        if not refund.at_till:
            raise WrongState(f"refund is {refund.state}; it is not owed at the till", state=refund.state)
        self.record(RefundHandedOut, at, refund_id=refund_id, amount_minor=refund.amount_minor)
        return True

    def pend(self, refund_id: str, stripe_refund_id: str, at: datetime) -> None:
        """Record that Stripe processes the refund; idempotent, and without effect after success."""
        if self.get(refund_id).state in {"requested", "failed"}:
            self.record(RefundPending, at, refund_id=refund_id, stripe_refund_id=stripe_refund_id)

    def succeed(self, refund_id: str, stripe_refund_id: str, at: datetime) -> bool:
        """Record that the money reached the buyer; False if already recorded."""
        refund = self.get(refund_id)
        if refund.state == "succeeded":
            return False
        events = {"refund_id": refund_id, "stripe_refund_id": stripe_refund_id, "amount_minor": refund.due_minor}
        self.record(RefundSucceeded, at, **events)
        return True

    def pay_by_hand(self, refund_id: str, reference: str, at: datetime) -> bool:
        """Record that the buyer was paid another way; False unless the refund has failed, since it may still arrive."""
        refund = self.get(refund_id)
        if refund.state != "failed":
            return False
        self.record(RefundPaidByHand, at, refund_id=refund_id, reference=reference, amount_minor=refund.due_minor)
        return True

    def of_payment(self, *intent_ids: str) -> list[Refund]:
        """Return the refunds of a payment, oldest first; those of the sale name none, and parts of them its intent."""
        return [refund for refund in self.refunds.values() if refund.intent_id in intent_ids]

    def return_excess(self, refund_id: str, at: datetime) -> int:
        """Record that the excess of a failed refund is with us again; return how much of it."""
        excess_minor = self.get(refund_id).excess_minor
        if excess_minor and self.get(refund_id).state == "failed":
            self.record(RefundExcessReturned, at, refund_id=refund_id, amount_minor=excess_minor)
            return excess_minor
        return 0

    def fail(self, refund_id: str, stripe_refund_id: str, failure: str, at: datetime) -> None:
        """Record a failure; a refund can fail even after success, but not once a bank has paid it."""
        if not self.get(refund_id).due_minor:
            return
        self.record(RefundFailed, at, refund_id=refund_id, stripe_refund_id=stripe_refund_id, failure=failure)
