"""Discounts: a code lowers the price; one use of a limited code is claimed with the seats and returned with them."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent, sets
from domain.core.errors import DiscountRefused, WrongState
from domain.core.ids import derived
from domain.money.money import BPS_WHOLE, share_minor, split_minor


class DiscountTerms(BaseModel):
    """The terms of a discount: percentage or amount, ticket types (none named: all), validity and limit of orders.

    One use is good for `tickets_max` tickets of an order, the cheapest of those that it covers; None: for all of them.
    """

    model_config = ConfigDict(frozen=True)

    percent_bps: int | None = Field(default=None, ge=1, le=BPS_WHOLE)
    amount_minor: int | None = Field(default=None, ge=1)
    ticket_type_ids: tuple[str, ...] = ()
    limit: int | None = Field(default=None, ge=1)
    tickets_max: int | None = Field(default=None, ge=1)
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    @model_validator(mode="after")
    def _check_terms(self) -> Self:
        if (self.percent_bps is None) == (self.amount_minor is None):
            raise ValueError("a discount needs either percent_bps or amount_minor")
        if self.valid_from and self.valid_until and self.valid_from >= self.valid_until:
            raise ValueError("valid_until must be later than valid_from")
        return self

    def changed(self, given: Mapping[str, object]) -> "DiscountTerms":
        """Return these terms with those that are given; raise WrongState if they contradict each other.

        A percentage takes the place of an amount, and the other way.
        """
        other = {"percent_bps": "amount_minor", "amount_minor": "percent_bps"}
        replaced = {other[name]: None for name in other if given.get(name) is not None}
        try:
            return DiscountTerms.model_validate({**self.model_dump(), **replaced, **given})
        except ValidationError as error:
            raise WrongState("; ".join(str(item["msg"]) for item in error.errors())) from None

    def off(self, amounts: Sequence[tuple[str, int]], step: int) -> tuple[int, ...]:
        """Return the discount on each (ticket type, amount) line, at most the amount of the line."""
        eligible = tuple(amount if self.covers(kind) else 0 for kind, amount in amounts)
        whole = sum(eligible)
        if whole == 0:
            return eligible
        taken = min(self.amount_minor or share_minor(whole, self.percent_bps or 0, step), whole)
        return split_minor(taken, eligible, step)

    def good_for(self, lines: Sequence[tuple[str, int, int]]) -> list[tuple[str, int]]:
        """Return the amount of each (ticket type, quantity, price of one) line that one use lowers."""
        left = sum(quantity for _, quantity, _ in lines) if self.tickets_max is None else self.tickets_max
        amounts = [0] * len(lines)
        for number in sorted(range(len(lines)), key=lambda number: lines[number][2]):
            ticket_type_id, quantity, price_minor = lines[number]
            taken = min(quantity, left) if self.covers(ticket_type_id) else 0
            amounts[number], left = taken * price_minor, left - taken
        return [(ticket_type_id, amount) for (ticket_type_id, _, _), amount in zip(lines, amounts, strict=True)]

    def covers(self, ticket_type_id: str) -> bool:
        """Return whether the discount applies to a ticket type."""
        return not self.ticket_type_ids or ticket_type_id in self.ticket_type_ids


class DiscountCreated(CreatedEvent["Discount"]):
    """A discount code of a show was created."""

    TOPIC = "discount.created"

    tenant_id: str
    show_id: str
    code: str
    terms: dict[str, Any]

    def apply(self, discount: "Discount") -> None:
        """Set the terms."""
        discount.terms = DiscountTerms.model_validate(self.terms)


class DiscountClaimed(DomainEvent["Discount"]):
    """An order claimed one use of a limited discount."""

    TOPIC = "discount.claimed"

    key: str

    def apply(self, discount: "Discount") -> None:
        """Add the claim."""
        discount.claims.add(self.key)


class DiscountReturned(DomainEvent["Discount"]):
    """The order ended without a sale, or its last ticket was given back: its use of the discount is free again."""

    TOPIC = "discount.returned"

    key: str
    reason: str

    def apply(self, discount: "Discount") -> None:
        """Remove the claim."""
        discount.claims.discard(self.key)


class DiscountTermsChanged(DomainEvent["Discount"]):
    """The terms of the discount changed; placed orders keep theirs."""

    TOPIC = "discount.terms-changed"

    terms: dict[str, Any]

    def apply(self, discount: "Discount") -> None:
        """Replace the terms."""
        discount.terms = DiscountTerms.model_validate(self.terms)


class DiscountStopped(DomainEvent["Discount"]):
    """The discount was stopped, or may be used again; placed orders keep it."""

    TOPIC = "discount.stopped"

    stopped: bool

    apply = sets("stopped")


class DiscountKeyUsed(CreatedEvent["DiscountKey"]):
    """An Idempotency-Key created a discount; the authority on that key."""

    TOPIC = "discount-key.used"

    body_digest: str


class DiscountKey(Aggregate):
    """An Idempotency-Key under which a discount was created."""

    TOPIC = "discount-key"
    STREAM_CATEGORY = "discount-key"

    body_digest: str


class Discount(Aggregate):
    """A discount code of a show; `claims` are the orders that use one of a limited number."""

    TOPIC = "discount"
    STREAM_CATEGORY = "discount"
    CONTENDED = True

    tenant_id: str
    show_id: str
    code: str
    terms: DiscountTerms = field(init=False)
    claims: set[str] = field(default_factory=set)
    stopped: bool = False

    def check(self, at: datetime, key: str | None = None) -> None:
        """Raise DiscountRefused if the code is not valid now, or used up by other orders."""
        terms = self.terms
        if self.stopped:
            raise DiscountRefused("the discount code was stopped", reason="stopped")
        if terms.valid_from is not None and at < terms.valid_from:
            raise DiscountRefused("the discount code is not valid yet", reason="not-yet-valid")
        if terms.valid_until is not None and at >= terms.valid_until:
            raise DiscountRefused("the discount code is no longer valid", reason="no-longer-valid")
        if terms.limit is not None and key not in self.claims and len(self.claims) >= terms.limit:
            raise DiscountRefused("the discount code has reached its limit of uses", reason="used-up")

    def change_terms(self, terms: DiscountTerms, at: datetime) -> None:
        """Change the terms; the same terms again change nothing. A limit below the uses so far allows no more."""
        if terms != self.terms:
            self.record(DiscountTermsChanged, at, terms=plain_terms(terms))

    def stop(self, at: datetime, *, stopped: bool) -> None:
        """Stop it, or let it be used again; idempotent."""
        if stopped != self.stopped:
            self.record(DiscountStopped, at, stopped=stopped)

    def claim(self, key: str, at: datetime) -> None:
        """Claim one use of a limited discount; idempotent per key."""
        self.check(at, key)
        if self.terms.limit is not None and key not in self.claims:
            self.record(DiscountClaimed, at, key=key)

    def give_back(self, key: str, reason: str, at: datetime) -> None:
        """Return the use claimed under a key; a key without a claim is success."""
        if key in self.claims:
            self.record(DiscountReturned, at, key=key, reason=reason)


def plain_terms(terms: DiscountTerms) -> dict[str, Any]:
    """Return terms as an event stores them; a field of a later release is left out where it says nothing."""
    values = {**terms.model_dump(), "ticket_type_ids": list(terms.ticket_type_ids)}
    return {name: value for name, value in values.items() if name != "tickets_max" or value is not None}


def spelt(code: str) -> str:
    """Return the code in its compared form, without regard to case and surrounding spaces."""
    return code.strip().upper()


def discount_id_of(show_id: str, code: str) -> str:
    """Return the id of the discount with this code of this show."""
    return derived("di", show_id, spelt(code))
