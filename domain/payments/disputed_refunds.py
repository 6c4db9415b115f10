"""Refunds and disputes: a bank pays refunds that are owed, and what it gives back is owed again."""

from collections.abc import Sequence
from datetime import datetime

from domain.core.aggregate import DomainEvent
from domain.payments.refund import RETURNED_BY_BANK, part_of
from domain.payments.refunds import Refunds


class RefundPaidByBank(DomainEvent[Refunds]):
    """A bank took money that was owed to the buyer, for good: this much of the refund is with the buyer."""

    TOPIC = "refunds.refund-paid-by-bank"

    refund_id: str
    dispute_id: str
    amount_minor: int

    def apply(self, refunds: Refunds) -> None:
        """Lower what is due."""
        by_bank = refunds.refunds[self.refund_id].by_bank_minor + self.amount_minor
        refunds.lower(self.refund_id, by_bank_minor=by_bank)


class RefundOwedAgain(DomainEvent[Refunds]):
    """Stripe returned money of a lost dispute that had paid a refund: another refund gives the buyer this much."""

    TOPIC = "refunds.refund-owed-again"

    refund_id: str
    dispute_id: str
    amount_minor: int

    def apply(self, refunds: Refunds) -> None:
        """Leave what is due as it is: an attempt at Stripe may be under way for it."""
        known = refunds.refunds[self.refund_id]
        elsewhere_minor = known.paid_elsewhere_minor + self.amount_minor
        by_bank_minor = known.by_bank_minor - self.amount_minor
        refunds.change(self.refund_id, by_bank_minor=by_bank_minor, paid_elsewhere_minor=elsewhere_minor)


def pay_by_bank(book: Refunds, dispute_id: str, payment: Sequence[str], amount_minor: int, at: datetime) -> int:
    """Record that a bank has paid refunds of a payment that are owed, oldest first; return how much of them."""
    rest = amount_minor
    for refund in [one for one in book.of_payment(*payment) if one.state != "succeeded" and one.owed_minor]:
        if paid := min(rest, refund.owed_minor):
            book.record(RefundPaidByBank, at, refund_id=refund.refund_id, dispute_id=dispute_id, amount_minor=paid)
            rest -= paid
    return amount_minor - rest


def owe_again(
    book: Refunds, dispute_id: str, key: str, payment: Sequence[str], amount_minor: int, at: datetime
) -> None:
    """Decide refunds of money that a bank had paid of refunds and has given back, for the newest first.

    They are refunds of their own, since an attempt at Stripe may be under way for the rest of the old ones. `key`
    names the return. The last id of the payment is its intent's.
    """
    rest = amount_minor
    for refund in reversed([one for one in book.of_payment(*payment) if one.by_bank_minor]):
        if back := min(rest, refund.by_bank_minor):
            book.record(RefundOwedAgain, at, refund_id=refund.refund_id, dispute_id=dispute_id, amount_minor=back)
            book.give_back(part_of(refund, key, RETURNED_BY_BANK, payment[-1], back), at)
            rest -= back
