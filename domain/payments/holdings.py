"""Holdings: who holds the money of one charge, and what a bank takes of it and gives back."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from domain.money.breakdown import AmountBreakdown, breakdown_from, summed
from domain.money.currency import step_of
from domain.money.money import split_minor


class Taken(BaseModel):
    """An amount that a bank takes of a charge, by who bears it.

    `owed_minor` is what we owed the buyer of this charge: the bank has paid it. `loss_minor` belongs to nobody any
    more, and is the platform's loss: the bank takes money that the buyer has back already.
    """

    model_config = ConfigDict(frozen=True)

    parties: AmountBreakdown = AmountBreakdown()
    owed_minor: int = 0
    loss_minor: int = 0

    @property
    def total_minor(self) -> int:
        """The whole amount."""
        return self.parties.total_minor + self.owed_minor + self.loss_minor

    def plain(self) -> dict[str, int]:
        """Return the amounts as events store them."""
        return {**self.parties.model_dump(), "owed_minor": self.owed_minor, "loss_minor": self.loss_minor}

    def less(self, other: "Taken") -> "Taken":
        """Return the amounts less those of another one."""
        return Taken(
            parties=self.parties.less(other.parties),
            owed_minor=self.owed_minor - other.owed_minor,
            loss_minor=self.loss_minor - other.loss_minor,
        )

    def owing(self, owed_minor: int) -> "Taken":
        """Return it with at most this much owed to the buyer: what was paid meanwhile is paid twice, and a loss."""
        paid_minor = max(self.owed_minor - owed_minor, 0)
        update = {"owed_minor": self.owed_minor - paid_minor, "loss_minor": self.loss_minor + paid_minor}
        return self.model_copy(update=update)

    def given_back(self, amount_minor: int, currency: str) -> "Taken":
        """Split a return: the loss has it first, then the parties in proportion, and last our debt to the buyer.

        A return of more than was taken is the platform's.
        """
        loss = min(amount_minor, self.loss_minor)
        to_parties = min(amount_minor - loss, self.parties.total_minor)
        owed = min(amount_minor - loss - to_parties, self.owed_minor)
        return Taken(
            parties=_split(self.parties, to_parties, currency),
            owed_minor=owed,
            loss_minor=amount_minor - to_parties - owed,
        )


def taken_of(parts: Mapping[str, Any]) -> Taken:
    """Return the amounts of an event; the events of 0.1.0 have the parties only."""
    return Taken(
        parties=AmountBreakdown.model_validate({name: parts.get(name, 0) for name in AmountBreakdown.model_fields}),
        owed_minor=parts.get("owed_minor", 0),
        loss_minor=parts.get("loss_minor", 0),
    )


class Holdings(BaseModel):
    """The money that one charge keeps, by holder.

    `owed_minor` is the buyer's: refunds that were decided and are not with the buyer. `own_minor` is the platform's
    own: it has paid a refund from its own bank account, and the money of the charge stayed at Stripe.
    """

    model_config = ConfigDict(frozen=True)

    parties: AmountBreakdown
    owed_minor: int = 0
    own_minor: int = 0

    def taken(self, amount_minor: int, currency: str) -> Taken:
        """Split what a bank takes: first what we owe the buyer, then from the parties in proportion, else our loss."""
        owed = min(amount_minor, self.owed_minor)
        from_parties = min(amount_minor - owed, self.parties.total_minor)
        return Taken(
            parties=_split(self.parties, from_parties, currency),
            owed_minor=owed,
            loss_minor=amount_minor - owed - from_parties,
        )


class GivenBack(BaseModel):
    """A refund of the charge by party; `due_minor` has not reached the buyer, `by_hand_minor` did so without Stripe."""

    model_config = ConfigDict(frozen=True)

    given: AmountBreakdown
    due_minor: int = 0
    by_hand_minor: int = 0


def holdings_of(
    price: AmountBreakdown, refunds: Sequence[GivenBack], taken: Iterable[Taken], currency: str
) -> Holdings:
    """Fold a charge's price, its refunds and what banks have taken into its holdings; no part is negative.

    `taken` are the open disputes, and the lost ones without their part of our debt: a lost dispute has paid that.
    """
    gone = list(taken)
    own = sum(refund.by_hand_minor for refund in refunds) - sum(one.loss_minor for one in gone)
    owed = sum(refund.due_minor for refund in refunds) - sum(one.owed_minor for one in gone)
    given = summed([refund.given for refund in refunds])
    parties = remaining(price.less(given), summed([one.parties for one in gone]), currency)
    return Holdings(parties=parties, owed_minor=max(owed, 0), own_minor=max(own, 0))


def remaining(left: AmountBreakdown, lost: AmountBreakdown, currency: str) -> AmountBreakdown:
    """Return what remains of the parties' parts after losses.

    The losses of 0.1.0 were split by the price, so one may exceed the rest of its part: then the others are reduced.
    """
    if not lost.total_minor:
        return left
    positive = breakdown_from([max(figure, 0) for figure in left.less(lost).figures])
    amount_minor = min(positive.total_minor, max(left.total_minor - lost.total_minor, 0))
    return _split(positive, amount_minor, currency)


def _split(parties: AmountBreakdown, amount_minor: int, currency: str) -> AmountBreakdown:
    """Take an amount (at most all) from the parties in proportion; a bank need not take whole steps of a currency."""
    if not amount_minor:
        return AmountBreakdown()
    step = step_of(currency)
    return breakdown_from(split_minor(amount_minor, parties.figures, 1 if amount_minor % step else step))
