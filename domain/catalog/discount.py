"""Discounts: a code lowers the price; one use of a limited code is claimed with the seats and returned with them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent
from domain.core.errors import DiscountRefused
from domain.core.ids import derived
from domain.money.money import BPS_WHOLE, share_minor, split_minor


class DiscountTerms(BaseModel):
    """The terms of a discount: percentage or amount, ticket types (none named: all), validity and limit of orders."""

    model_config = ConfigDict(frozen=True)

    percent_bps: int | None = Field(default=None, ge=1, le=BPS_WHOLE)
    amount_minor: int | None = Field(default=None, ge=1)
    ticket_type_ids: tuple[str, ...] = ()
    limit: int | None = Field(default=None, ge=1)
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    @model_validator(mode="after")
    def _check_terms(self) -> Self:
        if (self.percent_bps is None) == (self.amount_minor is None):
            raise ValueError("a discount needs either percent_bps or amount_minor")
        if self.valid_from and self.valid_until and self.valid_from >= self.valid_until:
            raise ValueError("valid_until must be later than valid_from")
        return self

    def off(self, amounts: Sequence[tuple[str, int]], step: int) -> tuple[int, ...]:
        """Return the discount on each (ticket type, amount) line, at most the amount of the line."""
        eligible = tuple(amount if self.covers(kind) else 0 for kind, amount in amounts)
        whole = sum(eligible)
        if whole == 0:
            return eligible
        taken = min(self.amount_minor or share_minor(whole, self.percent_bps or 0, step), whole)
        return split_minor(taken, eligible, step)

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


class DiscountClaimed(DomainEvent["Discount"]):
    """An order claimed one use of a limited discount."""

    TOPIC = "discount.claimed"

    key: str

    def apply(self, discount: "Discount") -> None:
        """Add the claim."""
        discount.claims.add(self.key)


class DiscountReturned(DomainEvent["Discount"]):
    """The order ended without a sale: its use of the discount is free again."""

    TOPIC = "discount.returned"

    key: str
    reason: str

    def apply(self, discount: "Discount") -> None:
        """Remove the claim."""
        discount.claims.discard(self.key)


class DiscountKeyUsed(CreatedEvent["DiscountKey"]):
    """An Idempotency-Key created a discount; the authority on that key."""

    TOPIC = "discount-key.used"

    body_digest: str


class DiscountKey(Aggregate):
    """An Idempotency-Key under which a discount was created."""

    TOPIC = "discount-key"
    STREAM_CATEGORY = "discount-key"

    def __init__(self, body_digest: str) -> None:
        """Start with the digest of the request body."""
        self.body_digest = body_digest


class Discount(Aggregate):
    """A discount code of a show; `claims` are the orders that use one of a limited number."""

    TOPIC = "discount"
    STREAM_CATEGORY = "discount"
    CONTENDED = True

    def __init__(self, tenant_id: str, show_id: str, code: str, terms: dict[str, Any]) -> None:
        """Start unused."""
        self.tenant_id = tenant_id
        self.show_id = show_id
        self.code = code
        self.terms = DiscountTerms.model_validate(terms)
        self.claims: set[str] = set()

    def check(self, at: datetime, key: str | None = None) -> None:
        """Raise DiscountRefused if the code is not valid now, or used up by other orders."""
        terms = self.terms
        if terms.valid_from is not None and at < terms.valid_from:
            raise DiscountRefused("the discount code is not valid yet", reason="not-yet-valid")
        if terms.valid_until is not None and at >= terms.valid_until:
            raise DiscountRefused("the discount code is no longer valid", reason="no-longer-valid")
        if terms.limit is not None and key not in self.claims and len(self.claims) >= terms.limit:
            raise DiscountRefused("the discount code has reached its limit of uses", reason="used-up")

    def claim(self, key: str, at: datetime) -> None:
        """Claim one use of a limited discount; idempotent per key."""
        self.check(at, key)
        if self.terms.limit is not None and key not in self.claims:
            self.record(DiscountClaimed, at, key=key)

    def give_back(self, key: str, reason: str, at: datetime) -> None:
        """Return the use claimed under a key; a key without a claim is success."""
        if key in self.claims:
            self.record(DiscountReturned, at, key=key, reason=reason)


def spelt(code: str) -> str:
    """Return the code in its compared form, without regard to case and surrounding spaces."""
    return code.strip().upper()


def discount_id_of(show_id: str, code: str) -> str:
    """Return the id of the discount with this code of this show."""
    return derived("di", show_id, spelt(code))
